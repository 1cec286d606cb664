#include "cli/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include <fmt/format.h>

#include "base/child_signals.h"
#include "base/text.h"
#include "cli/interrupt.h"

namespace strongroom::cli {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxOutput = 16 << 20;

struct Pipe {
  UniqueFd read, write;
};

Result<Pipe> MakePipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return FromErrno(errno, "pipe");
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// In the child, between fork and exec: only what is safe there. What went wrong goes to `failure`.
[[noreturn]] void BecomeProgram(char* const* arguments, int out, int err, int failure) {
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (nothing >= 0 && ::dup2(nothing, STDIN_FILENO) >= 0 && ::dup2(out, STDOUT_FILENO) >= 0 &&
      ::dup2(err, STDERR_FILENO) >= 0 && ::prctl(PR_SET_PDEATHSIG, SIGTERM) == 0) {
    ::execvp(arguments[0], arguments);
  }
  const int why = errno;
  (void)!::write(failure, &why, sizeof why);
  ::_exit(127);
}

milliseconds Left(Clock::time_point end) {
  return std::max(milliseconds(0),
                  std::chrono::duration_cast<milliseconds>(end - Clock::now()) + milliseconds(1));
}

// Appends what can be read now; false at the end of the stream.
Result<bool> ReadSome(int fd, std::string& into) {
  std::array<char, 16384> some{};
  const ssize_t got = ::read(fd, some.data(), some.size());
  if (got < 0 && errno == EINTR) return true;
  if (got < 0) return FromErrno(errno, "read");
  into.append(some.data(), static_cast<std::size_t>(got));
  if (into.size() > kMaxOutput) return Exhausted("a program printed more than 16 MiB");
  return got > 0;
}

// Output, errors and interrupts.
using Streams = std::array<pollfd, 3>;

// Waits until one of the first two streams has something or ended; -1 entries are not waited for.
Status WaitFor(Streams& streams, Clock::time_point end, std::string_view program) {
  while (true) {
    const int ready = ::poll(streams.data(), streams.size(), static_cast<int>(Left(end).count()));
    if (streams[2].revents != 0) return Cancelled(fmt::format("{} was stopped", program));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return FromErrno(errno, "poll");
    if (Clock::now() >= end)
      return DeadlineExceeded(fmt::format("{} did not answer in time", program));
  }
}

}  // namespace

Result<BackgroundProcess> BackgroundProcess::Start(const std::vector<std::string>& arguments) {
  ASSIGN_OR_RETURN(Pipe out, MakePipe());
  ASSIGN_OR_RETURN(Pipe err, MakePipe());
  ASSIGN_OR_RETURN(Pipe failure, MakePipe());
  std::vector<std::string> copies = arguments;
  std::vector<char*> words;
  for (std::string& word : copies) words.push_back(word.data());
  words.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) return FromErrno(errno, "fork");
  if (pid == 0) BecomeProgram(words.data(), out.write.get(), err.write.get(), failure.write.get());
  BackgroundProcess process(pid, std::move(out.read), std::move(err.read));
  failure.write.Reset();
  int why = 0;
  if (::read(failure.read.get(), &why, sizeof why) != sizeof why) return process;
  if (why == ENOENT) {
    return NotFound(fmt::format("no program {} on the PATH", arguments.front()));
  }
  return FromErrno(why, arguments.front());
}

int BackgroundProcess::Wait() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return ExitCodeOf(status);
}

BackgroundProcess::~BackgroundProcess() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGTERM);
  const auto end = Clock::now() + milliseconds(2000);
  while (::waitpid(pid_, nullptr, WNOHANG) == 0) {
    if (Clock::now() > end) {
      ::kill(pid_, SIGKILL);
      Wait();
      return;
    }
    ::poll(nullptr, 0, 5);  // there is nothing to wait on that tells of its end
  }
}

Result<std::string> BackgroundProcess::ReadLine(milliseconds timeout) {
  const auto end = Clock::now() + timeout;
  std::string out, err;
  ASSIGN_OR_RETURN(const UniqueFd interrupts, Interrupt::Watch());
  Streams streams{
      {{out_.get(), POLLIN, 0}, {err_.get(), POLLIN, 0}, {interrupts.get(), POLLIN, 0}}};
  while (!out.contains('\n')) {
    RETURN_IF_ERROR(WaitFor(streams, end, "the program"));
    if (streams[1].revents != 0) {
      ASSIGN_OR_RETURN(const bool more, ReadSome(err_.get(), err));
      if (!more) streams[1].fd = -1;
    }
    if (streams[0].revents != 0) {
      ASSIGN_OR_RETURN(const bool more, ReadSome(out_.get(), out));
      if (!more) streams[0].fd = -1;
    }
    if (streams[0].fd < 0 && streams[1].fd < 0) return Unavailable(std::string(Trimmed(err)));
  }
  return out.substr(0, out.find('\n'));
}

Result<ProcessOutcome> RunToEnd(const std::vector<std::string>& arguments, milliseconds timeout) {
  const auto end = Clock::now() + timeout;
  ASSIGN_OR_RETURN(BackgroundProcess process, BackgroundProcess::Start(arguments));
  ProcessOutcome outcome;
  ASSIGN_OR_RETURN(const UniqueFd interrupts, Interrupt::Watch());
  Streams streams{{{process.out_.get(), POLLIN, 0},
                   {process.err_.get(), POLLIN, 0},
                   {interrupts.get(), POLLIN, 0}}};
  while (streams[0].fd >= 0 || streams[1].fd >= 0) {
    RETURN_IF_ERROR(WaitFor(streams, end, arguments.front()));
    for (std::size_t i = 0; i < streams.size(); ++i) {
      if (streams[i].fd < 0 || streams[i].revents == 0) continue;
      ASSIGN_OR_RETURN(const bool more,
                       ReadSome(streams[i].fd, i == 0 ? outcome.out : outcome.err));
      if (!more) streams[i].fd = -1;
    }
  }
  outcome.exit_status = process.Wait();
  return outcome;
}

}  // namespace strongroom::cli
