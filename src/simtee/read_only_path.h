#pragma once

#include <string>

#include "base/result.h"

namespace strongroom::simtee {

// That nobody in this mount namespace can change what `path` (absolute) names: the file itself, and
// every folder and link on the way to it, lie on mounts that are read-only. kDenied, naming what
// does not; kNotFound.
Status ExpectReadOnlyPath(const std::string& path);

}  // namespace strongroom::simtee
