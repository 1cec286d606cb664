#include "agent/file_layout.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include <gtest/gtest.h>

#include "testing/result_matchers.h"

namespace strongroom::agent {
namespace {

namespace fs = std::filesystem;
using strongroom::testing::Fails;

// A folder in memory, and one that is not.
class FileLayoutTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/dev/shm/agent-test-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    run_ = root_ / "run";
  }
  void TearDown() override { fs::remove_all(root_); }

  // Not in memory on any machine that builds from a disk.
  static std::optional<fs::path> Disk() {
    for (const fs::path& place :
         {fs::current_path(), fs::temp_directory_path(), fs::path("/var/tmp"), fs::path("/proc")}) {
      const auto memory = IsInMemory(place);
      if (memory.has_value() && !*memory) return place;
    }
    return std::nullopt;
  }

  fs::path root_;
  fs::path run_;
};

TEST_F(FileLayoutTest, WritesFilesOnlyForTheirOwnerAndRemovesThem) {
  {
    ASSERT_OK_AND_ASSIGN(FileLayout layout, FileLayout::Open(run_));
    EXPECT_EQ(layout.swept(), 0U);
    ASSERT_OK(layout.Write(root_ / "a", AsBytes("secret")));
    ASSERT_OK(layout.Write(root_ / "deep/er/b", AsBytes("other")));
    EXPECT_EQ(*ReadTextFile(root_ / "a", 100), "secret");
    EXPECT_EQ(*ReadTextFile(root_ / "deep/er/b", 100), "other");
    struct stat status{};
    ASSERT_EQ(stat((root_ / "a").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
    ASSERT_EQ(stat((root_ / "deep").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0700U);
  }
  EXPECT_FALSE(fs::exists(root_ / "a"));
  EXPECT_FALSE(fs::exists(root_ / "deep"));
  EXPECT_TRUE(fs::is_empty(run_));
}

TEST_F(FileLayoutTest, OverwritesBeforeItRemoves) {
  UniqueFd held;
  {
    ASSERT_OK_AND_ASSIGN(FileLayout layout, FileLayout::Open(run_));
    ASSERT_OK(layout.Write(root_ / "a", Bytes(10'000, 0x77)));
    held = UniqueFd(open((root_ / "a").c_str(), O_RDONLY | O_CLOEXEC));
  }
  Bytes content(20'000);
  ASSERT_EQ(read(held.get(), content.data(), content.size()), 10'000);
  content.resize(10'000);
  EXPECT_EQ(content, Bytes(10'000, 0));
}

TEST_F(FileLayoutTest, OverwritesWhatItReplacedOnceItsReadersHadTheirTime) {
  std::vector<UniqueFd> held;
  const auto hold = [&](const fs::path& path) {
    held.emplace_back(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  };
  const auto content = [&](std::size_t i) {
    Bytes out(20'000);
    out.resize(static_cast<std::size_t>(pread(held.at(i).get(), out.data(), out.size(), 0)));
    return out;
  };
  {
    ASSERT_OK_AND_ASSIGN(FileLayout layout, FileLayout::Open(run_));
    ASSERT_OK(layout.Write(root_ / "a", Bytes(10'000, 1)));
    hold(root_ / "a");
    ASSERT_OK(WriteFileAtomic(root_ / "a.new", Bytes(10'000, 9), 0600));  // an attempt that failed
    hold(root_ / "a.new");
    ASSERT_OK(layout.Replace(root_ / "a", Bytes(10'000, 2)));
    EXPECT_EQ(content(0), Bytes(10'000, 1)) << "who reads it meanwhile reads it whole";
    EXPECT_EQ(content(1), Bytes(10'000, 0));
    layout.WipeReplaced();
    EXPECT_EQ(content(0), Bytes(10'000, 0));
    hold(root_ / "a");
    ASSERT_OK(layout.Replace(root_ / "a", Bytes(10'000, 3)));
    EXPECT_EQ(content(2), Bytes(10'000, 2));
  }
  EXPECT_EQ(content(2), Bytes(10'000, 0)) << "at the end without being asked";
}

TEST_F(FileLayoutTest, LeavesFoldersThatOthersUse) {
  {
    ASSERT_OK_AND_ASSIGN(FileLayout layout, FileLayout::Open(run_));
    ASSERT_OK(layout.Write(root_ / "shared/a", AsBytes("x")));
    ASSERT_OK(WriteFileAtomic(root_ / "shared/foreign", AsBytes("y"), 0600));
  }
  EXPECT_TRUE(fs::exists(root_ / "shared/foreign"));
  EXPECT_FALSE(fs::exists(root_ / "shared/a"));
}

TEST_F(FileLayoutTest, RefusesPlacesThatAreNotInMemory) {
  const auto disk = Disk();
  if (!disk) GTEST_SKIP() << "skipped: every folder of this machine is in memory";
  ASSERT_OK_AND_ASSIGN(FileLayout layout, FileLayout::Open(run_));
  EXPECT_THAT(layout.Write(*disk / "strongroom-agent-test", AsBytes("secret")),
              Fails(Code::kPrecondition, "not on tmpfs"));
  EXPECT_THAT(layout.Write(*disk / "no/such/folder/x", AsBytes("secret")),
              Fails(Code::kPrecondition, "not on tmpfs"));
  fs::create_directory_symlink(*disk, root_ / "link");
  EXPECT_THAT(layout.Write(root_ / "link/strongroom-agent-test", AsBytes("secret")),
              Fails(Code::kPrecondition, "not on tmpfs"));
  EXPECT_FALSE(fs::exists(*disk / "strongroom-agent-test"));
  EXPECT_THAT(FileLayout::Open(*disk / "strongroom-agent-run"),
              Fails(Code::kPrecondition, "not on tmpfs"));
}

TEST_F(FileLayoutTest, RefusesWhatIsThereAndPathsThatAreNotPlain) {
  ASSERT_OK_AND_ASSIGN(FileLayout layout, FileLayout::Open(run_));
  ASSERT_OK(WriteFileAtomic(root_ / "there", AsBytes("y"), 0600));
  EXPECT_THAT(layout.Write(root_ / "there", AsBytes("x")), Fails(Code::kConflict, "there already"));
  fs::create_symlink(root_ / "nowhere", root_ / "dangling");
  EXPECT_THAT(layout.Write(root_ / "dangling", AsBytes("x")),
              Fails(Code::kConflict, "there already"));
  for (const std::string& path : {std::string("relative"), (root_ / "a/../b").string(),
                                  root_.string() + "/a/", std::string("/"), std::string()}) {
    EXPECT_THAT(layout.Write(path, AsBytes("x")), Fails(Code::kMalformed, "no plain absolute path"))
        << path;
  }
}

TEST_F(FileLayoutTest, RefusesARunFolderThatIsNotOursAlone) {
  fs::create_directory(run_);
  fs::permissions(run_, fs::perms::owner_all | fs::perms::group_read);
  EXPECT_THAT(FileLayout::Open(run_), Fails(Code::kDenied, "mode 0700"));
  fs::remove(run_);
  fs::create_directory(root_ / "other");
  fs::permissions(root_ / "other", fs::perms::owner_all);
  fs::create_directory_symlink(root_ / "other", run_);
  EXPECT_THAT(FileLayout::Open(run_), Fails(Code::kDenied, "ours alone"));
}

TEST_F(FileLayoutTest, SweepsWhatAKilledAgentLeft) {
  const pid_t killed = fork();
  if (killed == 0) {
    auto layout = FileLayout::Open(run_);
    if (layout.has_value() && layout->Write(root_ / "left/a", AsBytes("1")).has_value() &&
        layout->Write(root_ / "left/b", AsBytes("2")).has_value()) {
      kill(getpid(), SIGKILL);
    }
    _exit(1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(killed, &status, 0), killed);
  ASSERT_TRUE(WIFSIGNALED(status)) << "the child could not write its files";
  ASSERT_TRUE(fs::exists(root_ / "left/a"));
  ASSERT_OK_AND_ASSIGN(const FileLayout layout, FileLayout::Open(run_));
  EXPECT_EQ(layout.swept(), 2U);
  EXPECT_FALSE(fs::exists(root_ / "left"));
}

TEST_F(FileLayoutTest, LeavesTheFilesOfALiveAgent) {
  ASSERT_OK_AND_ASSIGN(FileLayout first, FileLayout::Open(run_));
  ASSERT_OK(first.Write(root_ / "a", AsBytes("1")));
  ASSERT_OK_AND_ASSIGN(const FileLayout second, FileLayout::Open(run_));
  EXPECT_EQ(second.swept(), 0U);
  EXPECT_TRUE(fs::exists(root_ / "a"));
}

TEST_F(FileLayoutTest, SweepsAFileThatWasNotedAndNeverMade) {
  fs::create_directory(run_);
  fs::permissions(run_, fs::perms::owner_all);
  const std::string note =
      "f" + (root_ / "never").string() + std::string(1, '\0') + "f" + (root_ / "half").string();
  ASSERT_OK(WriteFileAtomic(run_ / "1.written", AsBytes(note), 0600));
  ASSERT_OK(WriteFileAtomic(root_ / "half", AsBytes("foreign"), 0600));
  ASSERT_OK_AND_ASSIGN(const FileLayout layout, FileLayout::Open(run_));
  EXPECT_EQ(layout.swept(), 0U);
  EXPECT_TRUE(fs::exists(root_ / "half")) << "an entry without its end was never acted on";
}

}  // namespace
}  // namespace strongroom::agent
