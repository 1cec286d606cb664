#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>

#include <fmt/format.h>

#include "base/files.h"
#include "pfs/finding.h"
#include "pfs/folder.h"
#include "pfs/testing.h"
#include "pfs/tree_crypt.h"
#include "testing/result_matchers.h"

namespace strongroom::pfs {
namespace {

namespace fs = std::filesystem;
using strongroom::testing::Fails;
using testing::Key;
using testing::Plaintext;

class TreeCrypt : public ::testing::Test {
 protected:
  std::string Path(std::string_view name) const { return (folder_.path() / name).string(); }
  void Put(std::string_view name, ByteView content) {
    fs::create_directories(fs::path(Path(name)).parent_path());
    ASSERT_OK(WriteFileAtomic(Path(name), content, 0644));
  }
  Bytes Get(std::string_view name) const {
    auto content = ReadFile(Path(name), 1 << 26);
    EXPECT_OK(content);
    return content ? *content : Bytes{};
  }
  std::vector<std::string> Names() const {  // of everything in the test's folder
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) {
      names.push_back(fs::relative(entry.path(), folder_.path()).string());
    }
    std::ranges::sort(names);
    return names;
  }

  Result<CryptReport> Enc(std::string_view in, std::string_view out,
                          const CryptOptions& options = {}) {
    return Encrypt(Path(in), Path(out), Key(1), entropy_, options);
  }
  Result<CryptReport> Dec(std::string_view in, std::string_view out,
                          const CryptOptions& options = {}) {
    return Decrypt(Path(in), Path(out), Key(1), options);
  }

  SystemEntropy entropy_;
  TemporaryFolder folder_ = TemporaryFolder::Make("pfs-tree").value();
};

unsigned ModeOf(const std::string& path) {
  return static_cast<unsigned>(fs::status(path).permissions());
}

TEST_F(TreeCrypt, AFileGoesThereAndBack) {
  const Bytes plain = Plaintext(700'000);
  Put("model.bin", plain);
  ASSERT_OK_AND_ASSIGN(const CryptReport report, Enc("model.bin", "model.pf"));
  EXPECT_EQ(report.path, "model.bin");
  EXPECT_EQ(report.plaintext_bytes, plain.size());
  EXPECT_EQ(ModeOf(Path("model.pf")), 0644U);
  ASSERT_OK(Dec("model.pf", "back.bin", {.as = "model.bin"}));
  EXPECT_TRUE(Get("back.bin") == plain);
  EXPECT_EQ(ModeOf(Path("back.bin")), 0600U);
}

TEST_F(TreeCrypt, ATreeEmbedsItsNameAndTheRelativePaths) {
  Put("digits/1/model.xml", Plaintext(10));
  Put("digits/1/model.bin", Plaintext(5000));
  Put("digits/2/model.bin", Plaintext(0));
  fs::create_directories(Path("digits/empty/inside"));
  ASSERT_OK_AND_ASSIGN(const CryptReport report, Enc("digits", "out", {.bulk = {.threads = 2}}));
  EXPECT_EQ(report.files, 3U);
  EXPECT_EQ(report.plaintext_bytes, 5010U);
  EXPECT_TRUE(fs::is_directory(Path("out/empty/inside")));
  ASSERT_OK(Dec("out", "back", {.as = "digits"}));
  EXPECT_EQ(Get("back/1/model.bin"), Plaintext(5000));
  EXPECT_TRUE(fs::is_directory(Path("back/empty/inside")));
  EXPECT_OK(Dec("out/1/model.bin", "one", {.as = "digits/1/model.bin"}));
  EXPECT_OK(Dec("out", "back2"));  // without a name nothing is compared
}

TEST_F(TreeCrypt, ThePrefixOfATreeCanBeChosen) {
  Put("work/model.bin", Plaintext(10));
  ASSERT_OK(Enc("work", "out", {.as = "./digits//1/"}));
  EXPECT_OK(Dec("out/model.bin", "a", {.as = "digits/1/model.bin"}));
  const auto wrong = Dec("out", "b", {.as = "work"});
  ASSERT_FALSE(wrong.has_value());
  EXPECT_EQ(FindingOf(wrong.error()), Finding::kWrongPath);
  EXPECT_FALSE(fs::exists(Path("b")));
}

TEST_F(TreeCrypt, SwappedFilesInATreeAreRefusedAndNothingIsLeft) {
  Put("digits/1/model.bin", Plaintext(5000, 1));
  Put("digits/2/model.bin", Plaintext(5000, 2));
  ASSERT_OK(Enc("digits", "out"));
  fs::rename(Path("out/1/model.bin"), Path("out/x"));
  fs::rename(Path("out/2/model.bin"), Path("out/1/model.bin"));
  fs::rename(Path("out/x"), Path("out/2/model.bin"));
  const auto before = Names();
  const auto read = Dec("out", "back", {.as = "digits"});
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(FindingOf(read.error()), Finding::kWrongPath);
  EXPECT_NE(read.error().message().find("1/model.bin"), std::string::npos);
  EXPECT_EQ(Names(), before);
}

TEST_F(TreeCrypt, LinksAndSpecialFilesAreRefusedBeforeAnythingIsWritten) {
  Put("tree/a", Plaintext(1));
  fs::create_symlink("a", Path("tree/link"));
  EXPECT_THAT(Enc("tree", "out"), Fails(Code::kUnsupported, "link is a symbolic link"));
  fs::remove(Path("tree/link"));
  ASSERT_EQ(mkfifo(Path("tree/pipe").c_str(), 0600), 0);
  EXPECT_THAT(Enc("tree", "out"), Fails(Code::kUnsupported, "pipe is a device, pipe or socket"));
  EXPECT_THAT(Enc("tree/pipe", "out"), Fails(Code::kUnsupported, "device, pipe or socket"));
  EXPECT_FALSE(fs::exists(Path("out")));
}

TEST_F(TreeCrypt, AnExistingFileIsReplacedWholeAndOnlyAfterSuccess) {
  Put("a", Plaintext(10));
  Put("out", AsBytes("before"));
  ASSERT_OK(Enc("a", "out"));
  const Bytes sealed = Get("out");
  EXPECT_EQ(sealed.size(), kNodeSize);
  Put("back", AsBytes("before"));
  Bytes broken = sealed;
  broken[100] ^= 1;
  Put("broken", broken);
  EXPECT_FALSE(Dec("broken", "back").has_value());
  EXPECT_EQ(ToText(Get("back")), "before");
  EXPECT_THAT(Enc("a", "out", {.existing = Existing::kRefuse}),
              Fails(Code::kConflict, "exists already"));
  EXPECT_EQ(Get("out"), sealed);
}

TEST_F(TreeCrypt, AnOutputThatIsInTheWayIsRefused) {
  Put("a", Plaintext(10));
  Put("tree/a", Plaintext(10));
  Put("full/x", Plaintext(10));
  fs::create_directories(Path("empty"));
  fs::create_symlink("a", Path("link"));
  EXPECT_THAT(Enc("tree", "full"), Fails(Code::kConflict, "is not empty"));
  EXPECT_THAT(Enc("tree", "a"), Fails(Code::kConflict, "is not a folder"));
  EXPECT_THAT(Enc("a", "full"), Fails(Code::kConflict, "not a regular file"));
  EXPECT_THAT(Enc("a", "a"), Fails(Code::kConflict, "are one file"));
  EXPECT_THAT(Enc("a", "link"), Fails(Code::kConflict, "are one file"));
  EXPECT_THAT(Enc("tree", "tree/out"), Fails(Code::kConflict, "inside the input"));
  EXPECT_THAT(Enc("tree", "nowhere/out"), Fails(Code::kNotFound, "nowhere"));
  EXPECT_THAT(Enc("absent", "out"), Fails(Code::kNotFound, "absent"));
  EXPECT_OK(Enc("tree", "empty"));
}

TEST_F(TreeCrypt, NamesAsLongAndTreesAsDeepAsTheFormatAllows) {
  // 771 bytes of embedded path: "t", then 385 folders of one letter; and names of 255 bytes.
  const UniqueFd root(open(folder_.path().c_str(), O_RDONLY | O_DIRECTORY));
  FolderCursor maker(root.get(), FolderCursor::Missing::kMake, 0700);
  std::string deep = "t";
  for (int i = 0; i < 384; ++i) deep += "/d";
  ASSERT_OK_AND_ASSIGN(const int folder, maker.Open(deep));
  const UniqueFd file(openat(folder, "f", O_WRONLY | O_CREAT, 0600));
  ASSERT_OK(WriteAll(file.get(), AsBytes("deep"), "f"));
  Put("t/" + std::string(255, 'n') + "/" + std::string(255, 'm') + "/" + std::string(255, 'o'),
      AsBytes("long"));
  ASSERT_OK(Enc("t", "out"));
  ASSERT_OK(Dec("out", "back", {.as = "t"}));
  FolderCursor cursor(root.get());
  ASSERT_OK_AND_ASSIGN(const int back, cursor.Open("back" + deep.substr(1)));
  const UniqueFd read(openat(back, "f", O_RDONLY));
  char text[5] = {};
  ASSERT_EQ(::read(read.get(), text, 4), 4);
  EXPECT_STREQ(text, "deep");
}

TEST_F(TreeCrypt, APathTooLongForTheFormatIsRefusedBeforeAnythingIsWritten) {
  Put("t/" + std::string(255, 'n') + "/" + std::string(255, 'm') + "/" + std::string(255, 'o') +
          "/p",
      {});
  EXPECT_THAT(Enc("t", "out", {.as = "12345"}), Fails(Code::kMalformed, "wanted at most 771"));
  EXPECT_FALSE(fs::exists(Path("out")));
  EXPECT_OK(Enc("t", "out", {.as = "t"}));
}

TEST_F(TreeCrypt, ATreeDeeperThanAPathOfTheSystemIsRead) {
  // 2500 folders deep: beyond PATH_MAX, and beyond what any embedded path can say, so decrypting
  // without a name.
  const UniqueFd root(open(folder_.path().c_str(), O_RDONLY | O_DIRECTORY));
  {
    FolderCursor maker(root.get(), FolderCursor::Missing::kMake, 0700);
    std::string deep = "t";
    for (int i = 0; i < 2500; ++i) deep += "/d";
    ASSERT_OK_AND_ASSIGN(const int folder, maker.Open(deep));
    const UniqueFd file(openat(folder, "f", O_WRONLY | O_CREAT, 0600));
    ASSERT_OK(WriteAll(file.get(), testing::MakeFile(AsBytes("deep"), Key(1)), "f"));
  }
  ASSERT_OK_AND_ASSIGN(const CryptReport report, Dec("t", "back"));
  EXPECT_EQ(report.plaintext_bytes, 4U);
  EXPECT_THAT(Enc("back", "again"), Fails(Code::kMalformed, "wanted at most 771"));
  RemoveTree(root.get(), "t");
  RemoveTree(root.get(), "back");
  EXPECT_TRUE(Names().empty());
}

// Runs in a process of its own, with a limit on file sizes: the kernel fails the write as a full
// disk does.
int InChildWithFileLimit(rlim_t limit, const std::function<bool()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit rule{limit, limit};
    setrlimit(RLIMIT_FSIZE, &rule);
    _exit(body() ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(TreeCrypt, AFullDiskLeavesTheOldStateAndSaysSo) {
  Put("a", Plaintext(3'000'000));
  Put("tree/a", Plaintext(3'000'000));
  ASSERT_OK(Enc("a", "sealed"));
  Put("out", AsBytes("before"));
  const auto before = Names();
  for (const std::function<Result<CryptReport>()>& run :
       {std::function<Result<CryptReport>()>([&] { return Enc("a", "out"); }),
        {[&] { return Dec("sealed", "out"); }},
        {[&] { return Enc("tree", "new"); }},
        {[&] { return Enc("a", "out", {.bulk = {.threads = 3}}); }}}) {
    EXPECT_EQ(InChildWithFileLimit(1'000'000,
                                   [&] {
                                     const auto done = run();
                                     return !done.has_value() &&
                                            done.error().message().contains("File too large");
                                   }),
              0);
    EXPECT_EQ(Names(), before);
    EXPECT_EQ(ToText(Get("out")), "before");
  }
}

TEST_F(TreeCrypt, ADiskTooSmallIsFoundBeforeTheWork) {
  Put("probe", {});
  const UniqueFd probe(open(Path("probe").c_str(), O_RDWR | O_CLOEXEC));
  if (fallocate(probe.get(), 0, 0, 1) != 0)
    GTEST_SKIP() << "skipped: no room can be set aside here";
  Put("a", Plaintext(3'000'000));
  ASSERT_OK(Enc("a", "sealed"));
  bool begun = false;
  CryptOptions options;
  options.bulk.on_progress = [&](std::uint64_t) -> Status {
    begun = true;
    return {};
  };
  const auto refused = [&](const Result<CryptReport>& done) {
    return !done.has_value() && done.error().code() == Code::kExhausted && !begun;
  };
  EXPECT_EQ(InChildWithFileLimit(1'000'000, [&] { return refused(Enc("a", "out", options)); }), 0);
  EXPECT_EQ(InChildWithFileLimit(1'000'000, [&] { return refused(Dec("sealed", "out", options)); }),
            0);
}

TEST_F(TreeCrypt, AKilledWriterLeavesNoHalfFile) {
  Put("a", Plaintext(20'000'000));
  Put("out", AsBytes("before"));
  for (const std::uint64_t kill_after : {1'000'000U, 10'000'000U, 19'000'000U}) {
    const pid_t child = fork();
    if (child == 0) {
      std::uint64_t done = 0;
      CryptOptions options;
      options.bulk.on_progress = [&](std::uint64_t n) -> Status {
        done += n;
        if (done >= kill_after) raise(SIGKILL);
        return {};
      };
      (void)Enc("a", "out", options);
      _exit(1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    EXPECT_EQ(ToText(Get("out")), "before");
    // A file system without nameless files may keep a hidden one; nothing of the target's name is
    // ever half there.
    for (const std::string& name : Names())
      EXPECT_TRUE(name == "a" || name == "out" || name.starts_with(".strongroom-"));
  }
}

TEST_F(TreeCrypt, CancellingRemovesWhatWasMade) {
  Put("tree/a", Plaintext(2'000'000));
  Put("tree/b", Plaintext(2'000'000));
  const auto before = Names();
  CryptOptions options;
  std::uint64_t done = 0;
  options.bulk.on_progress = [&](std::uint64_t n) -> Status {
    done += n;
    if (done > 2'500'000) return Cancelled("stopped");
    return {};
  };
  EXPECT_THAT(Enc("tree", "out", options), Fails(Code::kCancelled, "stopped"));
  EXPECT_EQ(Names(), before);
}

}  // namespace
}  // namespace strongroom::pfs
