#pragma once

#include <chrono>

#include "base/log.h"

namespace strongroom::modelserver {

// Takes variables out of the environment that would steer the engine's libraries (plugins,
// precision, threads).
void DropEngineVariables(Log& log);

// Blocks SIGTERM and SIGINT in this thread and all made after it; WaitForEnd returns the one that
// came.
void BlockEndSignals();
int WaitForEnd();
// Until one of them comes again, for at most so long.
void WaitForEndAgain(std::chrono::seconds at_most);

}  // namespace strongroom::modelserver
