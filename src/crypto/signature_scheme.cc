#include <cstdlib>

#include <fmt/format.h>
#include <openssl/rsa.h>

#include "crypto/key_internal.h"

namespace strongroom::crypto {
namespace {

bool IsPss(SignatureScheme scheme) {
  return scheme == SignatureScheme::kRsaPssSha256 || scheme == SignatureScheme::kRsaPssSha384 ||
         scheme == SignatureScheme::kRsaPssSha512;
}

bool IsEcdsa(SignatureScheme scheme) {
  return scheme == SignatureScheme::kEcdsaSha256 || scheme == SignatureScheme::kEcdsaSha384 ||
         scheme == SignatureScheme::kEcdsaSha512;
}

std::string_view SchemeFamily(SignatureScheme scheme) {
  if (scheme == SignatureScheme::kEd25519) return "Ed25519";
  return IsEcdsa(scheme) ? "ECDSA" : "RSA";
}

}  // namespace

std::string_view KeyTypeName(KeyType type) {
  switch (type) {
    case KeyType::kP224: return "P-224";
    case KeyType::kP256: return "P-256";
    case KeyType::kP384: return "P-384";
    case KeyType::kP521: return "P-521";
    case KeyType::kRsa: return "RSA";
    case KeyType::kEd25519: return "Ed25519";
  }
  std::abort();
}

SignatureScheme DefaultScheme(KeyType type) {
  switch (type) {
    case KeyType::kP224:
    case KeyType::kP256: return SignatureScheme::kEcdsaSha256;
    case KeyType::kP384: return SignatureScheme::kEcdsaSha384;
    case KeyType::kP521: return SignatureScheme::kEcdsaSha512;
    case KeyType::kRsa: return SignatureScheme::kRsaPkcs1Sha256;
    case KeyType::kEd25519: return SignatureScheme::kEd25519;
  }
  std::abort();
}

const char* CurveName(KeyType type) {
  switch (type) {
    case KeyType::kP224: return "P-224";
    case KeyType::kP256: return "P-256";
    case KeyType::kP384: return "P-384";
    case KeyType::kP521: return "P-521";
    case KeyType::kRsa:
    case KeyType::kEd25519: return nullptr;
  }
  std::abort();
}

const char* DigestName(SignatureScheme scheme) {
  switch (scheme) {
    case SignatureScheme::kEcdsaSha256:
    case SignatureScheme::kRsaPkcs1Sha256:
    case SignatureScheme::kRsaPssSha256: return "SHA256";
    case SignatureScheme::kEcdsaSha384:
    case SignatureScheme::kRsaPkcs1Sha384:
    case SignatureScheme::kRsaPssSha384: return "SHA384";
    case SignatureScheme::kEcdsaSha512:
    case SignatureScheme::kRsaPkcs1Sha512:
    case SignatureScheme::kRsaPssSha512: return "SHA512";
    case SignatureScheme::kEd25519: return nullptr;
  }
  std::abort();
}

Status CheckScheme(SignatureScheme scheme, KeyType type) {
  const std::string_view key_family = IsEc(type) ? "ECDSA" : KeyTypeName(type);
  if (SchemeFamily(scheme) == key_family) return {};
  return Unsupported(
      fmt::format("{} signature by a {} key", SchemeFamily(scheme), KeyTypeName(type)));
}

bool SetPadding(EVP_PKEY_CTX* context, SignatureScheme scheme) {
  if (!IsPss(scheme)) return true;
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
}

}  // namespace strongroom::crypto
