#pragma once

#include <string_view>

namespace strongroom {

// A path below a folder: no empty, "." or ".." component, no NUL, not absolute.
bool IsPlainRelativePath(std::string_view path);

}  // namespace strongroom
