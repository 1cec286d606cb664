#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "attest/policy.h"
#include "attest/verifier.h"
#include "base/clock.h"
#include "ratls/dice.h"

namespace strongroom::ratls {

// Checked endorsements for the platform that a quote names: collateral::EndorsementCache, or a
// test's.
using EndorsementsFor = std::function<Result<attest::PreparedEndorsements>(ByteView quote)>;

struct PeerCheckOptions {
  attest::AcceptancePolicy policy;
  EndorsementsFor endorsements_for;
  DiceOptions dice = {};
};

// Decides in a handshake whether the peer's certificate carries evidence that we accept. Plain DER
// in, so that any TLS stack can call it; copyable; safe from any thread as far as
// `endorsements_for` is.
class PeerCheck {
 public:
  // `clock` is borrowed for life. kMalformed when the policy names no enclave
  // (attest::CheckPolicy).
  static Result<PeerCheck> Make(PeerCheckOptions options, const Clock& clock);

  // Exactly one certificate: evidence binds a key, a chain would add names only. The claims, or why
  // not: errors of ExtractEvidence and of the endorsements, kUntrusted when the evidence is not
  // genuine or not of this key, kDenied when the policy does not want it.
  Result<attest::VerifiedClaims> Check(const std::vector<Bytes>& chain) const;

  // In the shape of net::TrustCheck.
  Status operator()(std::string_view host, const std::vector<Bytes>& chain) const;

 private:
  PeerCheck(PeerCheckOptions options, const Clock& clock)
      : options_(std::move(options)), clock_(&clock) {}

  PeerCheckOptions options_;
  const Clock* clock_;
};

}  // namespace strongroom::ratls
