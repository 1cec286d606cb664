// What is on the disk before a tree or a file gets its name. The library's calls come here first.

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <set>

#include <fmt/format.h>

#include "base/files.h"
#include "pfs/testing.h"
#include "pfs/tree_crypt.h"
#include "testing/result_matchers.h"

namespace {

struct Calls {
  std::vector<ino_t> synced = {};       // in order
  std::vector<std::size_t> named = {};  // at each rename, how many were synced before
  std::size_t fail_at = SIZE_MAX;       // the sync that fails
} calls;

}  // namespace

extern "C" int fsync(int fd) {
  struct stat info{};
  if (fstat(fd, &info) != 0) return -1;
  if (calls.synced.size() == calls.fail_at) {
    errno = EIO;
    return -1;
  }
  calls.synced.push_back(info.st_ino);
  return static_cast<int>(syscall(SYS_fsync, fd));
}

// NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): glibc's are reserved
extern "C" int renameat(int from_folder, const char* from, int to_folder, const char* to) noexcept {
  calls.named.push_back(calls.synced.size());
  return static_cast<int>(syscall(SYS_renameat2, from_folder, from, to_folder, to, 0));
}

namespace strongroom::pfs {
namespace {

namespace fs = std::filesystem;
using strongroom::testing::Fails;
using testing::Key;

class Syncing : public ::testing::Test {
 protected:
  void SetUp() override {
    calls = {};
    for (const char* folder : {"tree/1/deep/er", "tree/empty/inside"})
      fs::create_directories(Path(folder));
    for (const char* file : {"tree/a", "tree/1/b", "tree/1/c", "tree/1/deep/er/d"})
      ASSERT_OK(WriteFileAtomic(Path(file), AsBytes(file), 0600));
    calls = {};
  }
  std::string Path(std::string_view name) const { return (folder_.path() / name).string(); }
  ino_t Inode(const std::string& path) const {
    struct stat info{};
    EXPECT_EQ(stat(path.c_str(), &info), 0) << path;
    return info.st_ino;
  }
  Result<CryptReport> Enc(const char* in, const char* out) {
    return Encrypt(Path(in), Path(out), Key(1), entropy_, {});
  }

  SystemEntropy entropy_;
  TemporaryFolder folder_ = TemporaryFolder::Make("pfs-sync").value();
};

TEST_F(Syncing, AllOfATreeIsOnTheDiskBeforeItHasItsName) {
  ASSERT_OK(Enc("tree", "out"));
  ASSERT_EQ(calls.named.size(), 1U);
  const auto before_name = calls.synced.begin() + static_cast<std::ptrdiff_t>(calls.named[0]);
  const std::set<ino_t> synced(calls.synced.begin(), before_name);
  EXPECT_TRUE(synced.contains(Inode(Path("out"))));
  std::size_t entries = 1;
  for (const auto& entry : fs::recursive_directory_iterator(Path("out"))) {
    EXPECT_TRUE(synced.contains(Inode(entry.path()))) << entry.path();
    ++entries;
  }
  EXPECT_EQ(entries, 10U);
  EXPECT_EQ(calls.named[0], entries) << "each once";
  EXPECT_EQ(calls.synced.back(), Inode(folder_.path())) << "the name itself, last";
  EXPECT_EQ(calls.synced.size(), entries + 1);
}

TEST_F(Syncing, ADiskThatFailsLeavesNothingOfTheTree) {
  for (std::size_t i = 0; i < 10; ++i) {
    calls = {.fail_at = i};
    EXPECT_THAT(Enc("tree", "out"), Fails(Code::kInternal, "Input/output error")) << i;
    EXPECT_TRUE(calls.named.empty()) << i;
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_.path()))
      names.insert(entry.path().filename());
    EXPECT_EQ(names, std::set<std::string>{"tree"}) << i;
  }
  calls = {.fail_at = 10};  // the folder around it
  EXPECT_THAT(Enc("tree", "out"), Fails(Code::kInternal, "Input/output error"));
  EXPECT_TRUE(fs::exists(Path("out/1/deep/er/d")));
}

TEST_F(Syncing, AFileIsOnTheDiskBeforeItReplacesAnother) {
  ASSERT_OK(WriteFileAtomic(Path("out"), AsBytes("before"), 0600));
  calls = {};
  ASSERT_OK(Enc("tree/a", "out"));
  EXPECT_EQ(calls.named, std::vector<std::size_t>{1});
  EXPECT_EQ(calls.synced, (std::vector{Inode(Path("out")), Inode(folder_.path())}));
  ASSERT_OK(WriteFileAtomic(Path("out"), AsBytes("before"), 0600));
  calls = {.fail_at = 0};
  EXPECT_THAT(Enc("tree/a", "out"), Fails(Code::kInternal, "Input/output error"));
  EXPECT_EQ(ReadTextFile(Path("out"), 10).value(), "before");
}

}  // namespace
}  // namespace strongroom::pfs
