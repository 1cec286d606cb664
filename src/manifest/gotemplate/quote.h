#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

// Go's quoted text (language specification, "String literals", "Rune literals").
namespace strongroom::manifest::gotemplate {

// What stands between two double quotes. kMalformed on an escape that Go does not know.
Result<std::string> Unquote(std::string_view inside);

// What stands between two single quotes: exactly one code point.
Result<std::uint32_t> UnquoteChar(std::string_view inside);

void AppendUtf8(std::string& out, std::uint32_t code_point);

}  // namespace strongroom::manifest::gotemplate
