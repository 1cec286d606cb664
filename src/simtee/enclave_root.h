#pragma once

#include <map>
#include <string>

#include "base/files.h"
#include "simtee/launch_description.h"
#include "simtee/measured_set.h"

namespace strongroom::simtee {

struct EnclaveRootSpec {
  const LaunchDescription& description;
  const MeasuredSet& files;
  std::map<std::string, std::string>
      mount_sources;          // path inside → path on the host; absent: the same path
  std::string mount_point;    // an empty folder of ours, for the moment of building
  std::string gramine_files;  // where /dev/attestation's files shall be; empty: nowhere
};

// kNotFound for mounts whose source is missing, kDenied for mounts that would hide measured files:
// before anything is started.
Status CheckMounts(const EnclaveRootSpec& spec);

// Builds the file system that the workload sees and makes it this process's root. The process must
// be in a mount namespace of its own with the right to mount. Inside there are
//  - the frozen copies at their own paths, on a tmpfs that is read-only from then on;
//  - the described mounts: host data, noexec, nosuid, nodev;
//  - /dev with the harmless devices, /proc, /sys (read-only), /tmp, /run and /dev/shm as private
//  tmpfs (noexec);
//  - /etc with the host's hosts and resolv.conf, which say addresses only, and fixed nsswitch.conf,
//  passwd and group.
// So nothing can be executed, or mapped as code, but what was measured, whatever the host does to
// its files meanwhile. Returns the /dev/fuse descriptor behind spec.gramine_files, not valid when
// that is empty.
Result<UniqueFd> EnterEnclaveRoot(const EnclaveRootSpec& spec);

}  // namespace strongroom::simtee
