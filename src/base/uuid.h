#pragma once

#include <string>
#include <string_view>

#include "base/entropy.h"
#include "base/result.h"

namespace strongroom {

// A random UUID (version 4), in the canonical text.
std::string MakeUuid(Entropy& entropy);

// The canonical text (lower case, 8-4-4-4-12) of a UUID as marbles write it: canonical in either
// case, bare hexadecimal, in braces, or behind "urn:uuid:". kMalformed for anything else.
Result<std::string> CanonicalUuid(std::string_view text);

}  // namespace strongroom
