#pragma once

#include <sys/types.h>

#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include "base/files.h"
#include "simtee/enclave_root.h"

namespace strongroom::simtee {

struct WorkloadSpec {
  EnclaveRootSpec root;
  std::vector<std::string> environment;  // "NAME=value"
  UniqueFd attestation_socket;           // inherited as kAttestationFd; not valid: it gets none
};

// A measured program that runs in namespaces of its own: a PID namespace whose first process is
// ours and starts the program, a mount namespace with EnterEnclaveRoot's file system, a user
// namespace too where the caller is not root. When the process that started it dies, even by
// SIGKILL, the kernel kills all of them.
class Workload {
 public:
  Workload(Workload&& other) noexcept
      : init_(std::exchange(other.init_, -1)),
        signals_(other.signals_),
        fuse_(std::move(other.fuse_)) {}
  Workload& operator=(Workload&&) = delete;
  // Kills what still runs.
  ~Workload();

  // Call before any thread is started, and from the thread that will outlive the workload. Signals
  // that Wait forwards are blocked in the caller from here on. kUnsupported, saying what to do,
  // where namespaces are not allowed.
  static Result<Workload> Start(WorkloadSpec spec);

  // The /dev/fuse descriptor to serve, once, when spec.root.gramine_files was given.
  UniqueFd TakeFuse() { return std::move(fuse_); }

  // Passes signals that processes send on to the program and waits for its end. Its exit code, or
  // 128 plus the signal that ended it, as shells say it.
  Result<int> Wait();

 private:
  Workload(pid_t init, sigset_t signals, UniqueFd fuse)
      : init_(init), signals_(signals), fuse_(std::move(fuse)) {}

  pid_t init_;
  sigset_t signals_;
  UniqueFd fuse_;
};

}  // namespace strongroom::simtee
