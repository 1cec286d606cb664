#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace strongroom::pfs {

// The longest embedded path: a field of 772 bytes, one of them for the NUL.
inline constexpr std::size_t kMaxPathSize = 771;

// A path as Gramine embeds it: empty parts and "." dropped, ".." resolved, leading ".." of a
// relative path kept, no slash at the end; relative stays relative. kMalformed when nothing is
// left, on a NUL byte, or when more than 771 bytes are left.
Result<std::string> NormalizePath(std::string_view path);

// `folder`/`name`, normalized.
Result<std::string> JoinPath(std::string_view folder, std::string_view name);

}  // namespace strongroom::pfs
