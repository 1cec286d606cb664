#pragma once

// OpenSSL's objects behind this room's types. Only crypto and net (whose TLS needs them) include
// this header.

#include <memory>
#include <string>
#include <string_view>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "crypto/crl.h"
#include "crypto/key.h"
#include "crypto/x509.h"

namespace strongroom::crypto {

template <auto kFree>
struct OpenSslDeleter {
  template <class T>
  void operator()(T* object) const {
    kFree(object);
  }
};
template <class T, auto kFree>
using OpenSslPtr = std::unique_ptr<T, OpenSslDeleter<kFree>>;

using EvpPkeyPtr = OpenSslPtr<EVP_PKEY, EVP_PKEY_free>;
using X509Ptr = OpenSslPtr<X509, X509_free>;

// Borrowed: valid as long as the argument's last copy. They are shared between threads: take
// references (X509_up_ref, EVP_PKEY_up_ref), never change them.
EVP_PKEY* Native(const PublicKey& key);
EVP_PKEY* Native(const PrivateKey& key);
// Null when OpenSSL cannot read the certificate.
X509* Native(const Certificate& certificate);

// Copies a peer's certificate out of an OpenSSL object.
Result<Certificate> CertificateFromNative(const X509* certificate);

// Empties this thread's error queue into text: "what: reason; reason". For messages only: the
// return value of the call decides whether it failed.
std::string OpenSslError(std::string_view what);

// Empties this thread's error queue.
void ClearOpenSslErrors();

}  // namespace strongroom::crypto
