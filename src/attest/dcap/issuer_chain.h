#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "attest/anchors.h"
#include "attest/dcap/report.h"
#include "attest/dcap/validity.h"
#include "crypto/crl.h"
#include "crypto/x509.h"

namespace strongroom::attest::dcap {

// Which chain is looked at: the prefix of its findings and what the signer's common name must
// contain.
struct ChainRole {
  std::string_view id;         // "dcap.tcb-info"
  std::string_view signer_cn;  // "SGX TCB Signing"
};

// A chain of two as collateral services send it, not yet verified: signer and root, told apart by
// their names.
struct IssuerChain {
  crypto::Certificate signer;
  crypto::Certificate root;
  Anchor anchor;

  ValidityWindow Window() const;
};

// Reads the PEM and finds the root: self-issued, with a key among the anchors. Findings:
// <id>.chain, <id>.root.
std::optional<IssuerChain> ReadIssuerChain(std::string_view pem, const ChainRole& role,
                                           const TrustAnchors& anchors, Report& report);

// Verifies the path and, with the root's list, that the signer is not revoked. Findings:
// <id>.chain, .root, .time, .revoked, and those of the list. Without a list (it was refused
// already) revocation stays open.
void VerifyIssuerChain(const IssuerChain& chain, const ChainRole& role, const crypto::Crl* root_crl,
                       UnixSeconds now, Report& report);

// A revocation list by `issuer`: its name, its key identifier, its signature, both times, no
// extension that would change its scope. Findings: <id>.issuer, .signature, .time, .nonconforming.
void CheckCrl(const crypto::Crl& crl, const crypto::Certificate& issuer, std::string_view id,
              UnixSeconds now, Report& report);
ValidityWindow WindowOf(const crypto::Crl& crl);

// Findings of crypto's path validation as ours: faults of lists under `crl_id`, all others under
// `id`.
void AddChainFindings(std::string_view id, std::string_view crl_id, const crypto::Certificate& leaf,
                      std::span<const crypto::Certificate> intermediates,
                      const crypto::Certificate& root, std::span<const crypto::Crl> crls,
                      UnixSeconds now, Report& report);

// kUntrusted unless the common name contains `wanted`.
Status CheckCommonName(const crypto::Certificate& certificate, std::string_view wanted);

}  // namespace strongroom::attest::dcap
