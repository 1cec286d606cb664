// The built program, as a user runs it.

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "cli/testing/program.h"
#include "testing/process.h"
#include "testing/result_matchers.h"
#include "testing/sanitizers.h"

namespace strongroom::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using strongroom::testing::ProcessOptions;
using strongroom::testing::ProcessResult;
using strongroom::testing::ProgramPath;
using strongroom::testing::RunProcess;
using ::testing::HasSubstr;

class FileCommandsTest : public testing::ProgramTest {};

TEST_F(FileCommandsTest, KeygenWritesSixteenBytesForTheOwnerAloneAndNeverOverwrites) {
  const Bytes key = Get("key");
  EXPECT_EQ(key.size(), 16U);
  EXPECT_EQ(static_cast<unsigned>(fs::status(Path("key")).permissions()), 0600U);
  const ProcessResult again = Run({"keygen", "--out", "key"});
  EXPECT_EQ(again.exit_status, 1);
  EXPECT_THAT(again.err, HasSubstr("key: File exists\nnext: choose another name"));
  EXPECT_EQ(Get("key"), key);
  ASSERT_EQ(Run({"keygen", "--out", "other"}).exit_status, 0);
  EXPECT_NE(Get("other"), key);
}

TEST_F(FileCommandsTest, AFileGoesThereAndBack) {
  const Bytes plain = PutRandom("model.bin", 500'000);
  const ProcessResult encrypted = Run({"encrypt", "--key", "key", "model.bin", "model.pf"});
  EXPECT_EQ(encrypted.exit_status, 0) << encrypted.err;
  EXPECT_EQ(encrypted.out, "encrypted 1 file (500000 bytes) to model.pf, as \"model.bin\"\n");
  EXPECT_EQ(encrypted.err, "");
  const ProcessResult decrypted =
      Run({"decrypt", "--key", "key", "--as", "model.bin", "model.pf", "back"});
  EXPECT_EQ(decrypted.exit_status, 0) << decrypted.err;
  EXPECT_EQ(Get("back"), plain);
}

TEST_F(FileCommandsTest, ATreeGoesThereAndBackInBothFormats) {
  const Bytes plain = PutRandom("digits/1/model.bin", 5000);
  Put("digits/1/model.xml", AsBytes("<net/>"));
  for (const std::string format : {"gramine1", "gramine2"}) {
    ASSERT_EQ(Run({"encrypt", "--key", "key", "--format", format, "digits", format}).exit_status,
              0);
    EXPECT_EQ(Get(format + "/1/model.bin")[8], format == "gramine1" ? 1 : 2);
    ASSERT_EQ(
        Run({"decrypt", "--key", "key", "--as", "digits", format, format + "-back"}).exit_status,
        0);
    EXPECT_EQ(Get(format + "-back/1/model.bin"), plain);
    EXPECT_EQ(Run({"decrypt", "--key", "key", "--as", "digits/1/model.bin", format + "/1/model.bin",
                   "one" + format})
                  .exit_status,
              0);
  }
}

TEST_F(FileCommandsTest, WhatIsNotGenuineEndsWithFourSaysWhyAndLeavesNothing) {
  PutRandom("a", 9000);
  ASSERT_EQ(Run({"keygen", "--out", "other-key"}).exit_status, 0);
  ASSERT_EQ(Run({"encrypt", "--key", "key", "a", "sealed"}).exit_status, 0);
  const Bytes sealed = Get("sealed");
  Bytes tampered = sealed;
  tampered[9000] ^= 1;
  Put("tampered", tampered);
  Put("cut", ByteView(sealed).first(8192));
  Put("odd", ByteView(sealed).first(8000));
  const auto before = Names();
  struct Row {
    std::vector<std::string> arguments;
    std::string finding, text;
  };
  for (const Row& row :
       {Row{{"--key", "other-key", "sealed"},
            "pfs.wrong-key-or-tampered-metadata",
            "cannot tell which"},
        Row{{"--key", "key", "tampered"}, "pfs.tampered-node", "node 2 of the file"},
        Row{{"--key", "key", "cut"}, "pfs.truncated", "2 nodes of 4096 bytes, wanted 4"},
        Row{{"--key", "key", "odd"}, "pfs.truncated", "8000 bytes, wanted a multiple of 4096"},
        Row{{"--key", "key", "--as", "b", "sealed"}, "pfs.wrong-path", "as \"a\", wanted \"b\""},
        Row{{"--key", "key", "a"}, "pfs.not-a-protected-file", "begins with GRAFS_PF"}}) {
    std::vector<std::string> arguments = {"decrypt", "--json"};
    arguments.insert(arguments.end(), row.arguments.begin(), row.arguments.end());
    arguments.emplace_back("out");
    const ProcessResult result = Run(arguments);
    EXPECT_EQ(result.exit_status, 4) << row.finding;
    EXPECT_EQ(result.out, "");
    const json error = json::parse(result.err, nullptr, false);
    ASSERT_FALSE(error.is_discarded()) << result.err;
    EXPECT_EQ(error["error"]["finding"], row.finding);
    EXPECT_THAT(error["error"]["message"].get<std::string>(), HasSubstr(row.text));
    EXPECT_FALSE(error["error"]["next"].get<std::string>().empty());
    EXPECT_EQ(Names(), before);
  }
}

TEST_F(FileCommandsTest, WhatIsMissingOrInTheWayEndsWithOneAndIsNamed) {
  Put("a", AsBytes("x"));
  Put("short-key", AsBytes("0123456789"));
  Put("long-key", Bytes(5000));
  Put("full/x", AsBytes("x"));
  Put("tree/x", AsBytes("x"));
  Put("linked/x", AsBytes("x"));
  fs::create_symlink("x", Path("linked/link"));
  const auto before = Names();
  struct Row {
    std::vector<std::string> arguments;
    std::string text;
  };
  for (const Row& row :
       {Row{{"encrypt", "--key", "nokey", "a", "out"},
            "nokey: No such file or directory\nnext: a key file has 16"},
        Row{{"encrypt", "--key", "short-key", "a", "out"}, "a key of 10 bytes, wanted exactly 16"},
        Row{{"encrypt", "--key", "long-key", "a", "out"}, "long-key is larger than 4096 bytes"},
        Row{{"encrypt", "--key", "key", "absent", "out"}, "absent: No such file"},
        Row{{"encrypt", "--key", "key", "a", "nowhere/out"}, "nowhere: No such file"},
        Row{{"encrypt", "--key", "key", "a", "a"}, "are one file"},
        Row{{"encrypt", "--key", "key", "a", "full"}, "not a regular file"},
        Row{{"encrypt", "--key", "key", "tree", "full"}, "not empty"},
        Row{{"encrypt", "--key", "key", "linked", "out"}, "link is a symbolic link"},
        Row{{"encrypt", "--key", "key", "/dev/null", "out"}, "device, pipe or socket"},
        Row{{"encrypt", "--key", "key", "--as", std::string(772, 'x'), "a", "out"}, "at most 771"},
        Row{{"keygen", "--out", "nowhere/key"}, "No such file"}}) {
    const ProcessResult result = Run(row.arguments);
    EXPECT_EQ(result.exit_status, 1) << row.text;
    EXPECT_THAT(result.err, HasSubstr(row.text));
    EXPECT_EQ(Names(), before);
  }
}

TEST_F(FileCommandsTest, ASecondRunReplacesAFileAndRefusesAFolder) {
  PutRandom("a", 5000);
  PutRandom("tree/a", 5000);
  ASSERT_EQ(Run({"encrypt", "--key", "key", "a", "out"}).exit_status, 0);
  const Bytes first = Get("out");
  ASSERT_EQ(Run({"encrypt", "--key", "key", "a", "out"}).exit_status, 0);
  EXPECT_NE(Get("out"), first);
  ASSERT_EQ(Run({"encrypt", "--key", "key", "tree", "out-tree"}).exit_status, 0);
  EXPECT_EQ(Run({"encrypt", "--key", "key", "tree", "out-tree"}).exit_status, 1);
}

TEST_F(FileCommandsTest, AKeyThatOthersMayReadIsToldOf) {
  Put("a", AsBytes("x"));
  ASSERT_EQ(chmod(Path("key").c_str(), 0644), 0);
  const ProcessResult result = Run({"encrypt", "--key", "key", "a", "out"});
  EXPECT_EQ(result.exit_status, 0);
  EXPECT_THAT(result.err, HasSubstr("chmod 600 key"));
}

TEST_F(FileCommandsTest, InspectShowsWhatIsOpenAndWithTheKeyAll) {
  PutRandom("a", 9000);
  ASSERT_EQ(Run({"encrypt", "--key", "key", "--as", "m/1/a", "a", "sealed"}).exit_status, 0);
  const json open = json::parse(Run({"inspect", "--json", "sealed"}).out);
  EXPECT_EQ(open, (json{{"format", "gramine2"}, {"fileSize", 16384}, {"unfinished", false}}));
  const json all = json::parse(Run({"inspect", "--json", "--key", "key", "sealed"}).out);
  EXPECT_EQ(all["path"], "m/1/a");
  EXPECT_EQ(all["plaintextSize"], 9000);
  EXPECT_EQ(all["genuine"], true);
  Bytes tampered = Get("sealed");
  tampered[16000] ^= 1;
  Put("sealed", tampered);
  EXPECT_EQ(Run({"inspect", "--key", "key", "sealed"}).exit_status, 4);
  EXPECT_EQ(Run({"inspect", "sealed"}).exit_status, 0);
  EXPECT_EQ(Run({"inspect", "a"}).exit_status, 4);
}

// Sixteen gibibytes of nothing: long enough for anything to come between, and never written in
// full.
void PutLarge(const std::string& path) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_GE(fd, 0);
  ASSERT_EQ(ftruncate(fd, off_t{1} << 34), 0);
  close(fd);
}

// Returns once a process wrote a megabyte, or ended.
void WaitUntilItWrites(pid_t pid) {
  const std::string io = "/proc/" + std::to_string(pid) + "/io";
  for (int i = 0; i < 30'000; ++i) {
    const auto text = ReadTextFile(io, 4096);
    const std::size_t at = text ? text->find("wchar: ") : std::string::npos;
    if (at == std::string::npos) return;
    if (std::strtoull(text->c_str() + at + 7, nullptr, 10) > 1'000'000) return;
    usleep(1000);
  }
}

// The signal comes while the output grows: its nameless or hidden file is there to be seen through
// /proc.
TEST_F(FileCommandsTest, AnInterruptLeavesNothingHalfWritten) {
  PutLarge(Path("large"));
  Put("out", AsBytes("before"));
  const auto before = Names();
  for (const int signal : {SIGINT, SIGTERM}) {
    ProcessOptions options;
    options.while_running = [&](pid_t pid) {
      WaitUntilItWrites(pid);
      kill(pid, signal);
    };
    const ProcessResult result = Run({"encrypt", "--key", "key", "large", "out"}, options);
    EXPECT_EQ(result.signal, signal) << result.exit_status << result.err;
    EXPECT_THAT(result.err, HasSubstr("stopped; nothing was written"));
    EXPECT_EQ(Names(), before);
    EXPECT_EQ(ToText(Get("out")), "before");
  }
}

// What a command says on a terminal until it said `wanted` or ends; it is stopped by SIGINT then.
// Its clock goes on for `held` while it is kept from working.
std::string OnTerminal(const std::string& folder, const std::vector<std::string>& arguments,
                       useconds_t held, std::string_view wanted) {
  std::vector<std::string> texts = {fs::absolute(ProgramPath("strongroom")).string()};
  texts.insert(texts.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& text : texts) argv.push_back(text.data());
  argv.push_back(nullptr);
  int terminal = -1;
  const pid_t pid = forkpty(&terminal, nullptr, nullptr, nullptr);
  if (pid == 0) {
    if (chdir(folder.c_str()) == 0) execv(argv[0], argv.data());
    _exit(127);
  }
  if (held > 0) {
    WaitUntilItWrites(pid);
    kill(pid, SIGSTOP);
    usleep(held);
    kill(pid, SIGCONT);
  }
  std::string said;
  char buffer[4096];
  pollfd more{.fd = terminal, .events = POLLIN, .revents = 0};
  while (!said.contains(wanted) && poll(&more, 1, 20'000) > 0) {
    const ssize_t n = read(terminal, buffer, sizeof buffer);
    if (n <= 0) break;  // EIO: it ended
    said.append(buffer, static_cast<std::size_t>(n));
  }
  kill(pid, SIGINT);
  while (read(terminal, buffer, sizeof buffer) > 0) {
  }
  waitpid(pid, nullptr, 0);
  close(terminal);
  return said;
}

TEST_F(FileCommandsTest, LongWorkSaysOnATerminalHowFarItIs) {
  PutLarge(Path("large"));
  Put("small", AsBytes("x"));
  constexpr useconds_t longer_than_quiet = 600'000;
  const std::string progress = OnTerminal(
      folder_.path(), {"encrypt", "--key", "key", "large", "out"}, longer_than_quiet, "B/s");
  EXPECT_THAT(progress, ::testing::ContainsRegex(
                            "\r\x1b\\[Kencrypted [0-9]+ % of 16.0 GiB, [0-9.]+ [KMG]?i?B/s"));
  EXPECT_FALSE(fs::exists(Path("out")));
  const std::string brief =
      OnTerminal(folder_.path(), {"encrypt", "--key", "key", "small", "out"}, 0, "never said");
  EXPECT_EQ(brief, "encrypted 1 file (1 bytes) to out, as \"small\"\r\n") << "short work is quiet";
}

// Runs a command where the folder "small" is a disk of its own with one mebibyte, and lists that
// folder afterwards. Empty where no file system may be mounted.
std::optional<ProcessResult> OnSmallDisk(const std::string& folder,
                                         std::vector<std::string> arguments) {
  std::vector<std::string> words = {"/usr/bin/unshare", "--mount"};
  if (geteuid() != 0) words.emplace_back("--map-root-user");
  std::vector<std::string> mounted = words;
  for (const std::string& word :
       {std::string("/bin/sh"), std::string("-c"),
        std::string("mount -t tmpfs -o size=1m none small || exit 99; \"$@\"; status=$?; ls -A "
                    "small; exit $status"),
        std::string("sh"), fs::absolute(ProgramPath("strongroom")).string()})
    mounted.push_back(word);
  mounted.insert(mounted.end(), arguments.begin(), arguments.end());
  ProcessResult result = RunProcess(mounted, {.folder = folder});
  if (result.exit_status == 99 || result.err.starts_with("unshare:")) return std::nullopt;
  return result;
}

TEST_F(FileCommandsTest, AFullDiskIsSaidOnceWithTheOutputsNameAndLeavesNothing) {
  PutRandom("large", 3 << 20);
  PutRandom("tree/sub/large", 3 << 20);
  fs::create_directory(Path("small"));
  ASSERT_EQ(Run({"encrypt", "--key", "key", "large", "sealed"}).exit_status, 0);
  ASSERT_EQ(Run({"encrypt", "--key", "key", "tree", "sealed-tree"}).exit_status, 0);
  struct Row {
    std::vector<std::string> arguments;
    std::string output;
  };
  for (const Row& row :
       {Row{{"encrypt", "--key", "key", "large", "small/out"}, "small/out"},
        Row{{"decrypt", "--key", "key", "sealed", "small/out"}, "small/out"},
        Row{{"encrypt", "--key", "key", "tree", "small/out"}, "small/out/sub/large"},
        Row{{"decrypt", "--key", "key", "sealed-tree", "small/out"}, "small/out/sub/large"}}) {
    const auto result = OnSmallDisk(folder_.path(), row.arguments);
    if (!result) {
      fmt::print("skipped: full disk (this machine allows no mounts)\n");
      return;
    }
    EXPECT_EQ(result->exit_status, 1) << result->err;
    EXPECT_EQ(result->err, "strongroom: " + row.output + ": No space left on device\n");
    EXPECT_EQ(result->out, "");
  }
}

// Memory must not follow the file's size. STRONGROOM_LARGE_MIB sets another size, 8192 for the size
// that is promised.
TEST_F(FileCommandsTest, LargeFilesNeedLittleMemory) {
  const char* set = std::getenv("STRONGROOM_LARGE_MIB");
  const off_t mib = set == nullptr ? 256 : std::strtol(set, nullptr, 10);
  const int fd = open(Path("large").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_GE(fd, 0);
  ASSERT_EQ(ftruncate(fd, mib << 20), 0);
  close(fd);
  constexpr long kLimitKib = (strongroom::testing::kUnderSanitizer ? 192 : 64) * 1024;
  const ProcessResult encrypted = Run({"encrypt", "--key", "key", "large", "sealed"});
  ASSERT_EQ(encrypted.exit_status, 0) << encrypted.err;
  EXPECT_LE(encrypted.max_rss_kib, kLimitKib);
  const ProcessResult checked = Run({"inspect", "--key", "key", "sealed"});
  ASSERT_EQ(checked.exit_status, 0) << checked.err;
  EXPECT_LE(checked.max_rss_kib, kLimitKib);
  const ProcessResult decrypted = Run({"decrypt", "--key", "key", "sealed", "back"});
  ASSERT_EQ(decrypted.exit_status, 0) << decrypted.err;
  EXPECT_LE(decrypted.max_rss_kib, kLimitKib);
  EXPECT_EQ(fs::file_size(Path("back")), static_cast<std::uintmax_t>(mib) << 20);
}

TEST_F(FileCommandsTest, NothingThatExistsIsOverwrittenAndBothCommandsEndAlike) {
  ASSERT_EQ(Run({"user", "create", "alice"}).exit_status, 0);
  const Bytes key = Get("alice.key"), certificate = Get("alice.crt");
  const ProcessResult both = Run({"user", "create", "alice"});
  EXPECT_EQ(both.exit_status, 1);
  EXPECT_THAT(both.err, HasSubstr("alice.crt: File exists\nnext: choose another name"));
  fs::remove(Path("alice.crt"));
  const ProcessResult one = Run({"user", "create", "alice"});
  EXPECT_EQ(one.exit_status, Run({"keygen", "--out", "key"}).exit_status);
  EXPECT_THAT(one.err, HasSubstr("alice.key: File exists\nnext: choose another name"));
  EXPECT_FALSE(fs::exists(Path("alice.crt")));
  EXPECT_EQ(Get("alice.key"), key);
}

TEST_F(FileCommandsTest, WhatCannotBeLookedAtIsSaidAndNothingIsWritten) {
  fs::create_symlink("alice.crt", Path("alice.crt"));
  const ProcessResult user = Run({"user", "create", "alice"});
  EXPECT_EQ(user.exit_status, 1) << user.err;
  EXPECT_THAT(user.err, HasSubstr("alice.crt: Too many levels of symbolic links"));
  EXPECT_FALSE(fs::exists(Path("alice.key")));
}

TEST_F(FileCommandsTest, AnUnknownFieldOfAManifestIsSaidOnce) {
  Put("manifest.json", AsBytes(R"({"Packages": {}, "Marbles": {}, "Modells": {}})"));
  const std::string text = Run({"manifest", "check", "manifest.json"}).out;
  EXPECT_NE(text.find("Modells"), std::string::npos) << text;
  EXPECT_EQ(text.find("Modells"), text.rfind("Modells")) << text;
  const std::string machine = Run({"manifest", "check", "manifest.json", "--json"}).out;
  EXPECT_NE(machine.find("Modells"), std::string::npos) << machine;
  EXPECT_EQ(machine.find("Modells"), machine.rfind("Modells")) << machine;
}

}  // namespace
}  // namespace strongroom::cli
