#include "crypto/kdf.h"

#include <array>
#include <cstdlib>

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include "crypto/openssl_internal.h"

namespace strongroom::crypto {
namespace {

constexpr std::size_t kMaxHkdfOutput = 255 * 32;
constexpr std::size_t kAes128KeySize = 16;

OSSL_PARAM OctetParameter(const char* name, ByteView value) {
  // OpenSSL reads through this pointer only. A null pointer would mean "not given", an empty value
  // is given.
  static std::uint8_t no_bytes = 0;
  void* data = value.empty() ? &no_bytes : const_cast<std::uint8_t*>(value.data());
  return OSSL_PARAM_construct_octet_string(name, data, value.size());
}

OSSL_PARAM TextParameter(const char* name, const char* value) {
  return OSSL_PARAM_construct_utf8_string(name, const_cast<char*>(value), 0);
}

}  // namespace

Result<SecretBytes> HkdfSha256(const HkdfInput& input, std::size_t size) {
  if (size == 0 || size > kMaxHkdfOutput) {
    return Malformed(fmt::format("HKDF output of {} bytes, wanted 1 to {}", size, kMaxHkdfOutput));
  }
  static EVP_KDF* const hkdf =
      EVP_KDF_fetch(nullptr, "HKDF", nullptr);  // lives as long as the process
  const OpenSslPtr<EVP_KDF_CTX, EVP_KDF_CTX_free> context(EVP_KDF_CTX_new(hkdf));
  if (!context) return Internal(OpenSslError("HKDF"));
  const std::array parameters = {
      TextParameter(OSSL_KDF_PARAM_DIGEST, "SHA256"),
      OctetParameter(OSSL_KDF_PARAM_KEY, input.key),
      OctetParameter(OSSL_KDF_PARAM_SALT, input.salt),
      OctetParameter(OSSL_KDF_PARAM_INFO, input.info),
      OSSL_PARAM_construct_end(),
  };
  SecretBytes out(size);
  if (EVP_KDF_derive(context.get(), out.RevealWritable().data(), size, parameters.data()) != 1) {
    return Internal(OpenSslError("HKDF"));
  }
  return out;
}

Result<SecretBytes> Aes128Cmac(ByteView key, ByteView message) {
  if (key.size() != kAes128KeySize) {
    return Malformed(fmt::format("CMAC key of {} bytes, wanted {}", key.size(), kAes128KeySize));
  }
  static EVP_MAC* const cmac =
      EVP_MAC_fetch(nullptr, "CMAC", nullptr);  // lives as long as the process
  const OpenSslPtr<EVP_MAC_CTX, EVP_MAC_CTX_free> context(EVP_MAC_CTX_new(cmac));
  const std::array parameters = {TextParameter(OSSL_MAC_PARAM_CIPHER, "AES-128-CBC"),
                                 OSSL_PARAM_construct_end()};
  SecretBytes out(kAes128KeySize);
  std::size_t size = 0;
  if (!context || EVP_MAC_init(context.get(), key.data(), key.size(), parameters.data()) != 1 ||
      EVP_MAC_update(context.get(), message.data(), message.size()) != 1 ||
      EVP_MAC_final(context.get(), out.RevealWritable().data(), &size, out.size()) != 1 ||
      size != out.size()) {
    return Internal(OpenSslError("CMAC"));
  }
  return out;
}

}  // namespace strongroom::crypto
