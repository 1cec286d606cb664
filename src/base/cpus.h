#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace strongroom {

// How many processors this process may use, and what says so.
struct CpuAllowance {
  int cpus = 1;              // at least 1: the smaller of both limits, fractions rounded up
  int affinity = 1;          // processors that the scheduler lets us on
  double quota = 0;          // processors' worth of time that the control group grants; 0: no limit
  std::string quota_source;  // the file that sets the quota; empty without one
};

// Asks sched_getaffinity and the control groups (version 2 cpu.max, version 1 cpu.cfs_quota_us) of
// this process and its ancestors. `root` is where /proc and /sys are looked for; tests give a
// folder. Inside a TEE these are the host's words: fit for sizing thread pools, not for trust.
CpuAllowance AllowedCpus(const std::filesystem::path& root = "/");

}  // namespace strongroom
