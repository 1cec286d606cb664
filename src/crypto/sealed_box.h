#pragma once

#include "base/bytes.h"
#include "base/entropy.h"
#include "base/secret.h"

namespace strongroom::crypto {

// A message sealed by AES-256-GCM under a random nonce: nonce (12), ciphertext, tag (16). `context`
// is authenticated, not stored: it says what the box is for, so that one box cannot stand in for
// another. Random nonces of 96 bits are safe for 2^32 boxes under one key.
Result<Bytes> SealBox(ByteView key, ByteView context, ByteView plaintext, Entropy& entropy);

// kMalformed for a key of another size than 32 or a box too short to be one; kUntrusted when key,
// context or any byte of the box is another.
Result<SecretBytes> OpenBox(ByteView key, ByteView context, ByteView box);

}  // namespace strongroom::crypto
