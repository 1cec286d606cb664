#include "attest/policy.h"

#include <fmt/format.h>

#include "base/encoding.h"

namespace strongroom::attest {
namespace {

class Judge {
 public:
  Judge(const VerifiedClaims& claims, const AcceptancePolicy& policy)
      : claims_(claims), policy_(policy) {}

  std::vector<Finding> Run() {
    Tcb();
    Platform();
    Enclave();
    return std::move(findings_);
  }

 private:
  void Refuse(std::string_view id, std::string message) {
    findings_.push_back({std::string(id), Severity::kError, std::move(message), Code::kDenied});
  }

  void Tcb() {
    const TcbVerdict& tcb = claims_.tcb();
    const auto accepted = policy_.accepted_statuses.find(tcb.status);
    if (accepted == policy_.accepted_statuses.end()) {
      Refuse("policy.tcb-status", fmt::format("platform TCB is {}, wanted {}",
                                              TcbStatusName(tcb.status), AcceptedNames()));
    } else if (accepted->second.has_value()) {
      for (const std::string& id : tcb.advisory_ids) {
        if (!accepted->second->contains(id)) {
          Refuse("policy.advisory",
                 fmt::format("advisory {} applies to the platform and is not tolerated", id));
        }
      }
    }
    if (policy_.min_evaluation_number && tcb.evaluation_number() < *policy_.min_evaluation_number) {
      Refuse("policy.evaluation-number",
             fmt::format("TCB evaluation data number {}, wanted at least {}",
                         tcb.evaluation_number(), *policy_.min_evaluation_number));
    }
    if (policy_.min_tcb_date && tcb.tcb_date < *policy_.min_tcb_date) {
      Refuse("policy.tcb-date",
             fmt::format("TCB date {}, wanted at least {}", FormatRfc3339(tcb.tcb_date),
                         FormatRfc3339(*policy_.min_tcb_date)));
    }
  }

  void Platform() {
    const PlatformIdentity& platform = claims_.platform();
    if (!policy_.allowed_ppids.empty() && !policy_.allowed_ppids.contains(platform.ppid)) {
      Refuse("policy.ppid", fmt::format("PPID {} is not in the list of allowed machines",
                                        HexEncode(platform.ppid.view())));
    }
    if (policy_.allowed_instance_ids.empty()) return;
    if (!platform.instance_id) {
      Refuse("policy.instance-id", "the platform has no instance id, wanted an allowed one");
    } else if (!policy_.allowed_instance_ids.contains(*platform.instance_id)) {
      Refuse("policy.instance-id",
             fmt::format("platform instance {} is not in the list of allowed machines",
                         HexEncode(platform.instance_id->view())));
    }
  }

  void Enclave() {
    if (claims_.debug() && !policy_.insecure_accept_debug_enclaves) {
      Refuse("policy.debug-enclave", "debug enclave, wanted a production enclave");
    }
    Attributes();
    Identity("policy.mrenclave", "MRENCLAVE", claims_.mrenclave(), policy_.mrenclave);
    Identity("policy.mrsigner", "MRSIGNER", claims_.mrsigner(), policy_.mrsigner);
    if (policy_.isv_prod_id && claims_.isv_prod_id() != *policy_.isv_prod_id) {
      Refuse("policy.isv-prod-id",
             fmt::format("product id {}, wanted {}", claims_.isv_prod_id(), *policy_.isv_prod_id));
    }
    if (policy_.min_isv_svn && claims_.isv_svn() < *policy_.min_isv_svn) {
      Refuse("policy.isv-svn", fmt::format("security version {}, wanted at least {}",
                                           claims_.isv_svn(), *policy_.min_isv_svn));
    }
  }

  // An enclave that was initialised, runs 64-bit code, and may not derive keys that are Intel's
  // enclaves' business.
  void Attributes() {
    constexpr std::uint64_t kWanted = kSgxFlagInit | kSgxFlagMode64Bit;
    constexpr std::uint64_t kPrivileged = kSgxFlagProvisionKey | kSgxFlagEinitTokenKey;
    const std::uint64_t flags = claims_.sgx().report.attributes_flags;
    if ((flags & (kWanted | kPrivileged)) == kWanted) return;
    Refuse("policy.attributes",
           fmt::format("enclave attributes {:#x}, wanted {:#x} set and {:#x} clear", flags, kWanted,
                       kPrivileged));
  }

  template <class Fixed>
  void Identity(std::string_view id, std::string_view what, const Fixed& found,
                const std::optional<Fixed>& wanted) {
    if (!wanted || found == *wanted) return;
    Refuse(id, fmt::format("{} {}, wanted {}", what, HexEncode(found.view()),
                           HexEncode(wanted->view())));
  }

  std::string AcceptedNames() const {
    std::string names;
    for (const auto& [status, advisories] : policy_.accepted_statuses) {
      if (!names.empty()) names += " or ";
      names += TcbStatusName(status);
    }
    return names.empty() ? "none (the policy accepts no status)" : names;
  }

  const VerifiedClaims& claims_;
  const AcceptancePolicy& policy_;
  std::vector<Finding> findings_;
};

Status CompareReportData(const ReportData& found, const ReportData& wanted) {
  if (ConstantTimeEqual(found.view(), wanted.view())) return {};
  return Untrusted(
      fmt::format("report data {}, wanted {}", HexEncode(found.view()), HexEncode(wanted.view())));
}

}  // namespace

Status CheckPolicy(const AcceptancePolicy& policy) {
  if (policy.insecure_accept_any_enclave || policy.mrenclave) return {};
  if (!policy.mrsigner)
    return Malformed("the policy names no enclave, wanted MRENCLAVE or MRSIGNER");
  if (!policy.isv_prod_id || !policy.min_isv_svn) {
    return Malformed(
        "the policy names a signer only, wanted also the product id and the least security "
        "version");
  }
  return {};
}

std::vector<Finding> Appraise(const VerifiedClaims& claims, const AcceptancePolicy& policy) {
  return Judge(claims, policy).Run();
}

Status ExpectReportData(const VerifiedClaims& claims, const ReportData& wanted) {
  return CompareReportData(claims.report_data(), wanted);
}

Status ExpectUnverifiedReportData(const Quote& quote, const ReportData& wanted) {
  return CompareReportData(quote.body.report_data, wanted);
}

}  // namespace strongroom::attest
