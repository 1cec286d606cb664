#pragma once

#include <optional>
#include <string>
#include <vector>

#include "crypto/x509.h"

namespace strongroom::crypto {

// What a new certificate shall say. An absent part makes no extension.
struct CertificateSpec {
  DistinguishedName subject;
  UnixSeconds not_before{};  // years 1950 to 9999, else kMalformed
  UnixSeconds not_after{};   // not before not_before, else kMalformed
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;  // as text
  std::vector<std::string> email_addresses;
  std::vector<std::string> uris;
  std::optional<BasicConstraints> basic_constraints;  // critical when written
  std::uint16_t key_usage = 0;                        // KeyUsage bits; critical when written
  std::vector<std::string> extended_key_usage;        // dotted OIDs, see oid.h
  std::vector<std::string> crl_distribution_points;   // URIs
  bool subject_key_id = true;    // first 20 bytes of SHA-256 of the key bits (RFC 7093, method 1)
  bool authority_key_id = true;  // the issuer's subject key id, when it has one
  std::vector<Extension> extra_extensions;  // none of the OIDs above, none twice
  Bytes serial;  // big-endian, positive, at most 20 bytes; empty: 128 random bits
};

// Who signs. kPrecondition when the key is not the certificate's.
struct Issuer {
  const Certificate& certificate;
  const PrivateKey& key;
};

Result<Certificate> SelfSign(const CertificateSpec& spec, const PrivateKey& key);
Result<Certificate> SignCertificate(const CertificateSpec& spec, const PublicKey& subject_key,
                                    const Issuer& issuer);

}  // namespace strongroom::crypto
