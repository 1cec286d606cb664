#include "server_process.h"

#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

namespace strongroom::bench {
namespace {

constexpr int kServerCore = 1;

std::int64_t OwnCpuMicroseconds() {
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  const auto micros = [](const timeval& t) {
    return std::int64_t{t.tv_sec} * 1'000'000 + t.tv_usec;
  };
  return micros(usage.ru_utime) + micros(usage.ru_stime);
}

[[noreturn]] void Child(int in, int out, const std::function<Result<std::uint16_t>()>& serve) {
  cpu_set_t core;
  CPU_ZERO(&core);
  CPU_SET(kServerCore, &core);
  static_cast<void>(::sched_setaffinity(0, sizeof core, &core));  // one core in all: share it
  const auto port = serve();
  if (!port) {
    std::fprintf(stderr, "%s\n", port.error().ToString().c_str());
    ::_exit(1);
  }
  std::int64_t answer = *port;
  for (char c = 0;;) {
    if (::write(out, &answer, sizeof answer) != sizeof answer || ::read(in, &c, 1) != 1) ::_exit(0);
    answer = OwnCpuMicroseconds();
  }
}

}  // namespace

Result<ServerProcess> ServerProcess::Start(const std::function<Result<std::uint16_t>()>& serve) {
  std::array<int, 2> down{};
  std::array<int, 2> up{};
  if (::pipe(down.data()) != 0 || ::pipe(up.data()) != 0) return FromErrno(errno, "pipe");
  ServerProcess out;
  out.pid_ = ::fork();
  if (out.pid_ < 0) return FromErrno(errno, "fork");
  if (out.pid_ == 0) {
    ::close(down[1]);
    ::close(up[0]);
    Child(down[0], up[1], serve);
  }
  ::close(down[0]);
  ::close(up[1]);
  out.to_ = UniqueFd(down[1]);
  out.from_ = UniqueFd(up[0]);
  std::int64_t port = 0;
  if (::read(out.from_.get(), &port, sizeof port) != sizeof port)
    return Unavailable("a benchmark's server did not start");
  out.port_ = static_cast<std::uint16_t>(port);
  return out;
}

ServerProcess::ServerProcess(ServerProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      port_(other.port_),
      to_(std::move(other.to_)),
      from_(std::move(other.from_)) {}

ServerProcess::~ServerProcess() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

Result<std::int64_t> ServerProcess::CpuMicroseconds() {
  std::int64_t out = 0;
  if (::write(to_.get(), "r", 1) != 1 || ::read(from_.get(), &out, sizeof out) != sizeof out) {
    return Unavailable("a benchmark's server is gone");
  }
  return out;
}

}  // namespace strongroom::bench
