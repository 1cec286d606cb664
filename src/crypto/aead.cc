#include "crypto/aead.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "crypto/openssl_internal.h"

namespace strongroom::crypto {
namespace {

constexpr std::size_t kMaxMessage = std::size_t{1} << 30;  // OpenSSL counts in int

// Fetched once: a fetch by name for every node would cost more than the node. They live as long as
// the process.
const EVP_CIPHER* CipherFor(std::size_t key_size) {
  static const EVP_CIPHER* const aes128 = EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr);
  static const EVP_CIPHER* const aes256 = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  if (key_size == 16) return aes128;
  if (key_size == 32) return aes256;
  return nullptr;
}

Status CheckSizes(const GcmInput& input, std::size_t from, std::size_t to) {
  if (input.key.size() != 16 && input.key.size() != 32) {
    return Malformed(fmt::format("AES key of {} bytes, wanted 16 or 32", input.key.size()));
  }
  if (input.nonce.size() != kGcmNonceSize) {
    return Malformed(
        fmt::format("GCM nonce of {} bytes, wanted {}", input.nonce.size(), kGcmNonceSize));
  }
  if (from != to) return Malformed(fmt::format("room for {} bytes, wanted {}", to, from));
  if (from > kMaxMessage || input.aad.size() > kMaxMessage) {
    return Malformed(fmt::format("message of {} bytes, wanted at most {}", from, kMaxMessage));
  }
  return {};
}

}  // namespace

struct AesGcm::Impl {
  OpenSslPtr<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free> context{EVP_CIPHER_CTX_new()};
  const EVP_CIPHER* cipher = nullptr;  // what the context is set up for

  // Sets key and nonce; the cipher itself only when it changes, which keeps re-keying cheap.
  bool Start(const GcmInput& input, bool seal) {
    const EVP_CIPHER* wanted = CipherFor(input.key.size());
    const EVP_CIPHER* to_set = wanted == cipher ? nullptr : wanted;
    cipher = wanted;
    if (EVP_CipherInit_ex2(context.get(), to_set, input.key.data(), input.nonce.data(),
                           seal ? 1 : 0, nullptr) != 1) {
      return false;
    }
    int n = 0;
    return input.aad.empty() || EVP_CipherUpdate(context.get(), nullptr, &n, input.aad.data(),
                                                 static_cast<int>(input.aad.size())) == 1;
  }

  bool Update(ByteView from, std::span<std::uint8_t> to) {
    int n = 0;
    if (from.empty()) return true;
    return EVP_CipherUpdate(context.get(), to.data(), &n, from.data(),
                            static_cast<int>(from.size())) == 1 &&
           static_cast<std::size_t>(n) == from.size();
  }

  bool Finish() {
    std::uint8_t none[kGcmTagSize];
    int n = 0;
    return EVP_CipherFinal_ex(context.get(), none, &n) == 1;
  }
};

AesGcm::AesGcm() : impl_(std::make_unique<Impl>()) {
  if (!impl_->context) std::abort();
}
AesGcm::AesGcm(AesGcm&&) noexcept = default;
AesGcm& AesGcm::operator=(AesGcm&&) noexcept = default;
AesGcm::~AesGcm() = default;

Status AesGcm::Seal(const GcmInput& input, ByteView plaintext, std::span<std::uint8_t> ciphertext,
                    std::span<std::uint8_t, kGcmTagSize> tag) {
  RETURN_IF_ERROR(CheckSizes(input, plaintext.size(), ciphertext.size()));
  if (!impl_->Start(input, true) || !impl_->Update(plaintext, ciphertext) || !impl_->Finish() ||
      EVP_CIPHER_CTX_ctrl(impl_->context.get(), EVP_CTRL_AEAD_GET_TAG,
                          static_cast<int>(kGcmTagSize), tag.data()) != 1) {
    Wipe(ciphertext);
    return Internal(OpenSslError("AES-GCM seal"));
  }
  return {};
}

Status AesGcm::Open(const GcmInput& input, ByteView ciphertext, ByteView tag,
                    std::span<std::uint8_t> plaintext) {
  RETURN_IF_ERROR(CheckSizes(input, ciphertext.size(), plaintext.size()));
  if (tag.size() != kGcmTagSize) {
    return Malformed(fmt::format("GCM tag of {} bytes, wanted {}", tag.size(), kGcmTagSize));
  }
  std::array<std::uint8_t, kGcmTagSize> expected;
  std::ranges::copy(tag, expected.begin());
  if (!impl_->Start(input, false) || !impl_->Update(ciphertext, plaintext) ||
      EVP_CIPHER_CTX_ctrl(impl_->context.get(), EVP_CTRL_AEAD_SET_TAG,
                          static_cast<int>(kGcmTagSize), expected.data()) != 1) {
    Wipe(plaintext);
    return Internal(OpenSslError("AES-GCM open"));
  }
  if (!impl_->Finish()) {
    Wipe(plaintext);
    ClearOpenSslErrors();
    return Untrusted("AES-GCM tag does not fit key, nonce, additional data and ciphertext");
  }
  return {};
}

Result<SecretBytes> OpenGcm(const GcmInput& input, ByteView sealed) {
  if (sealed.size() < kGcmTagSize) {
    return Malformed(
        fmt::format("sealed message of {} bytes, wanted at least {}", sealed.size(), kGcmTagSize));
  }
  const std::size_t size = sealed.size() - kGcmTagSize;
  SecretBytes plaintext(size);
  AesGcm gcm;
  RETURN_IF_ERROR(
      gcm.Open(input, sealed.first(size), sealed.subspan(size), plaintext.RevealWritable()));
  return plaintext;
}

}  // namespace strongroom::crypto
