#include "simtee/state.h"

#include <sys/stat.h>

#include <thread>
#include <vector>

#include "base/encoding.h"
#include "base/files.h"
#include "testing/result_matchers.h"

namespace strongroom::simtee {
namespace {

using strongroom::testing::Fails;

class State : public ::testing::Test {
 protected:
  Result<sim::World> Open() {
    SystemEntropy entropy;
    const SystemClock clock;
    return OpenWorld(folder(), entropy, clock);
  }
  std::filesystem::path folder() const { return parent_.path() / "state"; }
  std::filesystem::path file() const { return folder() / "world.json"; }
  mode_t ModeOf(const std::filesystem::path& path) const {
    struct stat status{};
    EXPECT_EQ(stat(path.c_str(), &status), 0);
    return status.st_mode & 07777U;
  }

 private:
  const TemporaryFolder parent_ = TemporaryFolder::Make("strongroom-state-test").value();
};

TEST_F(State, IsMadeOnceAndPrivate) {
  ASSERT_OK_AND_ASSIGN(const sim::World first, Open());
  ASSERT_OK_AND_ASSIGN(const sim::World second, Open());
  EXPECT_EQ(first.anchor(), second.anchor());
  EXPECT_EQ(ModeOf(folder()), 0700U);
  EXPECT_EQ(ModeOf(file()), 0600U);
}

TEST_F(State, IsOneForAllThatComeFirst) {
  std::vector<std::string> anchors(8);
  {
    std::vector<std::jthread> threads;
    for (std::string& anchor : anchors) {
      threads.emplace_back([&] {
        const auto world = Open();
        anchor = world.has_value() ? HexEncode(world->anchor().view()) : world.error().ToString();
      });
    }
  }
  for (const std::string& anchor : anchors) EXPECT_EQ(anchor, anchors.front());
  EXPECT_EQ(anchors.front().size(), 64U) << anchors.front();
}

TEST_F(State, ThatOthersMayReadIsRefused) {
  ASSERT_OK(Open());
  ASSERT_EQ(chmod(file().c_str(), 0644), 0);
  EXPECT_THAT(Open(), Fails(Code::kDenied, "mode 0644, wanted owner"));
  ASSERT_EQ(chmod(file().c_str(), 0600), 0);
  ASSERT_EQ(chmod(folder().c_str(), 0755), 0);
  EXPECT_THAT(Open(), Fails(Code::kDenied, "mode 0755, wanted owner"));
}

TEST_F(State, ThatIsDamagedIsNotReplaced) {
  ASSERT_OK(Open());
  ASSERT_OK(WriteFileAtomic(file(), AsBytes("{"), 0600));
  EXPECT_THAT(Open(), Fails(Code::kMalformed, file().string()));
  EXPECT_EQ(ReadTextFile(file(), 10).value(), "{");
}

TEST_F(State, FolderIsTheFlagsOrTheUsers) { EXPECT_EQ(StateFolder("/a/../b").value(), "/b"); }

TEST_F(State, FolderBelowAWorkingFolderThatIsGoneIsAFailure) {
  const std::filesystem::path before = std::filesystem::current_path();
  const TemporaryFolder gone = TemporaryFolder::Make("simtee-gone").value();
  std::filesystem::current_path(gone.path());
  std::filesystem::remove(gone.path());
  EXPECT_THAT(StateFolder("state"), Fails(Code::kNotFound, "state"));
  std::filesystem::current_path(before);
}

}  // namespace
}  // namespace strongroom::simtee
