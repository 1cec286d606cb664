#pragma once

#include "base/files.h"
#include "base/result.h"
#include "simtee/measured_set.h"

namespace strongroom::simtee {

// A set of rules of the kernel (Landlock) under which only the measured programs and their
// interpreters can be executed, whatever else lies in the root or in a writable folder. It does not
// cover what a program maps as code itself (dlopen). kUnsupported where the kernel has none.
Result<UniqueFd> MakeExecutionLimit(const MeasuredSet& files);

// Puts this process and all that it will start under the rules, for good. False with errno set. It
// is safe after fork.
bool EnterExecutionLimit(const UniqueFd& rules);

}  // namespace strongroom::simtee
