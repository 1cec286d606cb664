#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "crypto/x509.h"

namespace strongroom::crypto {

struct RequestSpec {
  DistinguishedName subject;
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;    // as text
  std::vector<Extension> extra_extensions;  // evidence, for instance
};

// A PKCS#10 request (RFC 2986) whose signature fits its own key: the sender held the private key.
// What it asks for is a wish of the sender, nothing more.
class CertificateRequest {
 public:
  // Exactly one DER request of at most 64 KiB. kMalformed; kUntrusted when it is not signed by its
  // own key.
  static Result<CertificateRequest> FromDer(ByteView der);
  static Result<CertificateRequest> FromPem(std::string_view text);
  static Result<CertificateRequest> Make(const RequestSpec& spec, const PrivateKey& key);

  const Bytes& der() const { return der_; }
  std::string Pem() const;
  const PublicKey& public_key() const { return public_key_; }
  const Name& subject() const { return subject_; }
  const std::vector<std::string>& dns_names() const { return dns_names_; }
  const std::vector<std::string>& ip_addresses() const { return ip_addresses_; }
  const Extension* FindExtension(std::string_view oid) const;

 private:
  explicit CertificateRequest(PublicKey key) : public_key_(std::move(key)) {}

  Bytes der_;
  PublicKey public_key_;
  Name subject_;
  std::vector<std::string> dns_names_;
  std::vector<std::string> ip_addresses_;
  std::vector<Extension> extensions_;
};

}  // namespace strongroom::crypto
