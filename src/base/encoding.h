#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"

namespace strongroom {

// Lower case out; either case in. kMalformed on odd length or a foreign character.
std::string HexEncode(ByteView bytes);
Result<Bytes> HexDecode(std::string_view text);

// RFC 4648: section 4 with padding; section 5 (URL) without on output, with or without on input.
// Strict: no white space, no stray bits in the last character.
std::string Base64Encode(ByteView bytes);
Result<Bytes> Base64Decode(std::string_view text);
std::string Base64UrlEncode(ByteView bytes);
Result<Bytes> Base64UrlDecode(std::string_view text);

// RFC 3986 percent-encoding of everything but unreserved characters.
std::string PercentEncode(std::string_view text);
Result<std::string> PercentDecode(std::string_view text);

}  // namespace strongroom
