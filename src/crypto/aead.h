#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "base/bytes.h"
#include "base/secret.h"

namespace strongroom::crypto {

inline constexpr std::size_t kGcmNonceSize = 12;
inline constexpr std::size_t kGcmTagSize = 16;

// What both sides of AES-GCM (NIST SP 800-38D) must agree on. A nonce must never seal twice under
// one key.
struct GcmInput {
  ByteView key;    // 16 or 32 bytes
  ByteView nonce;  // 12 bytes
  ByteView aad = {};
};

// AES-GCM for bulk use: one context that is re-keyed for every call without allocating. Use one per
// thread. A key or nonce of another size is kMalformed; so are spans whose sizes differ.
class AesGcm {
 public:
  AesGcm();
  AesGcm(AesGcm&&) noexcept;
  AesGcm& operator=(AesGcm&&) noexcept;
  ~AesGcm();  // wipes the key schedule

  // `ciphertext` is as long as `plaintext` and may be the same memory.
  Status Seal(const GcmInput& input, ByteView plaintext, std::span<std::uint8_t> ciphertext,
              std::span<std::uint8_t, kGcmTagSize> tag);

  // kUntrusted when the tag does not fit; `plaintext` is zeros then. `tag` must have all 16 bytes.
  Status Open(const GcmInput& input, ByteView ciphertext, ByteView tag,
              std::span<std::uint8_t> plaintext);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// One message: ciphertext, then tag. kMalformed when `sealed` is shorter than a tag, kUntrusted
// when it was not sealed with this input.
Result<SecretBytes> OpenGcm(const GcmInput& input, ByteView sealed);

}  // namespace strongroom::crypto
