#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>

#include "base/files.h"
#include "base/result.h"

namespace strongroom::bench {

// A server in a child process of its own, so that its processor time can be told from the client's.
class ServerProcess {
 public:
  // Forks. In the child, `serve` starts a server and returns its port; the server must run in other
  // threads.
  static Result<ServerProcess> Start(const std::function<Result<std::uint16_t>()>& serve);
  ServerProcess(ServerProcess&& other) noexcept;
  ~ServerProcess();  // ends the child

  std::uint16_t port() const { return port_; }
  // User and system time of the child so far, in microseconds.
  Result<std::int64_t> CpuMicroseconds();

 private:
  ServerProcess() = default;
  pid_t pid_ = -1;
  std::uint16_t port_ = 0;
  UniqueFd to_;
  UniqueFd from_;
};

}  // namespace strongroom::bench
