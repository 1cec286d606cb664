#pragma once

#include <cstddef>
#include <map>
#include <optional>

#include "attest/claims.h"
#include "base/guarded.h"
#include "crypto/x509.h"

namespace strongroom::attest::dcap {

// PCK certificates that were found to be signed by one CA's key. A cluster has few platforms, and
// their quotes bring the same certificates again and again. What is remembered can never change:
// that these very bytes are a certificate, what its SGX extension says, and that this key signed
// them. Whether names, times and what the extension says fit, and revocation, are no part of that
// and are checked for every quote. Safe from many threads.
class VerifiedLeaves {
 public:
  static constexpr std::size_t kMax = 1024;  // some 4 MiB; when full, all are forgotten

  // A certificate and what was read from its SGX extension.
  struct Leaf {
    crypto::Certificate certificate;
    PlatformIdentity platform;
  };

  // The certificate of these bytes, if it was remembered.
  std::optional<Leaf> Find(ByteView der) const;
  // Only after its signature was verified.
  void Remember(const Leaf& leaf);
  std::size_t size() const;

 private:
  Guarded<std::map<crypto::Sha256Digest, Leaf>> leaves_;  // by fingerprint
};

}  // namespace strongroom::attest::dcap
