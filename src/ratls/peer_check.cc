#include "ratls/peer_check.h"

#include <utility>

#include <fmt/format.h>

#include "ratls/evidence_certificate.h"

namespace strongroom::ratls {

Result<PeerCheck> PeerCheck::Make(PeerCheckOptions options, const Clock& clock) {
  RETURN_IF_ERROR(attest::CheckPolicy(options.policy));
  return PeerCheck(std::move(options), clock);
}

Result<attest::VerifiedClaims> PeerCheck::Check(const std::vector<Bytes>& chain) const {
  if (chain.size() != 1) {
    return Untrusted(fmt::format("the peer shows {} certificates, wanted exactly one with evidence",
                                 chain.size()));
  }
  ASSIGN_OR_RETURN(const CertificateEvidence evidence, ExtractEvidence(chain[0], options_.dice));
  ASSIGN_OR_RETURN(const attest::PreparedEndorsements endorsements,
                   options_.endorsements_for(evidence.quote));
  const attest::VerifierOptions verifier = {.insecure_accept_debug_enclaves =
                                                options_.policy.insecure_accept_debug_enclaves};
  ASSIGN_OR_RETURN(
      attest::VerifiedClaims claims,
      attest::VerifySgxQuote(evidence.quote, endorsements, clock_->Now(), verifier).ToResult());
  RETURN_IF_ERROR(attest::ExpectReportData(claims, evidence.report_data));
  const auto findings = attest::Appraise(claims, options_.policy);
  if (!findings.empty()) return std::unexpected(attest::ErrorOf(findings));
  return claims;
}

Status PeerCheck::operator()(std::string_view host, const std::vector<Bytes>& chain) const {
  RETURN_IF_ERROR(In(fmt::format("evidence of {}", host), Check(chain)));
  return {};
}

}  // namespace strongroom::ratls
