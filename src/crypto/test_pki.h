#pragma once

// A small PKI for tests: root, intermediate, leaf, and a list by each issuer, all good from kStart
// to kEnd.

#include <string>
#include <vector>

#include "crypto/cert_builder.h"
#include "crypto/crl.h"

namespace strongroom::crypto {

inline constexpr UnixSeconds kStart{1'700'000'000};
inline constexpr UnixSeconds kNow{1'700'500'000};
inline constexpr UnixSeconds kEnd{1'701'000'000};

inline CertificateSpec CaSpec(const std::string& name) {
  CertificateSpec spec;
  spec.subject = {{"CN", name}, {"O", "Strongroom tests"}};
  spec.not_before = kStart;
  spec.not_after = kEnd;
  spec.basic_constraints = BasicConstraints{.is_ca = true, .path_length = {}};
  spec.key_usage = kKeyCertSign | kCrlSign;
  return spec;
}

inline CertificateSpec LeafSpec(const std::string& name) {
  CertificateSpec spec = CaSpec(name);
  spec.basic_constraints = BasicConstraints{};
  spec.key_usage = kDigitalSignature;
  spec.dns_names = {"localhost"};
  return spec;
}

struct TestPki {
  PrivateKey root_key = PrivateKey::Generate(KeyType::kP256).value();
  PrivateKey ca_key = PrivateKey::Generate(KeyType::kP256).value();
  PrivateKey leaf_key = PrivateKey::Generate(KeyType::kP256).value();
  CertificateSpec root_spec = CaSpec("root");
  CertificateSpec ca_spec = CaSpec("ca");
  CertificateSpec leaf_spec = LeafSpec("leaf");
  CrlSpec root_crl_spec{.this_update = kStart, .next_update = kEnd, .number = 1, .revoked = {}};
  CrlSpec ca_crl_spec{.this_update = kStart, .next_update = kEnd, .number = 1, .revoked = {}};
};

// What the PKI's specs say, signed.
struct SignedPki {
  explicit SignedPki(const TestPki& pki)
      : root(SelfSign(pki.root_spec, pki.root_key).value()),
        ca(SignCertificate(pki.ca_spec, pki.ca_key.public_key(), {root, pki.root_key}).value()),
        leaf(SignCertificate(pki.leaf_spec, pki.leaf_key.public_key(), {ca, pki.ca_key}).value()),
        crls({SignCrl(pki.root_crl_spec, {root, pki.root_key}).value(),
              SignCrl(pki.ca_crl_spec, {ca, pki.ca_key}).value()}) {}

  Certificate root;
  Certificate ca;
  Certificate leaf;
  std::vector<Crl> crls;  // the root's, the intermediate's
};

}  // namespace strongroom::crypto
