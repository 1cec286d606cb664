#pragma once

#include <chrono>

#include "cli/command.h"
#include "cli/console.h"
#include "cli/installation.h"
#include "cli/kubernetes.h"

// An installation while it comes up: what `install` and `check` share.
namespace strongroom::cli {

// --timeout of the command; kMalformed when it is no number of seconds.
Result<std::chrono::seconds> Timeout(const Arguments& arguments, int otherwise);

// Looks once a second until everything is available, something is broken that waiting does not
// mend, or time is up; the last look. kCancelled when a signal came that an Interrupt holds back.
Result<Installation> WaitUntilReady(const Kubectl& kubectl, std::chrono::seconds timeout,
                                    Console& console);

// Says the verdict on an installation that was waited for.
Result<Exit> Conclude(const Installation& installation, const Kubectl& kubectl, Console& console);

}  // namespace strongroom::cli
