// The state on a disk that is really full: a small file system in a mount namespace of a child.

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <functional>

#include <fmt/format.h>

#include "base/entropy.h"
#include "base/files.h"
#include "coordinator/core/testing/fakes.h"
#include "coordinator/store/sqlite_store.h"
#include "testing/result_matchers.h"

namespace strongroom::coordinator {
namespace {

namespace fs = std::filesystem;
using strongroom::testing::Fails;

class FullDiskTest : public ::testing::Test {
 protected:
  // Runs `work` where state_ is a disk of its own of a quarter of a mebibyte; true when nothing
  // failed in it, or when this machine allows no mounts.
  bool OnSmallDisk(const std::function<void()>& work) const {
    const pid_t child = fork();
    if (child == 0) {
      if (unshare(CLONE_NEWNS) != 0 || mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
          mount("none", state_.c_str(), "tmpfs", 0, "size=256k") != 0) {
        fmt::print("skipped: full disk (this machine allows no mounts)\n");
        fflush(stdout);
        _exit(0);
      }
      work();
      _exit(::testing::Test::HasFailure() ? 1 : 0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  Result<std::unique_ptr<SqliteStore>> Open() {
    return SqliteStore::Open(state_, sealer_, entropy_);
  }
  static StateChange One(const std::string& name, std::string_view value) {
    StateChange out;
    out.records.push_back({name, SecretBytes(AsBytes(value))});
    return out;
  }
  static std::string Value(Store& store, const std::string& name) {
    const auto records = store.Read(name, name, 1);
    EXPECT_OK(records);
    return records && !records->empty() ? ToText(records->front().value.Reveal()) : "(none)";
  }
  // Takes all that is left of the disk.
  void Fill() const {
    const UniqueFd fd(open((state_ / "other").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    const Bytes block(4096);
    while (write(fd.get(), block.data(), block.size()) > 0) {
    }
    EXPECT_EQ(errno, ENOSPC);
  }

  TemporaryFolder folder_ = TemporaryFolder::Make("full-disk").value();
  fs::path state_ = folder_.path();
  testing::FakeSealer sealer_;
  SystemEntropy entropy_;
};

TEST_F(FullDiskTest, RefusesAWriteKeepsWhatWasThereAndGoesOnWhenThereIsRoom) {
  EXPECT_TRUE(OnSmallDisk([this] {
    {
      ASSERT_OK_AND_ASSIGN(const auto store, Open());
      ASSERT_OK(store->Create(manifest::SealMode::kProductKey, One("manifest", "first")));
      const std::string large(500'000, 'x');
      for (int i = 0; i < 3; ++i) {
        EXPECT_THAT(store->Write(One("large", large)), Fails(Code::kExhausted, "full"));
        EXPECT_EQ(Value(*store, "manifest"), "first");
        EXPECT_EQ(Value(*store, "large"), "(none)");
      }
      ASSERT_EQ(mount("none", state_.c_str(), "tmpfs", MS_REMOUNT, "size=8m"), 0);
      EXPECT_OK(store->Write(One("large", large)));
    }
    ASSERT_OK_AND_ASSIGN(const auto store, Open());
    EXPECT_EQ(Value(*store, "manifest"), "first");
    EXPECT_EQ(Value(*store, "large").size(), 500'000U);
  }));
}

TEST_F(FullDiskTest, ANewStateIsNotHalfMade) {
  EXPECT_TRUE(OnSmallDisk([this] {
    Fill();
    const auto store = Open();
    const Status made = store.has_value() ? (*store)->Create(manifest::SealMode::kProductKey,
                                                             One("manifest", "first"))
                                          : Status(std::unexpected(store.error()));
    EXPECT_THAT(made, Fails(Code::kExhausted, "full"));
    fs::remove(state_ / "other");
    ASSERT_OK_AND_ASSIGN(const auto again, Open());
    EXPECT_EQ(again->found(), Store::Found::kNothing);
    EXPECT_OK(again->Create(manifest::SealMode::kProductKey, One("manifest", "second")));
    EXPECT_EQ(Value(*again, "manifest"), "second");
  }));
}

}  // namespace
}  // namespace strongroom::coordinator
