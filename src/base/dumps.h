#pragma once

#include "base/result.h"

namespace strongroom {

// Nobody outside reads the memory of this process and of its children: no core is ever written, nor
// piped to a handler, and no debugger of the same user may look into this process.
Status ForbidDumps();

}  // namespace strongroom
