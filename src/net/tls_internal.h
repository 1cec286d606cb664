#pragma once

#include <memory>
#include <vector>

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "net/tls.h"

namespace strongroom::net {

struct OpenSslFree {
  void operator()(X509* p) const { X509_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(BIO* p) const { BIO_free_all(p); }
  void operator()(SSL* p) const { SSL_free(p); }
  void operator()(SSL_CTX* p) const { SSL_CTX_free(p); }
  void operator()(X509_STORE* p) const { X509_STORE_free(p); }
};
template <class T>
using OpenSslPtr = std::unique_ptr<T, OpenSslFree>;

struct Credentials::Parsed {
  std::vector<OpenSslPtr<X509>> chain;  // leaf first, never empty
  OpenSslPtr<EVP_PKEY> key;
  Bytes leaf;
};

// The text of OpenSSL's oldest queued error; empties the queue.
std::string TakeOpenSslError();

// One certificate and nothing after it.
Result<OpenSslPtr<X509>> ParseCertificate(ByteView der);

}  // namespace strongroom::net
