#include "agent/child.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <fstream>
#include <functional>
#include <thread>

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/secret_message.h"
#include "crypto/hash.h"
#include "testing/result_matchers.h"

namespace strongroom::agent {
namespace {

using strongroom::testing::Fails;

ChildSpec Shell(const std::string& script) {
  ChildSpec spec;
  spec.program = "/bin/sh";
  spec.argv = {"sh", "-c", script};
  spec.environment.emplace_back(AsBytes("PATH=/usr/bin:/bin"));
  return spec;
}

class ChildTest : public ::testing::Test {
 protected:
  ChildTest() : folder_(*TemporaryFolder::Make("agent-child")), file_(folder_.path() / "out") {}

  int RunToEnd(ChildSpec spec) {
    auto child = Child::Start(std::move(spec), signals_);
    EXPECT_OK(child);
    return child.has_value() ? child->Wait() : -1;
  }
  std::string Output() const { return ReadTextFile(file_, 100'000).value_or(""); }

  BlockedSignals signals_;
  TemporaryFolder folder_;
  std::string file_;
};

TEST_F(ChildTest, EndsAsTheProgramEnds) {
  EXPECT_EQ(RunToEnd(Shell("exit 0")), 0);
  EXPECT_EQ(RunToEnd(Shell("exit 37")), 37);
  EXPECT_EQ(RunToEnd(Shell("kill -KILL $$")), 128 + SIGKILL);
  EXPECT_EQ(RunToEnd(Shell("kill -TERM $$")), 128 + SIGTERM);
}

TEST_F(ChildTest, GivesExactlyTheArgumentsAndTheEnvironment) {
  ChildSpec spec;
  spec.program = "/bin/sh";
  spec.argv = {
      "other name", "-c",  "printf '%s|' \"$0\" \"$@\" > " + file_ + "; /usr/bin/env >> " + file_,
      "zero",       "a b", ""};
  spec.environment.emplace_back(AsBytes("A=1"));
  spec.environment.emplace_back(AsBytes("B=x=y"));
  ASSERT_EQ(RunToEnd(std::move(spec)), 0);
  EXPECT_THAT(Output(), ::testing::StartsWith("zero|a b||"));
  EXPECT_THAT(Output(), ::testing::HasSubstr("A=1\n"));
  EXPECT_THAT(Output(), ::testing::HasSubstr("B=x=y\n"));
  EXPECT_THAT(Output(), ::testing::Not(::testing::HasSubstr("PATH=")));
}

TEST_F(ChildTest, LeavesNoDescriptorOpenButTheHandover) {
  const UniqueFd leak(dup(1));  // not close-on-exec
  ASSERT_OK_AND_ASSIGN(auto handover, HandoverPipe::Open(AsBytes("content")));
  const std::string number = std::to_string(handover->reading_end());
  ChildSpec spec =
      Shell("ls /proc/self/fd > " + file_ + "; tail -c +5 <&" + number + " >> " + file_);
  spec.handover = std::move(handover);
  ASSERT_EQ(RunToEnd(std::move(spec)), 0);
  // 0, 1, 2, the handover, and the folder that ls itself reads.
  EXPECT_EQ(std::ranges::count(Output(), '\n'), 5) << Output();
  EXPECT_THAT(Output(), ::testing::EndsWith("content"));
}

TEST_F(ChildTest, HandsOverMoreThanAPipeHolds) {
  const std::string message(3'000'000, 'm');
  ASSERT_OK_AND_ASSIGN(auto handover, HandoverPipe::Open(AsBytes(message)));
  ChildSpec spec = Shell("sha256sum <&" + std::to_string(handover->reading_end()) + " > " + file_);
  spec.handover = std::move(handover);
  ASSERT_EQ(RunToEnd(std::move(spec)), 0);
  ASSERT_OK_AND_ASSIGN(const SecretBytes framed, FrameSecret(AsBytes(message)));
  EXPECT_THAT(Output(), ::testing::StartsWith(HexEncode(crypto::Sha256(framed.Reveal()).view())));
}

TEST_F(ChildTest, DoesNotWaitForAProgramThatNeverReadsItsHandover) {
  const Bytes message(3'000'000);
  // The second leaves somebody behind who holds the reading end and lives on.
  for (const char* script : {"kill -TERM $$", "sleep 60 & echo $! > \"$1\"; kill -TERM $$"}) {
    ASSERT_OK_AND_ASSIGN(auto handover, HandoverPipe::Open(message));
    ChildSpec spec = Shell(script);
    spec.argv.insert(spec.argv.end(), {"sh", file_});
    spec.handover = std::move(handover);
    EXPECT_EQ(RunToEnd(std::move(spec)), 128 + SIGTERM) << script;
  }
  EXPECT_EQ(kill(static_cast<pid_t>(std::stol(Output())), SIGKILL), 0);
}

TEST_F(ChildTest, PassesSignalsOnWhileTheHandoverIsNotRead) {
  ASSERT_OK_AND_ASSIGN(auto handover, HandoverPipe::Open(Bytes(3'000'000)));
  ChildSpec spec = Shell("trap 'exit 41' TERM; touch " + file_ + "; while :; do sleep 0.01; done");
  spec.handover = std::move(handover);
  auto child = Child::Start(std::move(spec), signals_);
  ASSERT_OK(child);
  const std::jthread sender([&] {
    while (!std::filesystem::exists(file_)) std::this_thread::yield();
    kill(getpid(), SIGTERM);
  });
  EXPECT_EQ(child->Wait(), 41);
}

TEST_F(ChildTest, GivesTheSignalMaskFromBefore) {
  ASSERT_EQ(RunToEnd(Shell("grep SigBlk /proc/self/status > " + file_)), 0);
  EXPECT_THAT(Output(), ::testing::HasSubstr("0000000000000000"));
}

TEST_F(ChildTest, TellsWhyAProgramCannotBeStarted) {
  ChildSpec missing;
  missing.program = "/no/such/program";
  missing.argv = {"x"};
  EXPECT_THAT(Child::Start(std::move(missing), signals_),
              Fails(Code::kNotFound, "/no/such/program"));
  ASSERT_OK(WriteFileAtomic(file_, AsBytes("#!/bin/sh\n"), 0600));
  ChildSpec forbidden;
  forbidden.program = file_;
  forbidden.argv = {"x"};
  EXPECT_THAT(Child::Start(std::move(forbidden), signals_),
              Fails(Code::kDenied, "not part of what was measured"));
  ChildSpec nonsense;
  nonsense.program = "/etc/passwd";
  nonsense.argv = {"x"};
  EXPECT_FALSE(Child::Start(std::move(nonsense), signals_).has_value());
}

TEST_F(ChildTest, PassesSignalsOn) {
  for (const int signal : {SIGTERM, SIGHUP, SIGINT, SIGUSR1, SIGUSR2}) {
    std::filesystem::remove(file_);
    // The shell runs its trap once the program in front has ended, so it waits in the background.
    auto child = Child::Start(
        Shell("trap 'exit " + std::to_string(40 + signal) + "' TERM HUP INT USR1 USR2; touch " +
              file_ + "; while :; do sleep 0.01; done"),
        signals_);
    ASSERT_OK(child);
    const std::jthread sender([&] {
      while (!std::filesystem::exists(file_)) std::this_thread::yield();
      kill(getpid(), signal);
    });
    EXPECT_EQ(child->Wait(), 40 + signal);
  }
}

// The wait status of a process that runs `body`, exits with what it says, and has ten seconds.
int StatusOf(const std::function<int()>& body) {
  const pid_t pid = fork();
  if (pid == 0) {
    alarm(10);
    _exit(body());
  }
  int status = -1;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  return status;
}

TEST_F(ChildTest, WaitsAlsoWhereItsStarterIgnoredTheEndsOfChildren) {
  const int status = StatusOf([] {
    std::signal(SIGCHLD, SIG_IGN);
    const BlockedSignals signals;
    auto child = Child::Start(Shell("exit 7"), signals);
    return child.has_value() ? child->Wait() : 99;
  });
  ASSERT_TRUE(WIFEXITED(status)) << status;
  EXPECT_EQ(WEXITSTATUS(status), 7);
}

TEST_F(ChildTest, DoesNotWaitForWhatSomebodyElseBuried) {
  const int status = StatusOf([this] {
    auto child = Child::Start(Shell("exit 7"), signals_);
    if (!child.has_value() || waitpid(child->pid(), nullptr, 0) < 0) return 99;
    return child->Wait();
  });
  ASSERT_TRUE(WIFEXITED(status)) << status;
  EXPECT_EQ(WEXITSTATUS(status), 128 + SIGKILL);
}

// From here on this process gets EIO for every read of so many bytes.
bool FailReadsOf(unsigned bytes) {
  const auto statement = [](unsigned code, unsigned value) -> sock_filter {
    return BPF_STMT(static_cast<unsigned short>(code), value);
  };
  const auto unless = [](unsigned equal, unsigned char skip) -> sock_filter {
    return BPF_JUMP(static_cast<unsigned short>(BPF_JMP | BPF_JEQ | BPF_K), equal, 0, skip);
  };
  std::array program = {statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                        unless(SYS_read, 3),
                        statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[2])),
                        unless(bytes, 1),
                        statement(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EIO),
                        statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0;
}

TEST_F(ChildTest, EndsAProgramOfWhichItDoesNotLearnWhetherItStarted) {
  const int status = StatusOf([this] {
    if (!FailReadsOf(sizeof(int))) return 99;
    const auto child = Child::Start(Shell("sleep 60"), signals_);
    if (child.has_value()) return 1;
    return child.error().message().contains("Input/output error") ? 0 : 2;
  });
  ASSERT_TRUE(WIFEXITED(status)) << "it waited for the program: " << status;
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(ChildTest, BuriesStraysAndGoesOnWaiting) {
  const pid_t stray = fork();
  if (stray == 0) _exit(0);
  EXPECT_EQ(RunToEnd(Shell("sleep 0.05; exit 3")), 3);
}

TEST_F(ChildTest, DiesWithItsParent) {
  const pid_t agent = fork();
  if (agent == 0) {
    auto child = Child::Start(Shell("echo $$ > " + file_ + ".tmp; mv " + file_ + ".tmp " + file_ +
                                    "; while :; do sleep 0.01; done"),
                              signals_);
    if (child.has_value()) child->Wait();
    _exit(0);
  }
  while (!std::filesystem::exists(file_)) std::this_thread::yield();
  const pid_t program = static_cast<pid_t>(std::stol(Output()));
  ASSERT_EQ(kill(program, 0), 0);
  kill(agent, SIGKILL);
  waitpid(agent, nullptr, 0);
  // The kernel ends it; whoever adopts it buries it. Until then it is a zombie, so look at its
  // state.
  const auto ended = [&] {
    std::ifstream stat("/proc/" + std::to_string(program) + "/stat");
    std::string text;
    return !std::getline(stat, text) || text.contains(") Z");
  };
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!ended() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_TRUE(ended());
}

}  // namespace
}  // namespace strongroom::agent
