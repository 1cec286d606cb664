#pragma once

#include "crypto/key.h"
#include "crypto/openssl_internal.h"
#include "crypto/spki.h"

namespace strongroom::crypto {

struct PublicKey::Impl {
  EvpPkeyPtr key;
  Spki spki;
  Bytes spki_der;
  Sha256Digest spki_sha256;
};

struct PrivateKey::Impl {
  EvpPkeyPtr key;
  PublicKey public_key;
};

// What OpenSSL calls the curve ("P-256"); null for types that are none.
const char* CurveName(KeyType type);

// The digest of a scheme; null for Ed25519, which brings its own.
const char* DigestName(SignatureScheme scheme);

// kUnsupported when keys of `type` cannot sign by `scheme`.
Status CheckScheme(SignatureScheme scheme, KeyType type);

using EvpMdCtxPtr = OpenSslPtr<EVP_MD_CTX, EVP_MD_CTX_free>;
using EvpPkeyCtxPtr = OpenSslPtr<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;

// Sets PSS padding, salts as long as the digest, where the scheme says so.
bool SetPadding(EVP_PKEY_CTX* context, SignatureScheme scheme);

}  // namespace strongroom::crypto
