// Files, logs and metrics.

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"
#include "testing/result_matchers.h"

namespace strongroom {
namespace {

using testing::Fails;
using ::testing::HasSubstr;
using ::testing::Not;

class Files : public ::testing::Test {
 protected:
  std::filesystem::path Path(const std::string& name) const { return folder_.path() / name; }
  std::size_t Entries() const {
    const std::filesystem::directory_iterator all(folder_.path());
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }
  unsigned Mode(const std::string& name) const {
    struct stat info{};
    EXPECT_EQ(stat(Path(name).c_str(), &info), 0);
    return info.st_mode & 07777U;
  }

  TemporaryFolder folder_ = TemporaryFolder::Make("strongroom-files-test").value();
};

// Runs `check` in a process of its own, which may change limits and mounts; the value is its exit
// status.
int InChild(const std::function<int()>& check) {
  const pid_t child = fork();
  if (child == 0) _exit(check());
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

TEST_F(Files, WrittenIsReadBack) {
  for (const std::size_t size : {0U, 1U, 4095U, 4096U, 4097U, 1000000U}) {
    const Bytes content(size, 0x5a);
    ASSERT_OK(WriteFileAtomic(Path("a"), content, 0600));
    EXPECT_EQ(ReadFile(Path("a"), size).value(), content);
    EXPECT_EQ(ReadTextFile(Path("a"), size).value(), ToText(content));
    EXPECT_TRUE(Equal(ReadSecretFile(Path("a"), size).value().Reveal(), content));
    EXPECT_EQ(ReadFile(Path("a"), SIZE_MAX).value(), content);
    if (size > 0) {
      EXPECT_THAT(ReadFile(Path("a"), size - 1), Fails(Code::kExhausted, "larger than"));
    }
  }
  EXPECT_EQ(Entries(), 1U) << "nothing temporary stays";
}

TEST_F(Files, ReadingWhatIsNoFileFailsByItsCause) {
  EXPECT_THAT(ReadFile(Path("none"), 10), Fails(Code::kNotFound, "none"));
  EXPECT_THAT(ReadFile(folder_.path(), 10), Fails(Code::kMalformed, "is a folder"));
  EXPECT_THAT(ReadFile("/proc/self/status", 10), Fails(Code::kExhausted, "larger than 10"));
  EXPECT_GT(ReadFile("/proc/self/status", 1 << 20).value().size(), 100U);  // claims size 0
  EXPECT_GT(ReadFile("/proc/self/maps", SIZE_MAX).value().size(), 100U);
}

TEST_F(Files, LookingTellsWhatIsThereOrWhyItCannot) {
  ASSERT_OK(WriteFileAtomic(Path("file"), {}, 0600));
  std::filesystem::create_directory(Path("folder"));
  std::filesystem::create_symlink("folder", Path("to_folder"));
  std::filesystem::create_symlink("nothing", Path("dangling"));
  std::filesystem::create_symlink("loop", Path("loop"));
  struct Row {
    std::string name;
    bool exists, is_folder;
  };
  for (const Row& row :
       {Row{"file", true, false}, Row{"folder", true, true}, Row{"to_folder", true, true},
        Row{"dangling", false, false}, Row{"none", false, false}, Row{"none/below", false, false},
        Row{"file/below", false, false}, Row{"", true, true}}) {
    EXPECT_EQ(Exists(Path(row.name)).value(), row.exists) << row.name;
    EXPECT_EQ(IsFolder(Path(row.name)).value(), row.is_folder) << row.name;
  }
  for (const std::string& name :
       {std::string("loop"), std::string("loop/below"), std::string(256, 'n')}) {
    EXPECT_THAT(Exists(Path(name)), Fails(Code::kInternal, Path(name).string()));
    EXPECT_THAT(IsFolder(Path(name)), Fails(Code::kInternal, Path(name).string()));
  }
}

TEST_F(Files, APathIsMadeAbsoluteOrTheCallFails) {
  EXPECT_EQ(AbsolutePath("/a/./b/../c").value(), "/a/c");
  EXPECT_EQ(AbsolutePath("a/../b").value(), std::filesystem::current_path() / "b");
  EXPECT_THAT(AbsolutePath(""), Fails(Code::kInternal, "\"\": "));
  const int without_a_working_folder = InChild([this] {
    std::filesystem::create_directory(Path("gone"));
    if (chdir(Path("gone").c_str()) != 0 || rmdir(Path("gone").c_str()) != 0) return 2;
    const auto relative = AbsolutePath("a");
    return !relative && relative.error().code() == Code::kNotFound && AbsolutePath("/a") ? 0 : 3;
  });
  EXPECT_EQ(without_a_working_folder, 0);
}

TEST_F(Files, AFolderIsListedWholeOrNotAtAll) {
  EXPECT_TRUE(ListFolder(folder_.path(), 0).value().empty());
  for (const char* name : {"b", "a", ".c"}) ASSERT_OK(WriteFileAtomic(Path(name), {}, 0600));
  EXPECT_EQ(ListFolder(folder_.path(), 3).value(), (std::vector{Path(".c"), Path("a"), Path("b")}));
  EXPECT_THAT(ListFolder(folder_.path(), 2), Fails(Code::kExhausted, "more than 2"));
  EXPECT_THAT(ListFolder(Path("none"), 3), Fails(Code::kNotFound, "none"));
  EXPECT_THAT(ListFolder(Path("a"), 3), Fails(Code::kInternal, "Not a directory"));
}

TEST_F(Files, ModesAreExactWhateverTheUmask) {
  const mode_t before = umask(0077);
  ASSERT_OK(WriteFileAtomic(Path("open"), {}, 0644));
  umask(0);
  ASSERT_OK(WriteFileAtomic(Path("closed"), {}, 0600));
  ASSERT_OK(CreateFileAtomic(Path("created"), {}, 0400));
  umask(before);
  EXPECT_EQ(Mode("open"), 0644U);
  EXPECT_EQ(Mode("closed"), 0600U);
  EXPECT_EQ(Mode("created"), 0400U);
}

TEST_F(Files, ReplacingChangesModeAndLeavesOldReadersTheirs) {
  ASSERT_OK(WriteFileAtomic(Path("a"), AsBytes("old"), 0644));
  const UniqueFd reader(open(Path("a").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_OK(WriteFileAtomic(Path("a"), AsBytes("new"), 0600));
  char old[4] = {};
  EXPECT_EQ(read(reader.get(), old, 3), 3);
  EXPECT_STREQ(old, "old");
  EXPECT_EQ(ReadTextFile(Path("a"), 10).value(), "new");
  EXPECT_EQ(Mode("a"), 0600U);
}

TEST_F(Files, CreatingDoesNotReplace) {
  ASSERT_OK(CreateFileAtomic(Path("a"), AsBytes("first"), 0600));
  EXPECT_THAT(CreateFileAtomic(Path("a"), AsBytes("second"), 0600), Fails(Code::kConflict, ""));
  EXPECT_EQ(ReadTextFile(Path("a"), 10).value(), "first");
  EXPECT_EQ(Entries(), 1U);
}

TEST_F(Files, WritingWhereNothingCanBeFailsByItsCause) {
  EXPECT_THAT(WriteFileAtomic(Path("none/a"), {}, 0600), Fails(Code::kNotFound, ""));
  std::filesystem::create_directory(Path("folder"));
  EXPECT_FALSE(WriteFileAtomic(Path("folder"), {}, 0600).has_value());
  EXPECT_EQ(Entries(), 1U) << "nothing temporary stays";
  const std::string long_name(255, 'n');
  EXPECT_OK(WriteFileAtomic(Path(long_name), {}, 0600));
  EXPECT_FALSE(WriteFileAtomic(Path(long_name + "n"), {}, 0600).has_value());
}

TEST_F(Files, AFileSizeLimitLeavesTheOldContent) {
  ASSERT_OK(WriteFileAtomic(Path("a"), AsBytes("old"), 0600));
  const int status = InChild([this] {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{.rlim_cur = 8192, .rlim_max = 8192};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
    const Status written = WriteFileAtomic(Path("a"), Bytes(100000), 0600);
    return !written && written.error().code() == Code::kExhausted ? 0 : 3;
  });
  EXPECT_EQ(status, 0);
  EXPECT_EQ(ReadTextFile(Path("a"), 10).value(), "old");
  EXPECT_EQ(Entries(), 1U);
}

TEST_F(Files, AFullDiskLeavesTheOldContent) {
  constexpr int kCannotMount = 77;
  const int status = InChild([this] {
    const bool mounted =
        (unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) &&
        mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
        mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, "size=64k,mode=0700") == 0;
    if (!mounted) return kCannotMount;
    if (!WriteFileAtomic(Path("a"), AsBytes("old"), 0600)) return 1;
    const Status written = WriteFileAtomic(Path("a"), Bytes(100000), 0600);
    if (written || written.error().code() != Code::kExhausted) return 2;
    if (ReadTextFile(Path("a"), 10).value() != "old" || Entries() != 1) return 3;
    return 0;
  });
  if (status == kCannotMount) {
    std::printf("skipped: a full tmpfs (this process may not mount); the size limit was tested\n");
    return;
  }
  EXPECT_EQ(status, 0);
}

TEST_F(Files, WriteAllReportsAClosedPipe) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  std::thread drain([&] {
    char buffer[4096];
    std::size_t total = 0;
    while (total < 1000000) {
      const ssize_t n = read(reader.get(), buffer, sizeof(buffer));
      if (n <= 0) break;
      total += static_cast<std::size_t>(n);
    }
    EXPECT_EQ(total, 1000000U);
  });
  EXPECT_OK(WriteAll(writer.get(), Bytes(1000000), "pipe"));  // more than a pipe holds
  drain.join();
  const UniqueFd full(open("/dev/full", O_WRONLY | O_CLOEXEC));
  EXPECT_THAT(WriteAll(full.get(), Bytes(1), "full"), Fails(Code::kExhausted, "full"));
  EXPECT_THAT(WriteAll(-1, Bytes(1), "nothing"), Fails(Code::kInternal, "nothing"));
}

TEST(UniqueFd, ClosesOnce) {
  const auto is_open = [](int fd) { return fcntl(fd, F_GETFD) >= 0; };
  UniqueFd a(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int raw = a.get();
  UniqueFd b(std::move(a));
  EXPECT_FALSE(a.valid());  // NOLINT(bugprone-use-after-move)
  EXPECT_TRUE(is_open(raw));
  b = UniqueFd(open("/dev/zero", O_RDONLY | O_CLOEXEC));
  EXPECT_FALSE(is_open(raw));
  const int released = b.Release();
  EXPECT_TRUE(is_open(released));
  close(released);
}

TEST(TemporaryFolder, IsPrivateAndGoesAwayWithItsContent) {
  std::filesystem::path path;
  {
    const TemporaryFolder folder = TemporaryFolder::Make("strongroom-folder-test").value();
    path = folder.path();
    struct stat info{};
    ASSERT_EQ(stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777U, 0700U);
    std::filesystem::create_directories(path / "a/b");
    std::ofstream(path / "a/b/c") << "x";
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

// --- logs ---

class LogLines : public ::testing::Test {
 protected:
  std::unique_ptr<Log> Make(LogFormat format, LogLevel level = LogLevel::kDebug) {
    return Log::ToFd("test", level, format, fd_.get());
  }
  // What was written since the start.
  std::vector<std::string> Lines() const {
    const std::string text =
        ReadTextFile("/proc/self/fd/" + std::to_string(fd_.get()), 1 << 24).value();
    std::vector<std::string> out;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) out.push_back(line);
    return out;
  }

  UniqueFd fd_ = UniqueFd(memfd_create("log", MFD_CLOEXEC));
};

TEST_F(LogLines, TextHasTimeLevelEventAndFields) {
  Make(LogFormat::kText)->Info("activated", {{"marble", "server"}, {"count", "3"}, {"empty", ""}});
  ASSERT_EQ(Lines().size(), 1U);
  EXPECT_THAT(Lines()[0], ::testing::MatchesRegex(
                              "[0-9T:-]+Z info activated marble=server count=3 empty=\"\""));
}

TEST_F(LogLines, JsonIsOneObjectALine) {
  Make(LogFormat::kJson)->Warn("refused {}", {{"why", "a \"quote\"\nand\tmore %s {}"}});
  ASSERT_EQ(Lines().size(), 1U);
  ASSERT_OK_AND_ASSIGN(const JsonDocument line, JsonDocument::Parse(Lines()[0]));
  EXPECT_EQ(line.root().GetString("level").value(), "warn");
  EXPECT_EQ(line.root().GetString("program").value(), "test");
  EXPECT_EQ(line.root().GetString("msg").value(), "refused {}");
  EXPECT_EQ(line.root().GetString("why").value(), "a \"quote\"\nand\tmore %s {}");
}

TEST_F(LogLines, NothingFromOutsideForgesALine) {
  const std::string hostile[] = {"x\n2026-01-01T00:00:00Z info forged",
                                 "x\r\nforged",
                                 std::string("a\0b", 3),
                                 "\x1b[31mred",
                                 "x\u2028forged",
                                 std::string("\xc2\x9b") + "31m",
                                 "\xff\xfe",
                                 "a=b c=d",
                                 "\x7f",
                                 "\"",
                                 "\\"};
  for (const LogFormat format : {LogFormat::kText, LogFormat::kJson}) {
    for (const std::string& value : hostile) {
      Make(format)->Error(value, {{"field", value}});
    }
  }
  const auto lines = Lines();
  ASSERT_EQ(lines.size(), 2 * std::size(hostile));
  for (const std::string& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      const auto byte = static_cast<std::uint8_t>(line[i]);
      EXPECT_TRUE(byte >= 0x20 && byte != 0x7f) << line;
      EXPECT_FALSE(byte == 0xc2 && static_cast<std::uint8_t>(line[i + 1]) < 0xa0) << line;
    }
  }
  EXPECT_THAT(lines[7], HasSubstr("field=\"a=b c=d\""));
}

TEST_F(LogLines, LevelsBelowTheThresholdAreNotWritten) {
  const auto log = Make(LogFormat::kText, LogLevel::kWarn);
  log->Debug("debug");
  log->Info("info");
  log->Warn("warn");
  log->Error("error");
  ASSERT_EQ(Lines().size(), 2U);
  EXPECT_THAT(Lines()[0], HasSubstr(" warn warn"));
  EXPECT_THAT(Lines()[1], HasSubstr(" error error"));
}

TEST_F(LogLines, FromManyThreadsStayWhole) {
  const auto log = Make(LogFormat::kText);
  const std::string value(300, 'v');
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) log->Info("event", {{"value", value}});
    });
  }
  threads.clear();
  const auto lines = Lines();
  EXPECT_EQ(lines.size(), 800U);
  for (const std::string& line : lines) EXPECT_TRUE(line.ends_with(" info event value=" + value));
}

// A pipe of 64 KiB, whose reader does what a test says.
struct LogPipe {
  LogPipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) == 0) {
      reading = UniqueFd(ends[0]);
      writing = UniqueFd(ends[1]);
    }
  }
  // All that is in it, without waiting for more.
  std::string Drain() const {
    std::string out;
    pollfd wish{.fd = reading.get(), .events = POLLIN, .revents = 0};
    while (poll(&wish, 1, 0) > 0) {
      std::array<char, 65536> piece;
      const ssize_t n = read(reading.get(), piece.data(), piece.size());
      if (n <= 0) break;
      out.append(piece.data(), static_cast<std::size_t>(n));
    }
    return out;
  }
  UniqueFd reading, writing;
};

std::vector<std::string> SplitLines(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) out.push_back(line);
  return out;
}

TEST(LogPipes, NobodyWaitsForAReaderThatStalls) {
  for (const std::size_t size : {20U, 300U, 5000U, 70'000U}) {
    LogPipe pipe;
    const auto log = Log::ToFd("test", LogLevel::kInfo, LogFormat::kText, pipe.writing.get());
    const std::string value(size, 'v');
    constexpr std::size_t kLines = 1500;
    const auto began = std::chrono::steady_clock::now();
    // Where it waits for ever, the test is over.
    std::jthread writer([&] {
      std::vector<std::jthread> threads;
      for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
          for (std::size_t i = 0; i < kLines / 4; ++i) log->Info("event", {{"value", value}});
        });
      }
    });
    writer.join();
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(20));
    std::string text = pipe.Drain();
    log->Info("after");
    text += pipe.Drain();
    std::size_t whole = 0, cut = 0;
    const auto lines = SplitLines(text);
    ASSERT_GE(lines.size(), 2U);
    for (const std::string& line : lines) {
      if (line.ends_with(" info event value=" + value)) ++whole;
      else if (line.contains(" info event value=v")) ++cut;
    }
    EXPECT_LE(cut, 1U) << "lines do not mix";
    EXPECT_EQ(lines.size(), whole + cut + 2);
    EXPECT_THAT(lines[lines.size() - 2], HasSubstr("warn lines of this log were lost lines=" +
                                                   std::to_string(kLines - whole)));
    EXPECT_THAT(lines.back(), HasSubstr(" info after"));
  }
}

TEST(LogPipes, AReaderThatIsOnlySlowMissesNothing) {
  LogPipe pipe;
  const std::string value(5000, 'v');
  std::string text;
  {
    const std::jthread reader([&] {
      std::array<char, 4096> piece;
      while (true) {
        const ssize_t n = read(pipe.reading.get(), piece.data(), piece.size());
        if (n <= 0) return;
        text.append(piece.data(), static_cast<std::size_t>(n));
      }
    });
    const auto log = Log::ToFd("test", LogLevel::kInfo, LogFormat::kJson, pipe.writing.get());
    {
      std::vector<std::jthread> threads;
      for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
          for (int i = 0; i < 500; ++i) log->Info("event", {{"value", value}});
        });
      }
    }
    pipe.writing.Reset();
  }
  const auto lines = SplitLines(text);
  EXPECT_EQ(lines.size(), 2000U);
  for (const std::string& line : lines) EXPECT_OK(JsonDocument::Parse(line));
}

TEST(LogPipes, WhatWasLoggedBeforeAKillIsThere) {
  LogPipe pipe;
  const pid_t child = fork();
  if (child == 0) {
    const auto log = Log::ToFd("test", LogLevel::kInfo, LogFormat::kText, pipe.writing.get());
    log->Info("last words");
    kill(getpid(), SIGKILL);
  }
  waitpid(child, nullptr, 0);
  EXPECT_THAT(pipe.Drain(), HasSubstr(" info last words\n"));
}

TEST_F(LogLines, ALogThatCannotBeWrittenDoesNotStopTheProgram) {
  const UniqueFd fd(open("/dev/full", O_WRONLY | O_CLOEXEC));
  const auto log = Log::ToFd("test", LogLevel::kInfo, LogFormat::kText, fd.get());
  log->Error("gone");
  // The disk has room again: what comes then is written, whole.
  const TemporaryFolder folder = TemporaryFolder::Make("strongroom-log-test").value();
  const UniqueFd room(open((folder.path() / "log").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(dup2(room.get(), fd.get()), fd.get());
  log->Error("kept");
  const std::string text = ReadTextFile(folder.path() / "log", 1000).value();
  EXPECT_TRUE(text.ends_with("error kept\n")) << text;
  EXPECT_THAT(text, HasSubstr("warn lines of this log were lost lines=1\n"));
  EXPECT_THAT(text, Not(HasSubstr("gone")));
}

TEST(LogNames, AreReadStrictly) {
  EXPECT_EQ(ParseLogLevel("debug").value(), LogLevel::kDebug);
  EXPECT_EQ(ParseLogLevel("error").value(), LogLevel::kError);
  EXPECT_EQ(ParseLogFormat("json").value(), LogFormat::kJson);
  EXPECT_THAT(ParseLogLevel("INFO"), Fails(Code::kMalformed, "wanted debug"));
  EXPECT_THAT(ParseLogLevel(""), Fails(Code::kMalformed, "wanted debug"));
  EXPECT_THAT(ParseLogFormat("xml"), Fails(Code::kMalformed, "wanted text or json"));
}

// --- metrics ---

TEST(Metrics, RenderInPrometheusText) {
  Metrics metrics;
  metrics.CounterOf("requests_total", "Requests.", {{"code", "200"}}).Add();
  metrics.CounterOf("requests_total", "Requests.", {{"code", "200"}}).Add(2);
  metrics.GaugeOf("connections", "Open now.").Set(5);
  metrics.GaugeOf("connections", "Open now.").Add(-2);
  metrics.HistogramOf("seconds", "Time.", {0.1, 1}).Observe(0.5);
  const std::string text = metrics.Render();
  EXPECT_THAT(text, HasSubstr("# TYPE requests_total counter\nrequests_total{code=\"200\"} 3"));
  EXPECT_THAT(text, HasSubstr("connections 3"));
  EXPECT_THAT(text, HasSubstr("seconds_bucket{le=\"0.1\"} 0"));
  EXPECT_THAT(text, HasSubstr("seconds_bucket{le=\"1\"} 1"));
  EXPECT_THAT(text, HasSubstr("seconds_count 1"));
  EXPECT_EQ(metrics.CounterOf("requests_total", "Requests.", {{"code", "200"}}).value(), 3);
}

TEST(Metrics, HandlesAreSharedAndStay) {
  Metrics metrics;
  Counter& first = metrics.CounterOf("a_total", "A.", {{"l", "1"}});
  for (int i = 0; i < 500; ++i) metrics.CounterOf("a_total", "A.", {{"l", std::to_string(i)}});
  EXPECT_EQ(&metrics.CounterOf("a_total", "A.", {{"l", "1"}}), &first);
}

TEST(Metrics, LabelSetsAreBounded) {
  Metrics metrics;
  for (int i = 0; i < 3000; ++i) {
    metrics.CounterOf("a_total", "A.", {{"peer", std::to_string(i)}}).Add();
  }
  EXPECT_EQ(metrics.CounterOf("a_total", "A.", {{"peer", "another"}}).value(), 2000);
  const std::string text = metrics.Render();
  EXPECT_THAT(text, HasSubstr("a_total{peer=\"other\"} 2000"));
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 1010);
}

TEST(Metrics, RenderOnlyTheSeriesThatAreWanted) {
  Metrics metrics;
  metrics.CounterOf("asked", "Of a model.", {{"model", "a"}}).Add(1);
  metrics.CounterOf("asked", "Of a model.", {{"model", "b"}}).Add(2);
  metrics.CounterOf("other", "Of none.").Add(3);
  const std::string text = metrics.Render([](const MetricLabels& labels) {
    const auto model = labels.find("model");
    return model != labels.end() && model->second == "a";
  });
  EXPECT_EQ(text, "# HELP asked Of a model.\n# TYPE asked counter\nasked{model=\"a\"} 1\n");
}

TEST(Metrics, AddUpSeriesThatDifferInALabelWhichIsLeftOut) {
  Metrics metrics;
  metrics.CounterOf("asked", "h", {{"model", "a"}, {"way", "x"}}).Add(1);
  metrics.CounterOf("asked", "h", {{"model", "b"}, {"way", "x"}}).Add(2);
  metrics.CounterOf("asked", "h", {{"model", "b"}, {"way", "y"}}).Add(4);
  metrics.HistogramOf("took", "h", {1, 2}, {{"model", "a"}}).Observe(0.5);
  metrics.HistogramOf("took", "h", {1, 2}, {{"model", "b"}}).Observe(1.5);
  metrics.GaugeOf("open", "h").Set(7);
  const std::string text = metrics.RenderWithout("model");
  EXPECT_THAT(text, ::testing::Not(::testing::HasSubstr("model")));
  for (const char* line :
       {"asked{way=\"x\"} 3\n", "asked{way=\"y\"} 4\n", "took_count 2\n", "took_sum 2\n",
        "took_bucket{le=\"1\"} 1\n", "took_bucket{le=\"2\"} 2\n", "open 7\n"})
    EXPECT_THAT(text, ::testing::HasSubstr(line));
}

TEST(Metrics, LabelValuesAreEscaped) {
  Metrics metrics;
  metrics.CounterOf("a_total", "A.", {{"path", "x\"\n} 1\nforged 2"}}).Add();
  EXPECT_THAT(metrics.Render(), ::testing::Not(HasSubstr("\nforged")));
}

TEST(Metrics, AreSafeFromManyThreads) {
  Metrics metrics;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) {
        metrics.CounterOf("a_total", "A.", {{"l", std::to_string(i % 7)}}).Add();
      }
    });
  }
  threads.clear();
  double sum = 0;
  for (int i = 0; i < 7; ++i)
    sum += metrics.CounterOf("a_total", "A.", {{"l", std::to_string(i)}}).value();
  EXPECT_EQ(sum, 4000);
}

}  // namespace
}  // namespace strongroom
