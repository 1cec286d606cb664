#include "agent/coordinator_check.h"

#include <fmt/format.h>

#include "attest/verifier.h"
#include "base/encoding.h"
#include "crypto/x509.h"
#include "ratls/activation_binding.h"

namespace strongroom::agent {
namespace {

constexpr std::size_t kMaxChain = 8;

Status CheckIdentity(const CoordinatorProof& proof, const crypto::PublicKey& server_key,
                     const CoordinatorExpectation& expected, collateral::Floors& floors,
                     UnixSeconds now) {
  ASSIGN_OR_RETURN(
      const attest::PreparedEndorsements endorsements,
      attest::PrepareEndorsements(proof.endorsements, expected.anchors, now).ToResult());
  RETURN_IF_ERROR(In("collateral", floors.Check(endorsements, now)));
  floors.Raise(endorsements);
  const attest::VerifierOptions options = {.insecure_accept_debug_enclaves =
                                               expected.policy.insecure_accept_debug_enclaves};
  const attest::Appraisal appraisal = attest::VerifySgxQuote(
      proof.evidence, endorsements, now, options, proof.endorsements.pck_certificate_chain);
  ASSIGN_OR_RETURN(const attest::VerifiedClaims claims, appraisal.ToResult());
  ASSIGN_OR_RETURN(const attest::ReportData bound,
                   ratls::CoordinatorReportData(proof.nonce, server_key.SpkiDer(), proof.exporter));
  RETURN_IF_ERROR(In("its evidence is not for this connection", ExpectReportData(claims, bound)));
  const std::vector<attest::Finding> against = Appraise(claims, expected.policy);
  if (!against.empty()) return std::unexpected(attest::ErrorOf(against));
  return {};
}

// All certificates that the coordinator showed or sent.
Result<std::vector<crypto::Certificate>> Shown(const CoordinatorProof& proof) {
  ASSIGN_OR_RETURN(
      std::vector<crypto::Certificate> out,
      In("its certificates", crypto::Certificate::ChainFromPem(proof.authorities_pem, kMaxChain)));
  for (const Bytes& der : proof.server_chain) {
    if (out.size() >= 2 * kMaxChain)
      return Exhausted("the coordinator shows too many certificates");
    ASSIGN_OR_RETURN(crypto::Certificate certificate, crypto::Certificate::FromDer(der));
    out.push_back(std::move(certificate));
  }
  return out;
}

bool IsPinned(const crypto::Certificate& certificate, const crypto::Sha256Digest& pin) {
  return certificate.Fingerprint() == pin;
}

// The handshake proved the server's key; so the root must vouch for that key. Validity in time is
// not asked: the pin names one certificate for life.
Status CheckRoot(const CoordinatorProof& proof, const crypto::PublicKey& server_key,
                 const crypto::Sha256Digest& pin) {
  ASSIGN_OR_RETURN(const std::vector<crypto::Certificate> shown, Shown(proof));
  for (const crypto::Certificate& root : shown) {
    if (!IsPinned(root, pin)) continue;
    ASSIGN_OR_RETURN(const crypto::PublicKey root_key, root.public_key());
    for (const crypto::Certificate& certificate : shown) {
      const auto key = certificate.public_key();
      if (!key.has_value() || !(*key == server_key)) continue;
      if (*key == root_key || certificate.VerifySignature(root_key).has_value()) return {};
    }
    return Untrusted(fmt::format("the pinned root {} did not sign the key of this connection",
                                 HexEncode(pin.view())));
  }
  const std::string found = shown.empty() ? "none" : HexEncode(shown.front().Fingerprint().view());
  return Untrusted(fmt::format("root certificate {}, wanted {}", found, HexEncode(pin.view())));
}

}  // namespace

Status CheckCoordinator(const CoordinatorProof& proof, const CoordinatorExpectation& expected,
                        collateral::Floors& floors, UnixSeconds now) {
  if (!expected.by_identity && !expected.root) return Internal("no expectation of the coordinator");
  if (now < expected.not_before) {
    return Untrusted(fmt::format("the clock says {}, wanted at least {} as the configuration does",
                                 FormatRfc3339(now), FormatRfc3339(expected.not_before)));
  }
  if (proof.server_chain.empty()) return Untrusted("the coordinator showed no certificate");
  ASSIGN_OR_RETURN(const crypto::Certificate server,
                   crypto::Certificate::FromDer(proof.server_chain.front()));
  ASSIGN_OR_RETURN(const crypto::PublicKey server_key, server.public_key());
  if (expected.by_identity)
    RETURN_IF_ERROR(CheckIdentity(proof, server_key, expected, floors, now));
  if (expected.root) RETURN_IF_ERROR(CheckRoot(proof, server_key, *expected.root));
  if (expected.manifest && !Equal(proof.manifest_sha256, expected.manifest->view())) {
    return Untrusted(
        fmt::format("manifest {}, wanted {}",
                    proof.manifest_sha256.empty() ? "none" : HexEncode(proof.manifest_sha256),
                    HexEncode(expected.manifest->view())));
  }
  return {};
}

}  // namespace strongroom::agent
