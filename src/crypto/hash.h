#pragma once

#include <initializer_list>
#include <memory>

#include "base/bytes.h"

namespace strongroom::crypto {

struct Sha256Tag;
struct Sha384Tag;
struct Sha512Tag;
using Sha256Digest = FixedBytes<Sha256Tag, 32>;
using Sha384Digest = FixedBytes<Sha384Tag, 48>;
using Sha512Digest = FixedBytes<Sha512Tag, 64>;

// FIPS 180-4. These cannot fail but for want of memory, which ends the program.
Sha256Digest Sha256(ByteView message);
Sha384Digest Sha384(ByteView message);
Sha512Digest Sha512(ByteView message);

// The digest of the parts one after the other: `Sha512({tag, nonce, key_hash})`.
Sha256Digest Sha256(std::initializer_list<ByteView> parts);
Sha384Digest Sha384(std::initializer_list<ByteView> parts);
Sha512Digest Sha512(std::initializer_list<ByteView> parts);

// SHA-256 over a message that comes in pieces.
class Sha256Hasher {
 public:
  Sha256Hasher();
  Sha256Hasher(Sha256Hasher&&) noexcept;
  Sha256Hasher& operator=(Sha256Hasher&&) noexcept;
  ~Sha256Hasher();

  void Update(ByteView piece);
  Sha256Digest Finish() &&;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// RFC 2104 with SHA-256, a key of any length. Compare with ConstantTimeEqual.
struct HmacSha256Tag;
using HmacSha256Digest = FixedBytes<HmacSha256Tag, 32>;
HmacSha256Digest HmacSha256(ByteView key, ByteView message);

}  // namespace strongroom::crypto
