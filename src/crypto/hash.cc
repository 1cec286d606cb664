#include "crypto/hash.h"

#include <cstdlib>

#include <openssl/core_names.h>
#include <openssl/evp.h>

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

namespace {

struct MacContextDeleter {
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};
using MacContextPtr = std::unique_ptr<EVP_MAC_CTX, MacContextDeleter>;

// HMAC that knows its digest and no key yet. Finding both by name costs more than a short message,
// so that it is done once and copied; it lives as long as the process.
MacContextPtr NewHmac() {
  static const EVP_MAC_CTX* const keyless = [] {
    EVP_MAC* const hmac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    EVP_MAC_CTX* const made = EVP_MAC_CTX_new(hmac);
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end()};
    if (made == nullptr || EVP_MAC_CTX_set_params(made, parameters) != 1) std::abort();
    return made;
  }();
  return MacContextPtr(EVP_MAC_CTX_dup(keyless));
}

}  // namespace

HmacSha256Digest HmacSha256(ByteView key, ByteView message) {
  // OpenSSL takes a null key for "the one set before"; an empty key is a key.
  static constexpr std::uint8_t kNoBytes[1] = {};
  const std::uint8_t* key_data = key.empty() ? kNoBytes : key.data();
  HmacSha256Digest digest;
  std::size_t size = 0;
  const MacContextPtr context = NewHmac();
  if (!context || EVP_MAC_init(context.get(), key_data, key.size(), nullptr) != 1 ||
      EVP_MAC_update(context.get(), message.data(), message.size()) != 1 ||
      EVP_MAC_final(context.get(), digest.writable().data(), &size, HmacSha256Digest::kSize) != 1 ||
      size != HmacSha256Digest::kSize) {
    std::abort();
  }
  return digest;
}

}  // namespace strongroom::crypto
