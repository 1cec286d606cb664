#include "cli/subprocess.h"

#include <unistd.h>

#include <csignal>

#include "cli/interrupt.h"
#include "testing/result_matchers.h"

namespace strongroom::cli {
namespace {

using std::chrono::milliseconds;
using strongroom::testing::Fails;

constexpr milliseconds kLong{20'000};

TEST(Subprocess, GivesStatusAndBothOutputs) {
  ASSERT_OK_AND_ASSIGN(const ProcessOutcome outcome,
                       RunToEnd({"sh", "-c", "echo out; echo err >&2; exit 7"}, kLong));
  EXPECT_EQ(outcome.exit_status, 7);
  EXPECT_EQ(outcome.out, "out\n");
  EXPECT_EQ(outcome.err, "err\n");
}

TEST(Subprocess, TellsOfASignal) {
  ASSERT_OK_AND_ASSIGN(const ProcessOutcome outcome, RunToEnd({"sh", "-c", "kill -9 $$"}, kLong));
  EXPECT_EQ(outcome.exit_status, 128 + SIGKILL);
}

// A signal that an Interrupt holds back ends what runs, and counts once it may.
TEST(Subprocess, IsStoppedByASignalThatIsHeldBack) {
  static volatile sig_atomic_t came = 0;
  const auto before = ::signal(SIGTERM, [](int) { came = 1; });
  {
    Interrupt interrupt;
    ::kill(::getpid(), SIGTERM);
    EXPECT_THAT(RunToEnd({"sleep", "60"}, kLong), Fails(Code::kCancelled, "sleep was stopped"));
    EXPECT_TRUE(interrupt.Came());
    interrupt.Postpone();
    EXPECT_FALSE(interrupt.Came());
    EXPECT_OK(RunToEnd({"true"}, kLong));
    EXPECT_EQ(came, 0);
  }
  EXPECT_EQ(came, 1);
  ::signal(SIGTERM, before);
}

TEST(Subprocess, ASignalThatIsIgnoredStopsNothing) {
  const auto before = ::signal(SIGHUP, SIG_IGN);
  {
    const Interrupt interrupt;
    ::kill(::getpid(), SIGHUP);
    EXPECT_OK(RunToEnd({"true"}, kLong));
    EXPECT_FALSE(interrupt.Came());
  }
  ::signal(SIGHUP, before);
}

TEST(Subprocess, PassesArgumentsUntouchedAndNoInput) {
  ASSERT_OK_AND_ASSIGN(const ProcessOutcome outcome,
                       RunToEnd({"sh", "-c", "cat; echo \"[$1]\"", "sh", "a b; $(c)"}, kLong));
  EXPECT_EQ(outcome.out, "[a b; $(c)]\n");
}

TEST(Subprocess, TakesLargeOutputOnBothSidesAtOnce) {
  ASSERT_OK_AND_ASSIGN(
      const ProcessOutcome outcome,
      RunToEnd({"sh", "-c", "head -c 1000000 /dev/zero >&2; head -c 2000000 /dev/zero"}, kLong));
  EXPECT_EQ(outcome.out.size(), 2'000'000U);
  EXPECT_EQ(outcome.err.size(), 1'000'000U);
}

TEST(Subprocess, RefusesOutputWithoutEnd) {
  EXPECT_THAT(RunToEnd({"cat", "/dev/zero"}, kLong), Fails(Code::kExhausted, "16 MiB"));
}

TEST(Subprocess, NamesAProgramThatIsNotThere) {
  EXPECT_THAT(RunToEnd({"strongroom-no-such-program"}, kLong),
              Fails(Code::kNotFound, "strongroom-no-such-program"));
}

TEST(Subprocess, EndsWhatTakesTooLong) {
  EXPECT_THAT(RunToEnd({"sleep", "60"}, milliseconds(50)), Fails(Code::kDeadline, "sleep"));
}

TEST(Background, GivesItsFirstLineAndEndsWithTheObject) {
  pid_t pid = 0;
  {
    ASSERT_OK_AND_ASSIGN(BackgroundProcess process,
                         BackgroundProcess::Start({"sh", "-c", "echo $$; exec sleep 60"}));
    ASSERT_OK_AND_ASSIGN(const std::string line, process.ReadLine(kLong));
    pid = std::stoi(line);
    EXPECT_EQ(::kill(pid, 0), 0);
  }
  EXPECT_NE(::kill(pid, 0), 0);
}

TEST(Background, EndsOneThatDoesNotListen) {
  pid_t pid = 0;
  {
    ASSERT_OK_AND_ASSIGN(
        BackgroundProcess process,
        BackgroundProcess::Start({"sh", "-c", "trap '' TERM; echo $$; while :; do sleep 1; done"}));
    ASSERT_OK_AND_ASSIGN(const std::string line, process.ReadLine(kLong));
    pid = std::stoi(line);
  }
  EXPECT_NE(::kill(pid, 0), 0);
}

TEST(Background, TellsWhatWasSaidByOneThatEnded) {
  ASSERT_OK_AND_ASSIGN(BackgroundProcess process,
                       BackgroundProcess::Start({"sh", "-c", "echo no pod >&2; exit 1"}));
  EXPECT_THAT(process.ReadLine(kLong), Fails(Code::kUnavailable, "no pod"));
}

TEST(Background, HasUntilADeadline) {
  ASSERT_OK_AND_ASSIGN(BackgroundProcess process, BackgroundProcess::Start({"sleep", "60"}));
  EXPECT_THAT(process.ReadLine(milliseconds(50)), Fails(Code::kDeadline, ""));
}

}  // namespace
}  // namespace strongroom::cli
