#pragma once

#include <mutex>
#include <optional>

#include "crypto/openssl_internal.h"
#include "crypto/signature_algorithm.h"
#include "crypto/x509.h"

namespace strongroom::crypto {

struct Certificate::Impl {
  Bytes der;
  SignedBody parts;  // views into der
  CertificateFields fields;
  Result<PublicKey> public_key = Unsupported("no key");
  Sha256Digest fingerprint;
  // OpenSSL's object, made when TLS first asks: it costs ten times what our parser does, and most
  // certificates are only verified.
  mutable std::once_flag native_once;
  mutable X509Ptr native;
};

// FromDer that need not build the public key again when it is `known`.
Result<Certificate> ParseCertificate(ByteView der, const PublicKey* known);

struct Crl::Impl {
  Bytes der;
  SignedBody parts;  // views into der
  CrlFields fields;
};

}  // namespace strongroom::crypto
