#pragma once

#include <string>
#include <vector>

#include "simtee/enclave_root.h"

namespace strongroom::simtee {

// Where no namespace and no mount may be made, a container's own root can stand in for the root
// that EnterEnclaveRoot builds. Nothing is copied into it: the workload runs the container's files,
// so they must be out of its reach. kDenied, saying what to change, unless
//  - this process has no capability but CAP_NET_BIND_SERVICE: it cannot mount over a file, nor read
//    the memory of others;
//  - every measured file stands at its own path, on read-only mounts all the way;
//  - the loader opens those and no others (CheckLoaderLookup);
//  - every described mount is there, read-only unless it is described as writable, and none hides a
//    measured file.
// kUnsupported for Gramine's files, which take a mount.
Status CheckContainerRoot(const EnclaveRootSpec& spec);

// The described mounts from which files could be executed or mapped as code: where a root of our
// own is noexec, a container's volume often is not.
std::vector<std::string> ExecutableMounts(const LaunchDescription& description);

}  // namespace strongroom::simtee
