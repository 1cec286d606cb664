#include "attest/verifier.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "attest/dcap/checked_endorsements.h"
#include "attest/dcap/pck_chain.h"
#include "attest/dcap/pck_extension.h"
#include "attest/dcap/quote_signatures.h"
#include "attest/dcap/report.h"
#include "attest/quote.h"
#include "base/encoding.h"

namespace strongroom::attest {
namespace {

using dcap::CheckedEndorsements;
using dcap::PckLeaf;
using dcap::Report;

constexpr std::array<std::uint8_t, 16> kIntelVendorId = {
    0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};

// What is no quote, or none that is understood here.
Appraisal Unreadable(const Error& error) {
  Report report;
  report.Error(
      error.code() == Code::kUnsupported ? "dcap.quote.unsupported" : "dcap.quote.malformed",
      error.code(), error.message());
  return {std::move(report).Finish(), std::nullopt};
}

void CheckVendor(const Quote& quote, Report& report) {
  if (Equal(quote.qe_vendor_id, kIntelVendorId)) return;
  report.Error("dcap.quote.vendor", Code::kUntrusted,
               fmt::format("quoting enclave of vendor {}, wanted {} (Intel)",
                           HexEncode(quote.qe_vendor_id), HexEncode(kIntelVendorId)));
}

// Step 6: the documents speak about this platform.
void MatchDocuments(const PlatformIdentity& platform, const dcap::TcbInfo& tcb_info,
                    Report& report) {
  if (platform.fmspc != tcb_info.fmspc) {
    report.Error("dcap.tcb-info.other-fmspc", Code::kUntrusted,
                 fmt::format("TCB info for FMSPC {}, the PCK certificate has {}",
                             HexEncode(tcb_info.fmspc.view()), HexEncode(platform.fmspc.view())));
  }
  if (platform.pce_id != tcb_info.pce_id) {
    report.Error("dcap.tcb-info.other-pceid", Code::kUntrusted,
                 fmt::format("TCB info for PCE id {}, the PCK certificate has {}",
                             HexEncode(tcb_info.pce_id.view()), HexEncode(platform.pce_id.view())));
  }
}

std::string_view TcbFindingId(TcbStatus status) {
  switch (status) {
    case TcbStatus::kUpToDate: return "dcap.tcb.up-to-date";
    case TcbStatus::kSwHardeningNeeded: return "dcap.tcb.sw-hardening-needed";
    case TcbStatus::kConfigurationNeeded: return "dcap.tcb.configuration-needed";
    case TcbStatus::kConfigurationAndSwHardeningNeeded:
      return "dcap.tcb.configuration-and-sw-hardening-needed";
    case TcbStatus::kOutOfDate: return "dcap.tcb.out-of-date";
    case TcbStatus::kOutOfDateConfigurationNeeded:
      return "dcap.tcb.out-of-date-configuration-needed";
    case TcbStatus::kRevoked: return "dcap.tcb.revoked";
  }
  return "dcap.tcb.revoked";
}

std::string DescribeTcb(const TcbVerdict& tcb) {
  std::string text = fmt::format("platform TCB is {} (level of {})", TcbStatusName(tcb.status),
                                 FormatRfc3339(tcb.tcb_date).substr(0, 10));
  for (std::size_t i = 0; i < tcb.advisory_ids.size(); ++i) {
    text += i == 0 ? "; advisories " : ", ";
    text += tcb.advisory_ids[i];
  }
  return text;
}

// Step 12.
std::optional<TcbVerdict> EvaluateTcb(const PlatformIdentity& platform, std::uint16_t qe_isv_svn,
                                      const CheckedEndorsements& endorsements, Report& report) {
  const auto* platform_level =
      dcap::MatchLevel(endorsements.tcb_info.levels, dcap::TcbOf(platform));
  if (platform_level == nullptr) {
    report.Error("dcap.tcb.not-supported", Code::kUntrusted,
                 fmt::format("no TCB level reaches down to components {} and PCE SVN {}",
                             HexEncode(platform.tcb_components), platform.pce_svn));
  }
  const auto* qe_level = dcap::MatchLevel(endorsements.qe_identity.levels, qe_isv_svn);
  if (qe_level == nullptr) {
    report.Error(
        "dcap.qe-identity.not-supported", Code::kUntrusted,
        fmt::format("no level reaches down to the quoting enclave's version {}", qe_isv_svn));
  }
  if (platform_level == nullptr || qe_level == nullptr) return std::nullopt;
  TcbVerdict tcb = dcap::Combine(*platform_level, *qe_level);
  tcb.tcb_info_evaluation_number = endorsements.tcb_info.evaluation_number;
  tcb.qe_identity_evaluation_number = endorsements.qe_identity.evaluation_number;
  if (tcb.status == TcbStatus::kRevoked) {
    report.Error(TcbFindingId(tcb.status), Code::kUntrusted, DescribeTcb(tcb));
  } else if (tcb.status != TcbStatus::kUpToDate) {
    report.Warn(TcbFindingId(tcb.status), DescribeTcb(tcb));
  }
  return tcb;
}

void CheckDebug(const SgxReportBody& body, const VerifierOptions& options, Report& report) {
  if (!body.debug()) return;
  if (options.insecure_accept_debug_enclaves) {
    report.Warn("sgx.debug-enclave", "debug enclave: its host reads its memory");
  } else {
    report.Error("sgx.debug-enclave", Code::kUntrusted,
                 "debug enclave, wanted a production enclave");
  }
}

// All signatures and bindings between the PCK and the body, steps 8 to 11. They do not depend on
// each other's outcome.
void CheckQuotingEnclave(const Quote& quote, const PckLeaf& pck, const dcap::QeIdentity& identity,
                         Report& report) {
  report.Check("dcap.qe-report.signature", dcap::CheckQeReportSignature(quote, pck.key));
  report.Check("dcap.qe-report.binding", dcap::CheckKeyBinding(quote));
  report.Check("dcap.qe-identity.mismatch", dcap::MatchQeReport(identity, quote.qe_report_bytes));
  report.Check("dcap.quote.signature", dcap::CheckQuoteSignature(quote));
}

}  // namespace

class ClaimsIssuer {
 public:
  static VerifiedClaims Issue(SgxClaims claims) { return VerifiedClaims(std::move(claims)); }
};

class QuoteVerifier {
 public:
  static Appraisal Run(const Quote& quote, const PreparedEndorsements& prepared, UnixSeconds now,
                       const VerifierOptions& options, std::string_view pck_certificate_chain) {
    Report report;
    auto claims = Verify(quote, *prepared.checked_, now, options, pck_certificate_chain, report);
    Appraisal out;
    if (claims && !report.failed()) out.claims = ClaimsIssuer::Issue(std::move(*claims));
    out.findings = std::move(report).Finish();
    return out;
  }

 private:
  static std::optional<SgxClaims> Verify(const Quote& quote,
                                         const CheckedEndorsements& endorsements, UnixSeconds now,
                                         const VerifierOptions& options, std::string_view beside,
                                         Report& report) {
    CheckVendor(quote, report);
    report.Check("dcap.endorsements.time",
                 dcap::CheckTimes("set of endorsements", endorsements.window.latest_issue,
                                  endorsements.window.earliest_expiry, now));
    const auto pck = dcap::CheckPckChain(quote, beside, endorsements, now, report);
    if (!pck) return std::nullopt;
    MatchDocuments(pck->platform, endorsements.tcb_info, report);
    CheckQuotingEnclave(quote, *pck, endorsements.qe_identity, report);
    const auto tcb = EvaluateTcb(pck->platform, quote.qe_report.isv_svn, endorsements, report);
    CheckDebug(quote.body, options, report);
    if (!tcb) return std::nullopt;
    return SgxClaims{
        .report = quote.body,
        .tcb = *tcb,
        .platform = pck->platform,
        .validity = Joined(endorsements.window, pck->window),
        .anchor = endorsements.anchor,
        .tcb_info_issued = endorsements.tcb_info.issue_date,
        .qe_identity_issued = endorsements.qe_identity.issue_date,
    };
  }

  static ValidityWindow Joined(ValidityWindow window, const ValidityWindow& other) {
    dcap::Narrow(window, other);
    return window;
  }
};

bool Appraisal::Has(std::string_view id) const {
  return std::ranges::any_of(findings, [&](const Finding& finding) { return finding.id == id; });
}

Result<VerifiedClaims> Appraisal::ToResult() const {
  if (claims) return *claims;
  return std::unexpected(ErrorOf(findings));
}

Appraisal VerifySgxQuote(ByteView quote, const PreparedEndorsements& endorsements, UnixSeconds now,
                         const VerifierOptions& options, std::string_view pck_certificate_chain) {
  const auto parsed = ParseQuote(quote);
  if (!parsed.has_value()) return Unreadable(parsed.error());
  return VerifySgxQuote(*parsed, endorsements, now, options, pck_certificate_chain);
}

Appraisal VerifySgxQuote(const Quote& quote, const PreparedEndorsements& endorsements,
                         UnixSeconds now, const VerifierOptions& options,
                         std::string_view pck_certificate_chain) {
  return QuoteVerifier::Run(quote, endorsements, now, options, pck_certificate_chain);
}

Appraisal VerifySgxEvidence(ByteView quote, const Endorsements& endorsements,
                            const TrustAnchors& anchors, UnixSeconds now,
                            const VerifierOptions& options) {
  Preparation preparation = PrepareEndorsements(endorsements, anchors, now);
  if (!preparation.endorsements) return {std::move(preparation.findings), std::nullopt};
  return VerifySgxQuote(quote, *preparation.endorsements, now, options,
                        endorsements.pck_certificate_chain);
}

}  // namespace strongroom::attest
