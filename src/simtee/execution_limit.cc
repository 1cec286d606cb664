#include "simtee/execution_limit.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace strongroom::simtee {

Result<UniqueFd> MakeExecutionLimit(const MeasuredSet& files) {
  const landlock_ruleset_attr handled{.handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE};
  UniqueFd rules(static_cast<int>(
      syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled.handled_access_fs), 0)));
  if (!rules.valid()) {
    return Unsupported(fmt::format("this kernel has no Landlock, or it may not be used here: {}",
                                   strerror(errno)));
  }
  for (const auto& [path, file] : files) {
    if (file.role != FileRole::kProgram && file.role != FileRole::kInterpreter) continue;
    const UniqueFd target(open(path.c_str(), O_PATH | O_CLOEXEC));
    const landlock_path_beneath_attr allowed{.allowed_access = LANDLOCK_ACCESS_FS_EXECUTE,
                                             .parent_fd = target.get()};
    if (!target.valid() ||
        syscall(SYS_landlock_add_rule, rules.get(), LANDLOCK_RULE_PATH_BENEATH, &allowed, 0) != 0) {
      return FromErrno(errno, path);
    }
  }
  return rules;
}

bool EnterExecutionLimit(const UniqueFd& rules) {
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         syscall(SYS_landlock_restrict_self, rules.get(), 0) == 0;
}

}  // namespace strongroom::simtee
