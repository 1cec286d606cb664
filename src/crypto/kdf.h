#pragma once

#include <cstddef>

#include "base/bytes.h"
#include "base/secret.h"

namespace strongroom::crypto {

struct HkdfInput {
  ByteView key;  // input keying material
  ByteView salt = {};
  ByteView info = {};
};

// RFC 5869 with SHA-256. kMalformed when `size` is zero or above 255 * 32.
Result<SecretBytes> HkdfSha256(const HkdfInput& input, std::size_t size);

// RFC 4493: AES-128-CMAC, 16 bytes. Secret because it serves as the function inside key derivations
// (NIST SP 800-108). kMalformed when the key is not 16 bytes.
Result<SecretBytes> Aes128Cmac(ByteView key, ByteView message);

}  // namespace strongroom::crypto
