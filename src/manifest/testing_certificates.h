#pragma once

#include <string>

#include <fmt/format.h>

#include "crypto/cert_builder.h"
#include "crypto/key.h"
#include "testing/result_matchers.h"

// Self-signed certificates for users in this room's tests.
namespace strongroom::manifest::testing {

inline crypto::Certificate MakeCertificate(const std::string& name) {
  crypto::CertificateSpec spec;
  spec.subject = {{"CN", name}};
  spec.not_before = UnixSeconds{1'700'000'000};
  spec.not_after = UnixSeconds{2'000'000'000};
  const auto key = crypto::PrivateKey::Generate(crypto::KeyType::kP256);
  const auto certificate = crypto::SelfSign(spec, *key);
  EXPECT_OK(certificate);
  return *certificate;
}

// As a JSON string.
inline std::string JsonPem(const crypto::Certificate& certificate) {
  std::string out = "\"";
  for (const char c : certificate.Pem()) {
    if (c == '\n') out += "\\n";
    else out.push_back(c);
  }
  return out + "\"";
}

}  // namespace strongroom::manifest::testing
