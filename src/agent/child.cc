#include "agent/child.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "base/child_signals.h"

namespace strongroom::agent {
namespace {

// "NAME=value" and the terminating zero, in memory that is wiped at the end.
std::vector<SecretBytes> Terminated(const std::vector<SecretBytes>& texts) {
  std::vector<SecretBytes> out;
  for (const SecretBytes& text : texts) {
    SecretBytes copy(text.size() + 1);
    std::ranges::copy(text.Reveal(), copy.RevealWritable().begin());
    out.push_back(std::move(copy));
  }
  return out;
}

struct ExecArguments {
  explicit ExecArguments(ChildSpec& spec) : environment_texts(Terminated(spec.environment)) {
    for (std::string& argument : spec.argv) argv.push_back(argument.data());
    argv.push_back(nullptr);
    for (SecretBytes& text : environment_texts)
      environment.push_back(reinterpret_cast<char*>(text.RevealWritable().data()));
    environment.push_back(nullptr);
  }
  std::vector<SecretBytes> environment_texts;
  std::vector<char*> argv;
  std::vector<char*> environment;
};

// In the child: only calls that are safe after fork. Ends in exec, or in its errno on `report`.
[[noreturn]] void Execute(const char* program, const ExecArguments& arguments, int handover,
                          pid_t parent, const sigset_t& mask, int report) {
  const bool bound = prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 || errno == ENOSYS;  // Gramine has none
  const bool ready = bound && getppid() == parent &&
                     close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0 &&
                     (handover < 0 || fcntl(handover, F_SETFD, 0) == 0) &&
                     sigprocmask(SIG_SETMASK, &mask, nullptr) == 0;
  std::signal(SIGPIPE, SIG_DFL);  // whoever started this process may ignore it
  if (ready) execve(program, arguments.argv.data(), arguments.environment.data());
  const int error = errno;
  const ssize_t told = write(report, &error, sizeof(error));
  _exit(told == sizeof(error) ? 126 : 125);
}

Status StartError(int error, const std::string& program) {
  if (error == ENOENT)
    return NotFound(
        fmt::format("{}: there is no such program, or its interpreter is not there", program));
  if (error == EACCES || error == EPERM) {
    return Denied(fmt::format(
        "{} cannot be executed: it is not part of what was measured, or has no execute permission",
        program));
  }
  return Internal(fmt::format("{} cannot be executed: {}", program, std::strerror(error)));
}

}  // namespace

BlockedSignals::BlockedSignals() : waited_(ChildSignals()) {
  sigset_t blocked = waited_;
  sigaddset(&blocked, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &blocked, &before_);
  HeedChildren();
}

BlockedSignals::~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

Result<Child> Child::Start(ChildSpec spec, const BlockedSignals& signals) {
  int reports[2];
  if (pipe2(reports, O_CLOEXEC) != 0) return FromErrno(errno, "pipe");
  const UniqueFd report_in(reports[0]);
  UniqueFd report_out(reports[1]);
  const ExecArguments arguments(spec);
  const int handover = spec.handover == nullptr ? -1 : spec.handover->reading_end();
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return FromErrno(errno, "fork");
  if (pid == 0) {
    Execute(spec.program.c_str(), arguments, handover, parent, signals.before(), report_out.get());
  }
  report_out.Reset();
  int error = 0;
  ssize_t got = 0;
  do {
    got = read(report_in.get(), &error, sizeof(error));
  } while (got < 0 && errno == EINTR);
  if (got == 0) {  // closed by exec
    if (spec.handover != nullptr) spec.handover->Send();
    return Child(pid, std::move(spec.handover));
  }
  // What was not told cannot be known: the program may be running.
  const int read_error = got < 0 ? errno : EIO;
  const bool told = got == sizeof(error);
  if (!told) kill(pid, SIGKILL);
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  if (!told) return FromErrno(read_error, fmt::format("whether {} started", spec.program));
  RETURN_IF_ERROR(StartError(error, spec.program));
  return Internal("the program did not start");
}

int Child::Wait() { return WaitForProgram(pid_); }

}  // namespace strongroom::agent
