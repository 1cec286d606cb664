#include "manifest/match.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/encoding.h"
#include "manifest/words.h"

namespace strongroom::manifest {
namespace {

using attest::Finding;
using attest::TcbStatus;

class Matcher {
 public:
  Matcher(const attest::VerifiedClaims& claims, const Package& package)
      : claims_(claims), package_(package) {}

  std::vector<Finding> Run() {
    Complete();
    Root();
    Identity();
    Attributes();
    Tcb();
    Freshness();
    return std::move(findings_);
  }

 private:
  void Refuse(std::string_view id, std::string message) {
    findings_.push_back(
        {std::string(id), attest::Severity::kError, std::move(message), Code::kDenied});
  }

  void Complete() {
    if (package_.debug || IdentityProblem(package_).empty()) return;
    Refuse("package.incomplete", fmt::format("the package {}", IdentityProblem(package_)));
  }

  void Root() {
    if (AnchorsOf(package_).Contains(claims_.anchor())) return;
    Refuse("package.anchor", fmt::format("the evidence rests on root {}, wanted Intel's or one "
                                         "of the package's",
                                         HexEncode(claims_.anchor().view())));
  }

  void Identity() {
    if (claims_.debug() != package_.debug) {
      Refuse("package.debug", claims_.debug() ? "debug enclave, wanted a production enclave"
                                              : "production enclave, wanted a debug enclave");
    }
    Id("package.unique-id", "MRENCLAVE", claims_.mrenclave().view(), package_.unique_id);
    Id("package.signer-id", "MRSIGNER", claims_.mrsigner().view(), package_.signer_id);
    if (package_.product_id && claims_.isv_prod_id() != *package_.product_id) {
      Refuse("package.product-id",
             fmt::format("product id {}, wanted {}", claims_.isv_prod_id(), *package_.product_id));
    }
    if (package_.security_version && claims_.isv_svn() < *package_.security_version) {
      Refuse("package.security-version",
             fmt::format("security version {}, wanted at least {}", claims_.isv_svn(),
                         *package_.security_version));
    }
  }

  // MRENCLAVE says nothing of ATTRIBUTES: the same pages, signed by anyone, could run otherwise.
  void Attributes() {
    constexpr std::uint64_t wanted = attest::kSgxFlagInit | attest::kSgxFlagMode64Bit;
    constexpr std::uint64_t barred = attest::kSgxFlagProvisionKey | attest::kSgxFlagEinitTokenKey;
    const std::uint64_t flags = claims_.sgx().report.attributes_flags;
    if ((flags & (wanted | barred)) == wanted) return;
    Refuse("package.attributes",
           fmt::format("enclave attributes {:#x}, wanted {:#x} set and {:#x} clear", flags, wanted,
                       barred));
  }

  void Id(std::string_view id, std::string_view what, ByteView found, const std::string& wanted) {
    if (wanted.empty() || EqualInAnyCase(HexEncode(found), wanted)) return;
    Refuse(id, fmt::format("{} {}, wanted {}", what, HexEncode(found), wanted));
  }

  void Tcb() {
    const attest::TcbVerdict& tcb = claims_.tcb();
    if (tcb.status == TcbStatus::kUpToDate) return;
    const std::string_view status = TcbStatusName(tcb.status);
    const auto& accepted = package_.accepted_tcb_statuses;
    if (tcb.status == TcbStatus::kRevoked ||
        std::ranges::find(accepted, status) == accepted.end()) {
      Refuse("package.tcb-status",
             fmt::format("platform TCB is {}, wanted UpToDate{}{}", status,
                         accepted.empty() ? "" : " or ", fmt::join(accepted, " or ")));
      return;
    }
    if (package_.accepted_advisories.empty()) return;
    for (const std::string& advisory : tcb.advisory_ids) {
      if (std::ranges::any_of(package_.accepted_advisories, [&](const std::string& accepted_one) {
            return EqualInAnyCase(accepted_one, advisory);
          })) {
        continue;
      }
      Refuse("package.advisory",
             fmt::format("advisory {} applies to the platform, wanted only {}", advisory,
                         fmt::join(package_.accepted_advisories, ", ")));
    }
  }

  // Old collateral calls old platforms up to date, for as long as it is valid.
  void Freshness() {
    const attest::TcbVerdict& tcb = claims_.tcb();
    const std::uint32_t number = tcb.evaluation_number();
    if (package_.min_evaluation_number && number < *package_.min_evaluation_number) {
      Refuse("package.evaluation-number",
             fmt::format("TCB evaluation data number {}, wanted at least {}", number,
                         *package_.min_evaluation_number));
    }
    if (package_.min_tcb_date && tcb.tcb_date < *package_.min_tcb_date) {
      Refuse("package.tcb-date",
             fmt::format("TCB level of {}, wanted one of {} or later", FormatRfc3339(tcb.tcb_date),
                         FormatRfc3339(*package_.min_tcb_date)));
    }
  }

  const attest::VerifiedClaims& claims_;
  const Package& package_;
  std::vector<Finding> findings_;
};

}  // namespace

std::string IdentityProblem(const Package& package) {
  const bool signer = !package.signer_id.empty() || package.product_id || package.security_version;
  if (!package.unique_id.empty()) {
    return signer ? "names UniqueID and signer together, wanted one kind of "
                    "identity"
                  : "";
  }
  std::vector<std::string_view> missing;
  if (package.signer_id.empty()) missing.emplace_back("SignerID");
  if (!package.product_id) missing.emplace_back("ProductID");
  if (!package.security_version) missing.emplace_back("SecurityVersion");
  if (missing.empty()) return "";
  return fmt::format("has neither UniqueID nor a whole signer identity (missing {})",
                     fmt::join(missing, ", "));
}

attest::TrustAnchors AnchorsOf(const Package& package) {
  attest::TrustAnchors out = attest::TrustAnchors::Intel();
  for (const attest::Anchor& anchor : package.trust_anchors) out.Add(anchor);
  return out;
}

attest::VerifierOptions VerifierOptionsOf(const Package& package) {
  return {.insecure_accept_debug_enclaves = package.debug};
}

std::vector<Finding> Match(const attest::VerifiedClaims& claims, const Package& package) {
  return Matcher(claims, package).Run();
}

}  // namespace strongroom::manifest
