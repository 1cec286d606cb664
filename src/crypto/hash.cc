#include "crypto/hash.h"

#include <cstdlib>

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace strongroom::crypto {
namespace {

// Digests are fetched from the provider once; fetching costs more than hashing a short message. The
// objects live as long as the process.
template <class Digest>
const EVP_MD* Algorithm();
template <>
const EVP_MD* Algorithm<Sha256Digest>() {
  static const EVP_MD* const md = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return md;
}
template <>
const EVP_MD* Algorithm<Sha384Digest>() {
  static const EVP_MD* const md = EVP_MD_fetch(nullptr, "SHA384", nullptr);
  return md;
}
template <>
const EVP_MD* Algorithm<Sha512Digest>() {
  static const EVP_MD* const md = EVP_MD_fetch(nullptr, "SHA512", nullptr);
  return md;
}

void Must(int openssl_result) {
  if (openssl_result != 1)
    std::abort();  // out of memory, or no default provider: nothing can go on
}

struct ContextDeleter {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using ContextPtr = std::unique_ptr<EVP_MD_CTX, ContextDeleter>;

ContextPtr Start(const EVP_MD* md) {
  ContextPtr context(EVP_MD_CTX_new());
  if (!context || md == nullptr) std::abort();
  Must(EVP_DigestInit_ex2(context.get(), md, nullptr));
  return context;
}

template <class Digest>
Digest HashParts(std::initializer_list<ByteView> parts) {
  const ContextPtr context = Start(Algorithm<Digest>());
  for (const ByteView part : parts) Must(EVP_DigestUpdate(context.get(), part.data(), part.size()));
  Digest digest;
  Must(EVP_DigestFinal_ex(context.get(), digest.writable().data(), nullptr));
  return digest;
}

}  // namespace

Sha256Digest Sha256(ByteView message) { return HashParts<Sha256Digest>({message}); }
Sha384Digest Sha384(ByteView message) { return HashParts<Sha384Digest>({message}); }
Sha512Digest Sha512(ByteView message) { return HashParts<Sha512Digest>({message}); }

Sha256Digest Sha256(std::initializer_list<ByteView> parts) {
  return HashParts<Sha256Digest>(parts);
}
Sha384Digest Sha384(std::initializer_list<ByteView> parts) {
  return HashParts<Sha384Digest>(parts);
}
Sha512Digest Sha512(std::initializer_list<ByteView> parts) {
  return HashParts<Sha512Digest>(parts);
}

struct Sha256Hasher::Impl {
  ContextPtr context = Start(Algorithm<Sha256Digest>());
};

Sha256Hasher::Sha256Hasher() : impl_(std::make_unique<Impl>()) {}
Sha256Hasher::Sha256Hasher(Sha256Hasher&&) noexcept = default;
Sha256Hasher& Sha256Hasher::operator=(Sha256Hasher&&) noexcept = default;
Sha256Hasher::~Sha256Hasher() = default;

void Sha256Hasher::Update(ByteView piece) {
  Must(EVP_DigestUpdate(impl_->context.get(), piece.data(), piece.size()));
}

Sha256Digest Sha256Hasher::Finish() && {
  Sha256Digest digest;
  Must(EVP_DigestFinal_ex(impl_->context.get(), digest.writable().data(), nullptr));
  impl_.reset();
  return digest;
}

HmacSha256Digest HmacSha256(ByteView key, ByteView message) {
  // OpenSSL takes a null key for "the one set before"; an empty key is a key.
  static constexpr std::uint8_t kNoBytes[1] = {};
  HmacSha256Digest digest;
  std::size_t size = 0;
  const void* key_data = key.empty() ? kNoBytes : key.data();
  if (EVP_Q_mac(nullptr, "HMAC", nullptr, "SHA256", nullptr, key_data, key.size(), message.data(),
                message.size(), digest.writable().data(), HmacSha256Digest::kSize,
                &size) == nullptr ||
      size != HmacSha256Digest::kSize) {
    std::abort();
  }
  return digest;
}

}  // namespace strongroom::crypto
