#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/secret.h"

namespace strongroom::crypto {

inline constexpr std::string_view kCertificateLabel = "CERTIFICATE";

struct PemBlock {
  std::string label;  // kCertificateLabel and the like
  Bytes content;
};

// RFC 7468: one to `max_blocks` blocks, kExhausted when there are more. Lines of explanatory text
// may stand outside the blocks unless they contain "-----"; headers inside (RFC 1421) are refused.
// One trailing NUL is tolerated.
Result<std::vector<PemBlock>> DecodePem(std::string_view text, std::size_t max_blocks);

// The content of exactly one block of this label.
Result<Bytes> DecodeOnePem(std::string_view text, std::string_view label);

// Lines of 64 characters, a line feed at the end.
std::string EncodePem(std::string_view label, ByteView content);
SecretBytes EncodeSecretPem(std::string_view label, ByteView content);

}  // namespace strongroom::crypto
