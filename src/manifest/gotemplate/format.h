#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace strongroom::manifest::gotemplate {

// One part of a printf format: text, or a verb.
struct FormatPiece {
  std::string text;
  char verb = 0;  // 0: text; else one of s v d x X t
  bool left = false;
  bool zero = false;
  std::size_t width = 0;
};
using Format = std::vector<FormatPiece>;

// Go's format language as far as templates have values for it: %s %v %d %x %X %t %%, and width with
// the flags - and 0 for %d. kUnsupported for all else that Go knows, kMalformed for what it does
// not.
Result<Format> ParseFormat(std::string_view format);

}  // namespace strongroom::manifest::gotemplate
