#pragma once

#include <sys/types.h>

#include <utility>

#include "simtee/workload.h"

namespace strongroom::simtee {

// A measured program in the container's own root and namespaces (CheckContainerRoot), a child of
// this process. It dies with this process; what it started itself does so only where this process
// is the first of its PID namespace, as a container's entry point is.
class ContainerWorkload {
 public:
  ContainerWorkload(ContainerWorkload&& other) noexcept
      : program_(std::exchange(other.program_, -1)) {}
  ContainerWorkload& operator=(ContainerWorkload&&) = delete;
  // Kills what still runs.
  ~ContainerWorkload();

  // Call before any thread is started, and from the thread that will outlive the workload. Signals
  // that Wait forwards are blocked in the caller from here on, and the caller's memory is closed to
  // processes of the same user. With `execution_limit` valid the program runs under it.
  static Result<ContainerWorkload> Start(WorkloadSpec spec, const UniqueFd& execution_limit);

  // As Workload::Wait.
  Result<int> Wait();

 private:
  explicit ContainerWorkload(pid_t program) : program_(program) {}

  pid_t program_;
};

}  // namespace strongroom::simtee
