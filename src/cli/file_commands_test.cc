// The built program, as a user runs it.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/entropy.h"
#include "base/files.h"
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

class FileCommandsTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(Run({"keygen", "--out", "key"}).exit_status, 0); }

  ProcessResult Run(std::vector<std::string> arguments, ProcessOptions options = {}) const {
    arguments.insert(arguments.begin(), fs::absolute(ProgramPath("strongroom")));
    options.folder = folder_.path();
    return RunProcess(arguments, options);
  }
  std::string Path(std::string_view name) const { return (folder_.path() / name).string(); }
  Bytes Get(std::string_view name) const { return ReadFile(Path(name), 1 << 26).value(); }
  void Put(std::string_view name, ByteView content) const {
    fs::create_directories(fs::path(Path(name)).parent_path());
    ASSERT_OK(WriteFileAtomic(Path(name), content, 0644));
  }
  Bytes PutRandom(std::string_view name, std::size_t size) const {
    SystemEntropy entropy;
    Bytes content = entropy.Take(size);
    Put(name, content);
    return content;
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) {
      names.push_back(fs::relative(entry.path(), folder_.path()).string());
    }
    std::ranges::sort(names);
    return names;
  }

  TemporaryFolder folder_ = TemporaryFolder::Make("strongroom-cli").value();
};

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

TEST_F(FileCommandsTest, AWrongCommandLineEndsWithTwoAndWritesNothing) {
  Put("a", AsBytes("x"));
  const auto before = Names();
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{},
        {"nonsense"},
        {"encrypt"},
        {"encrypt", "--key", "key", "a"},
        {"keygen"},
        {"encrypt", "a", "out"},
        {"encrypt", "--key", "key", "a", "out", "surplus"},
        {"encrypt", "--key", "key", "--nonsense", "a", "out"},
        {"encrypt", "--key", "key", "--key", "key", "a", "out"},
        {"encrypt", "--key", "key", "--format", "zip", "a", "out"},
        {"encrypt", "--key", "key", "--as", "", "a", "out"},
        {"encrypt", "--key", "key", "--threads", "0", "a", "out"},
        {"encrypt", "--key", "key", "--threads", "many", "a", "out"},
        {"completion", "csh"},
        {"manifest"},
        {"manifest", "chekc", "a"},
        {"user", "create", "../alice"},
        {"verify", "localhost:1"},
        {"verify", "localhost:1", "--product-id", "1"},
        {"verify", "local host", "--mrenclave", std::string(64, '0')},
        {"evidence", "verify", "a"},
        {"infer", "localhost:1", "-m", "m", "-i", "a"}}) {
    for (const bool as_json : {false, true}) {
      std::vector<std::string> line = arguments;
      if (as_json) line.emplace_back("--json");
      const ProcessResult result = Run(line);
      EXPECT_EQ(result.exit_status, 2) << ::testing::PrintToString(line) << result.err;
      EXPECT_FALSE(result.err.empty());
      EXPECT_EQ(json::accept(result.err), as_json) << result.err;
      EXPECT_EQ(result.out, "");
      EXPECT_EQ(Names(), before);
    }
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

// The signal comes while the output grows: its nameless or hidden file is there to be seen through
// /proc.
TEST_F(FileCommandsTest, AnInterruptLeavesNothingHalfWritten) {
  const int fd = open(Path("large").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_GE(fd, 0);
  ASSERT_EQ(ftruncate(fd, off_t{1} << 34),
            0);  // 16 GiB of nothing: long enough, and never written in full
  close(fd);
  Put("out", AsBytes("before"));
  const auto before = Names();
  for (const int signal : {SIGINT, SIGTERM}) {
    ProcessOptions options;
    options.while_running = [&](pid_t pid) {
      const std::string io = "/proc/" + std::to_string(pid) + "/io";
      for (int i = 0; i < 30'000; ++i) {  // until it wrote a megabyte
        const auto text = ReadTextFile(io, 4096);
        const std::size_t at = text ? text->find("wchar: ") : std::string::npos;
        if (at == std::string::npos) break;
        if (std::strtoull(text->c_str() + at + 7, nullptr, 10) > 1'000'000) break;
        usleep(1000);
      }
      kill(pid, signal);
    };
    const ProcessResult result = Run({"encrypt", "--key", "key", "large", "out"}, options);
    EXPECT_EQ(result.signal, signal) << result.exit_status << result.err;
    EXPECT_THAT(result.err, HasSubstr("stopped; nothing was written"));
    EXPECT_EQ(Names(), before);
    EXPECT_EQ(ToText(Get("out")), "before");
  }
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
  constexpr long kLimitKib = (testing::kUnderSanitizer ? 192 : 64) * 1024;
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

TEST_F(FileCommandsTest, AWordThatIsNoCommandIsNamedWithTheNearest) {
  const ProcessResult bogus = Run({"bogus"});
  EXPECT_THAT(bogus.err, HasSubstr("strongroom: there is no command \"bogus\"; there are "));
  EXPECT_THAT(bogus.err, HasSubstr("\nnext: strongroom --help\n"));
  const std::string text =
      "there is no command \"manifest chekc\"; the nearest is \"manifest check\"";
  const ProcessResult nearly = Run({"manifest", "chekc", "key"});
  EXPECT_THAT(nearly.err, HasSubstr(text));
  EXPECT_THAT(nearly.err, HasSubstr("\nnext: strongroom manifest --help\n"));
  EXPECT_THAT(Run({"encrypt", "a"}).err, HasSubstr("\nnext: strongroom encrypt --help\n"));
  const auto said = json::parse(Run({"manifest", "chekc", "key", "--json"}).err);
  EXPECT_THAT(said["error"]["message"].get<std::string>(), HasSubstr(text));
}

TEST_F(FileCommandsTest, EveryTextComesAsJsonToo) {
  struct Row {
    std::vector<std::string> words;
    std::string member;
  };
  for (const Row& row :
       {Row{{"man"}, "roff"}, Row{{"completion", "bash"}, "script"},
        Row{{"completion", "zsh"}, "script"}, Row{{"completion", "fish"}, "script"},
        Row{{"--help"}, "help"}, Row{{"encrypt", "--help"}, "help"}}) {
    std::vector<std::string> line = row.words;
    const std::string plain = Run(line).out;
    line.emplace_back("--json");
    const ProcessResult result = Run(line);
    EXPECT_EQ(result.exit_status, 0);
    EXPECT_EQ(result.err, "");
    const json answer = json::parse(result.out, nullptr, false);
    ASSERT_TRUE(answer.is_object()) << ::testing::PrintToString(line) << result.out;
    EXPECT_EQ(answer.value(row.member, ""), plain);
  }
  const std::string version = Run({"version"}).out;
  for (const std::string word : {"version", "--version"}) {
    EXPECT_EQ(Run({word}).out, version);
    EXPECT_EQ(json::parse(Run({word, "--json"}).out).value("version", "") + "\n", version);
  }
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

TEST_F(FileCommandsTest, HelpNamesEveryCommandAndExitStatus) {
  const ProcessResult help = Run({"--help"});
  EXPECT_EQ(help.exit_status, 0);
  for (const std::string word :
       {"keygen", "encrypt", "decrypt", "inspect", "user", "manifest", "secret", "verify", "status",
        "certificate", "evidence", "infer", "version", "completion", "man",
        "Exit status:", "4  a protected file is not genuine"}) {
    EXPECT_THAT(help.out, HasSubstr(word));
  }
}

TEST_F(FileCommandsTest, ShellsAcceptTheCompletionAndBashCompletes) {
  const ProcessResult script = Run({"completion", "bash"});
  ASSERT_EQ(script.exit_status, 0);
  Put("completion", AsBytes(script.out));
  const auto complete = [&](const std::string& words, int current) {
    return RunProcess({"/bin/bash", "-c",
                       ". ./completion; COMP_WORDS=(" + words + "); COMP_CWORD=" +
                           std::to_string(current) + "; _strongroom; echo \"${COMPREPLY[@]}\""},
                      {.folder = folder_.path()});
  };
  EXPECT_EQ(complete("strongroom enc", 1).out, "encrypt\n");
  EXPECT_EQ(complete("strongroom manifest v", 2).out, "verify\n");
  EXPECT_THAT(complete("strongroom encrypt --f", 2).out, HasSubstr("--format"));
  EXPECT_EQ(Run({"completion", "zsh"}).exit_status, 0);
  EXPECT_EQ(Run({"completion", "fish"}).exit_status, 0);
}

TEST_F(FileCommandsTest, TheManualNamesTheFlags) {
  const ProcessResult manual = Run({"man"});
  EXPECT_EQ(manual.exit_status, 0);
  EXPECT_THAT(manual.out, HasSubstr(".TH STRONGROOM 1"));
  EXPECT_THAT(manual.out, HasSubstr("\\-\\-format"));
}

}  // namespace
}  // namespace strongroom::cli
