#include "net/net_testing.h"

#include <cstdlib>

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "net/tls_internal.h"

namespace strongroom::net {
namespace {

void Must(bool ok) {
  if (!ok) std::abort();  // only the machine can be at fault
}

std::string PemOf(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace

TestIdentity MakeTestIdentity(const std::string& name) {
  const OpenSslPtr<EVP_PKEY> key(EVP_EC_gen("P-256"));
  const OpenSslPtr<X509> cert(X509_new());
  Must(key && cert && X509_set_version(cert.get(), 2) == 1);
  std::uint64_t serial = 0;
  Must(RAND_bytes(reinterpret_cast<std::uint8_t*>(&serial), sizeof serial) == 1);
  Must(ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert.get()), serial >> 1) == 1);
  Must(X509_gmtime_adj(X509_getm_notBefore(cert.get()), -3600) != nullptr);
  Must(X509_gmtime_adj(X509_getm_notAfter(cert.get()), 86400) != nullptr);
  X509_NAME* const subject = X509_get_subject_name(cert.get());
  Must(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                  reinterpret_cast<const std::uint8_t*>(name.data()),
                                  static_cast<int>(name.size()), -1, 0) == 1);
  Must(X509_set_issuer_name(cert.get(), subject) == 1 &&
       X509_set_pubkey(cert.get(), key.get()) == 1);
  const std::string names = "DNS:" + name + ",IP:127.0.0.1";
  X509_EXTENSION* const san =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
  Must(san != nullptr && X509_add_ext(cert.get(), san, -1) == 1);
  X509_EXTENSION_free(san);
  Must(X509_sign(cert.get(), key.get(), EVP_sha256()) > 0);
  const OpenSslPtr<BIO> cert_bio(BIO_new(BIO_s_mem()));
  const OpenSslPtr<BIO> key_bio(BIO_new(BIO_s_mem()));
  Must(PEM_write_bio_X509(cert_bio.get(), cert.get()) == 1);
  Must(PEM_write_bio_PKCS8PrivateKey(key_bio.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                     nullptr) == 1);
  const std::string cert_pem = PemOf(cert_bio.get());
  SecretBytes key_pem{AsBytes(PemOf(key_bio.get()))};
  auto credentials = Credentials::FromPem(cert_pem, key_pem);
  Must(credentials.has_value());
  return {*std::move(credentials), cert_pem, std::move(key_pem)};
}

}  // namespace strongroom::net
