#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include "attest/anchors.h"
#include "attest/sgx/report_body.h"
#include "attest/tcb.h"
#include "base/clock.h"

namespace strongroom::attest {

struct FmspcTag;
struct PceIdTag;
struct PpidTag;
struct PlatformInstanceIdTag;
using Fmspc = FixedBytes<FmspcTag, 6>;
using PceId = FixedBytes<PceIdTag, 2>;  // in the order of the certificate
using Ppid = FixedBytes<PpidTag, 16>;
using PlatformInstanceId = FixedBytes<PlatformInstanceIdTag, 16>;

enum class SgxType { kStandard = 0, kScalable = 1, kScalableWithIntegrity = 2 };

// Which machine it is, as its PCK certificate says. PPID and platform instance id are what an
// allow-list of machines names: physical attacks of 2025 take keys out of genuine chips, and
// nothing else tells those apart.
struct PlatformIdentity {
  Fmspc fmspc;
  PceId pce_id;
  Ppid ppid;
  SgxType sgx_type = SgxType::kStandard;
  std::array<std::uint8_t, 16> tcb_components{};
  std::uint16_t pce_svn = 0;
  CpuSvn cpu_svn;
  // Only under the Platform CA.
  std::optional<PlatformInstanceId> instance_id;
  std::optional<bool> dynamic_platform;
  std::optional<bool> cached_keys;
  std::optional<bool> smt_enabled;
};

// All certificates, lists and documents that the claims rest on are valid from the first second to
// the last.
struct ValidityWindow {
  UnixSeconds latest_issue{};
  UnixSeconds earliest_expiry{};

  bool Holds(UnixSeconds now) const { return latest_issue <= now && now <= earliest_expiry; }
};

// Everything a quote proves about an SGX enclave.
struct SgxClaims {
  SgxReportBody report;
  TcbVerdict tcb;
  PlatformIdentity platform;
  ValidityWindow validity;
  Anchor anchor;                  // the root it all rests on
  UnixSeconds tcb_info_issued{};  // for floors against replayed old collateral (per FMSPC)
  UnixSeconds qe_identity_issued{};
};

// Claims whose evidence was verified; policies and manifests take nothing else. Only the verifier
// makes one.
class VerifiedClaims {
 public:
  const SgxClaims& sgx() const { return sgx_; }

  const MrEnclave& mrenclave() const { return sgx_.report.mrenclave; }
  const MrSigner& mrsigner() const { return sgx_.report.mrsigner; }
  std::uint16_t isv_prod_id() const { return sgx_.report.isv_prod_id; }
  std::uint16_t isv_svn() const { return sgx_.report.isv_svn; }
  bool debug() const { return sgx_.report.debug(); }
  const ReportData& report_data() const { return sgx_.report.report_data; }
  const TcbVerdict& tcb() const { return sgx_.tcb; }
  const PlatformIdentity& platform() const { return sgx_.platform; }
  const Anchor& anchor() const { return sgx_.anchor; }

 private:
  friend class ClaimsIssuer;         // verifier.cc
  friend class ClaimsIssuerForTest;  // testing/claims.cc, which no program links
  explicit VerifiedClaims(SgxClaims sgx) : sgx_(std::move(sgx)) {}

  SgxClaims sgx_;
};

}  // namespace strongroom::attest
