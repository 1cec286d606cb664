#include "base/dumps.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>

namespace strongroom {

Status ForbidDumps() {
  // A limit of 1 also keeps the kernel from piping a core to a handler, which 0 does not
  // (coredump.c).
  const rlimit one{.rlim_cur = 1, .rlim_max = 1}, none{.rlim_cur = 0, .rlim_max = 0};
  if (setrlimit(RLIMIT_CORE, &one) != 0 && setrlimit(RLIMIT_CORE, &none) != 0)
    return FromErrno(errno, "setrlimit(RLIMIT_CORE)");
#if !defined(__SANITIZE_ADDRESS__)  // its leak checker traces this process
  // Gramine has no prctl, and no debugger or dump inside its enclaves either.
  if (prctl(PR_SET_DUMPABLE, 0) != 0 && errno != ENOSYS)
    return FromErrno(errno, "prctl(PR_SET_DUMPABLE)");
#endif
  return {};
}

}  // namespace strongroom
