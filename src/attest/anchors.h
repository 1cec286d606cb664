#pragma once

#include <set>
#include <string_view>

#include "base/bytes.h"
#include "crypto/x509.h"

namespace strongroom::attest {

struct AnchorTag;
// SHA-256 of the DER SubjectPublicKeyInfo of a root certificate. Keys are pinned, not certificates:
// Intel's root exists in several issuances with one key, and Intel's sandbox root has the same name
// and another key.
using Anchor = FixedBytes<AnchorTag, 32>;

// Of the certificate's key, whether anyone trusts it or not. Errors as its public_key().
Result<Anchor> AnchorOf(const crypto::Certificate& root);

// The roots a verifier trusts. Empty trusts nothing. Whoever adds a root to it decides who may
// speak for hardware: anchors come from the owner (command line) or from the manifest, never from
// the host.
class TrustAnchors {
 public:
  TrustAnchors() = default;

  // The production root of Intel SGX.
  static TrustAnchors Intel();
  static const Anchor& IntelRoot();

  TrustAnchors& Add(const Anchor& anchor) {
    anchors_.insert(anchor);
    return *this;
  }
  bool Contains(const Anchor& anchor) const { return anchors_.contains(anchor); }
  bool empty() const { return anchors_.empty(); }
  const std::set<Anchor>& all() const { return anchors_; }

  auto operator<=>(const TrustAnchors&) const = default;

 private:
  std::set<Anchor> anchors_;
};

// 64 hexadecimal digits, as manifests and flags write an anchor. kMalformed otherwise.
Result<Anchor> ParseAnchor(std::string_view hex);

}  // namespace strongroom::attest
