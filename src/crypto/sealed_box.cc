#include "crypto/sealed_box.h"

#include <fmt/format.h>

#include "crypto/aead.h"

namespace strongroom::crypto {
namespace {

constexpr std::size_t kKeySize = 32;

Status CheckKey(ByteView key) {
  if (key.size() == kKeySize) return {};
  return Malformed(fmt::format("sealing key of {} bytes, wanted {}", key.size(), kKeySize));
}

}  // namespace

Result<Bytes> SealBox(ByteView key, ByteView context, ByteView plaintext, Entropy& entropy) {
  RETURN_IF_ERROR(CheckKey(key));
  Bytes box(kGcmNonceSize + plaintext.size() + kGcmTagSize);
  const std::span<std::uint8_t> all(box);
  const auto nonce = all.first(kGcmNonceSize);
  entropy.Fill(nonce);
  AesGcm gcm;
  RETURN_IF_ERROR(gcm.Seal({.key = key, .nonce = nonce, .aad = context}, plaintext,
                           all.subspan(kGcmNonceSize, plaintext.size()), all.last<kGcmTagSize>()));
  return box;
}

Result<SecretBytes> OpenBox(ByteView key, ByteView context, ByteView box) {
  RETURN_IF_ERROR(CheckKey(key));
  if (box.size() < kGcmNonceSize + kGcmTagSize) {
    return Malformed(fmt::format("sealed box of {} bytes, wanted at least {}", box.size(),
                                 kGcmNonceSize + kGcmTagSize));
  }
  const GcmInput input{.key = key, .nonce = box.first(kGcmNonceSize), .aad = context};
  return OpenGcm(input, box.subspan(kGcmNonceSize));
}

}  // namespace strongroom::crypto
