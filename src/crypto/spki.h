#pragma once

#include "base/bytes.h"
#include "crypto/key.h"

namespace strongroom::crypto {

// The inside of a SubjectPublicKeyInfo of a key type that this room knows. Only the layout was
// checked.
struct Spki {
  KeyType type = KeyType::kP256;
  Bytes key;          // EC: 04, x, y. Ed25519: 32 bytes. RSA: empty
  Bytes rsa_modulus;  // big-endian, no leading zeros
  Bytes rsa_exponent;
};

// Strict DER, nothing after it. kUnsupported for other algorithms, explicit curves and compressed
// points.
Result<Spki> ParseSpki(ByteView bytes);
Bytes EncodeSpki(const Spki& spki);

// Size of one coordinate in bytes; 0 for types that are no curve of NIST's.
std::size_t CoordinateSize(KeyType type);
bool IsEc(KeyType type);

}  // namespace strongroom::crypto
