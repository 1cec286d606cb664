#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "attest/claims.h"
#include "attest/findings.h"
#include "attest/quote.h"

namespace strongroom::attest {

// Which verified platforms and enclaves a relying party accepts. The default accepts UpToDate
// platforms only, and no enclave identity by itself: name at least mrenclave, or mrsigner with
// product id and minimum SVN (AcceptancePolicy is for peers that are checked by flags and files;
// the manifest's packages have rules of their own).
struct AcceptancePolicy {
  // Accepted statuses and, for each, the advisories that may apply; nullopt tolerates any. UpToDate
  // is accepted with any advisories unless listed here otherwise. Revoked never gets here: the
  // verifier refuses it.
  std::map<TcbStatus, std::optional<std::set<std::string>>> accepted_statuses = {
      {TcbStatus::kUpToDate, std::nullopt}};
  std::optional<std::uint32_t> min_evaluation_number =
      std::nullopt;  // of TCB info and QE identity both
  std::optional<UnixSeconds> min_tcb_date = std::nullopt;

  // Machines that may speak; empty: any.
  std::set<Ppid> allowed_ppids = {};
  std::set<PlatformInstanceId> allowed_instance_ids = {};

  std::optional<MrEnclave> mrenclave = std::nullopt;
  std::optional<MrSigner> mrsigner = std::nullopt;
  std::optional<std::uint16_t> isv_prod_id = std::nullopt;
  std::optional<std::uint16_t> min_isv_svn = std::nullopt;
  // What no policy can ask for: enclaves that are not initialised or not 64-bit, or that may use
  // provisioning or launch keys, are always refused ("policy.attributes").
  bool insecure_accept_debug_enclaves = false;
  bool insecure_accept_any_enclave =
      false;  // no measurement named: only for tools that print what they see
};

// kMalformed when the policy names no enclave (and does not say so), or mrsigner without product id
// and minimum SVN.
Status CheckPolicy(const AcceptancePolicy& policy);

// What is against the policy, all of it, as errors ("policy.tcb-status", "policy.advisory",
// "policy.mrenclave", …); empty when the claims are accepted.
std::vector<Finding> Appraise(const VerifiedClaims& claims, const AcceptancePolicy& policy);

// Compares all 64 bytes. kUntrusted when they differ.
Status ExpectReportData(const VerifiedClaims& claims, const ReportData& wanted);
// The same for a quote of which nothing was verified: what fails now cannot pass later.
Status ExpectUnverifiedReportData(const Quote& quote, const ReportData& wanted);

}  // namespace strongroom::attest
