#pragma once

#include "base/log.h"

namespace strongroom::modelserver {

// Takes variables out of the environment that would steer the engine's libraries (plugins,
// precision, threads).
void DropEngineVariables(Log& log);

}  // namespace strongroom::modelserver
