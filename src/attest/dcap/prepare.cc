#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "attest/dcap/checked_endorsements.h"
#include "attest/dcap/report.h"
#include "attest/dcap/signed_json.h"
#include "attest/verifier.h"

namespace strongroom::attest {
namespace {

using dcap::ChainRole;
using dcap::CheckedEndorsements;
using dcap::IssuerChain;
using dcap::Report;

constexpr ChainRole kPckCa = {"dcap.pck-ca",
                              "SGX PCK P"};  // Processor CA or Platform CA: checked below
constexpr ChainRole kTcbInfo = {"dcap.tcb-info", "SGX TCB Signing"};
constexpr ChainRole kQeIdentity = {"dcap.qe-identity", "SGX TCB Signing"};
constexpr std::string_view kProcessorCn = "SGX PCK Processor CA";
constexpr std::string_view kPlatformCn = "SGX PCK Platform CA";

struct Chains {
  std::optional<IssuerChain> pck_ca;
  std::optional<IssuerChain> tcb_info;
  std::optional<IssuerChain> qe_identity;

  bool complete() const { return pck_ca && tcb_info && qe_identity; }
};

struct Lists {
  std::optional<crypto::Crl> root;
  std::optional<crypto::Crl> pck;
};

// A document that cannot be read: of another TEE or version, or not a document at all.
std::string ReadFault(const ChainRole& role, const Error& error) {
  return fmt::format("{}.{}", role.id,
                     error.code() == Code::kUnsupported ? "unsupported" : "malformed");
}

// A signed document: read, signed by its chain's signer, valid now.
template <class Document>
std::optional<Document> CheckDocument(std::string_view text, std::string_view name,
                                      const ChainRole& role, Result<Document> (*read)(const Json&),
                                      const std::optional<IssuerChain>& chain, UnixSeconds now,
                                      Report& report) {
  const auto parsed = report.Take(fmt::format("{}.malformed", role.id),
                                  In(name, dcap::SignedJson::Parse(text, name)));
  if (!parsed) return std::nullopt;
  if (chain) {
    const auto key = report.Take(fmt::format("{}.chain", role.id), chain->signer.public_key());
    if (key)
      report.Check(fmt::format("{}.signature", role.id), In(name, parsed->VerifySignature(*key)));
  }
  auto document = read(parsed->body());
  if (!document) {
    report.Check(ReadFault(role, document.error()), std::unexpected(document.error().In(name)));
    return std::nullopt;
  }
  report.Check(fmt::format("{}.time", role.id),
               dcap::CheckTimes(name, document->issue_date, document->next_update, now));
  return std::move(document).value();
}

}  // namespace

// The list of steps 2 to 6 of the algorithm as far as no quote is needed.
class Preparer {
 public:
  Preparer(const Endorsements& endorsements, const TrustAnchors& anchors, UnixSeconds now)
      : in_(endorsements), anchors_(anchors), now_(now) {}

  Preparation Run() {
    ReadChains();
    CheckLists();
    VerifyChains();
    auto tcb_info = CheckDocument<dcap::TcbInfo>(
        in_.tcb_info, "tcbInfo", kTcbInfo, &dcap::ReadTcbInfo, chains_.tcb_info, now_, report_);
    auto qe_identity =
        CheckDocument<dcap::QeIdentity>(in_.qe_identity, "enclaveIdentity", kQeIdentity,
                                        &dcap::ReadQeIdentity, chains_.qe_identity, now_, report_);
    Preparation out;
    if (!report_.failed() && chains_.complete() && tcb_info && qe_identity) {
      out.endorsements = Assemble(std::move(*tcb_info), std::move(*qe_identity));
    }
    out.findings = std::move(report_).Finish();
    return out;
  }

 private:
  void ReadChains() {
    chains_.pck_ca = dcap::ReadIssuerChain(in_.pck_crl_issuer_chain, kPckCa, anchors_, report_);
    chains_.tcb_info =
        dcap::ReadIssuerChain(in_.tcb_info_issuer_chain, kTcbInfo, anchors_, report_);
    chains_.qe_identity =
        dcap::ReadIssuerChain(in_.qe_identity_issuer_chain, kQeIdentity, anchors_, report_);
    if (chains_.complete() && (chains_.pck_ca->anchor != chains_.tcb_info->anchor ||
                               chains_.pck_ca->anchor != chains_.qe_identity->anchor)) {
      // A test root that a manifest trusts for one package must not vouch for Intel's platforms,
      // nor the reverse.
      report_.Error("dcap.endorsements.mixed-roots", Code::kUntrusted,
                    "the issuer chains end in different roots, wanted one for all");
    }
  }

  void CheckLists() {
    lists_.root = report_.Take("dcap.root-crl.malformed",
                               In("root CRL", crypto::Crl::FromDer(in_.root_ca_crl)));
    lists_.pck =
        report_.Take("dcap.pck-crl.malformed", In("PCK CRL", crypto::Crl::FromDer(in_.pck_crl)));
    if (!chains_.pck_ca) return;
    if (lists_.root)
      dcap::CheckCrl(*lists_.root, chains_.pck_ca->root, "dcap.root-crl", now_, report_);
    if (lists_.pck)
      dcap::CheckCrl(*lists_.pck, chains_.pck_ca->signer, "dcap.pck-crl", now_, report_);
  }

  void VerifyChains() {
    const crypto::Crl* root_crl = lists_.root ? &*lists_.root : nullptr;
    if (chains_.pck_ca) {
      dcap::VerifyIssuerChain(*chains_.pck_ca, kPckCa, root_crl, now_, report_);
      CheckPckCa(chains_.pck_ca->signer);
    }
    if (chains_.tcb_info)
      dcap::VerifyIssuerChain(*chains_.tcb_info, kTcbInfo, root_crl, now_, report_);
    if (chains_.qe_identity)
      dcap::VerifyIssuerChain(*chains_.qe_identity, kQeIdentity, root_crl, now_, report_);
  }

  // VerifyChain took it as the leaf of its path: that it may issue certificates is left to say.
  void CheckPckCa(const crypto::Certificate& ca) {
    platform_ca_ = dcap::CheckCommonName(ca, kPlatformCn).has_value();
    if (!platform_ca_) report_.Check("dcap.pck-ca.chain", dcap::CheckCommonName(ca, kProcessorCn));
    const auto usage = ca.fields().key_usage;
    if (!ca.fields().is_ca() || !usage || (*usage & crypto::kKeyCertSign) == 0) {
      report_.Error(
          "dcap.pck-ca.chain", Code::kUntrusted,
          fmt::format("\"{}\" is no CA that may sign certificates", ca.fields().subject.rfc2253));
    }
  }

  std::optional<PreparedEndorsements> Assemble(dcap::TcbInfo tcb_info,
                                               dcap::QeIdentity qe_identity) {
    auto key = report_.Take("dcap.pck-ca.chain", chains_.pck_ca->signer.public_key());
    if (!key) return std::nullopt;
    ValidityWindow window = chains_.pck_ca->Window();
    dcap::Narrow(window, chains_.tcb_info->Window());
    dcap::Narrow(window, chains_.qe_identity->Window());
    dcap::Narrow(window, dcap::WindowOf(*lists_.root));
    dcap::Narrow(window, dcap::WindowOf(*lists_.pck));
    dcap::Narrow(window, tcb_info.issue_date, tcb_info.next_update);
    dcap::Narrow(window, qe_identity.issue_date, qe_identity.next_update);
    return PreparedEndorsements(std::make_shared<const CheckedEndorsements>(CheckedEndorsements{
        .anchor = chains_.pck_ca->anchor,
        .root = chains_.pck_ca->root,
        .pck_ca = chains_.pck_ca->signer,
        .pck_ca_key = std::move(*key),
        .platform_ca = platform_ca_,
        .root_crl = *lists_.root,
        .pck_crl = *lists_.pck,
        .tcb_info = std::move(tcb_info),
        .qe_identity = std::move(qe_identity),
        .window = window,
        .leaves = std::make_unique<dcap::VerifiedLeaves>(),
    }));
  }

  const Endorsements& in_;
  const TrustAnchors& anchors_;
  UnixSeconds now_;
  Report report_;
  Chains chains_;
  Lists lists_;
  bool platform_ca_ = false;
};

Preparation PrepareEndorsements(const Endorsements& endorsements, const TrustAnchors& anchors,
                                UnixSeconds now) {
  return Preparer(endorsements, anchors, now).Run();
}

Result<PreparedEndorsements> Preparation::ToResult() const {
  if (endorsements) return *endorsements;
  return std::unexpected(ErrorOf(findings));
}

const ValidityWindow& PreparedEndorsements::validity() const { return checked_->window; }
const Fmspc& PreparedEndorsements::fmspc() const { return checked_->tcb_info.fmspc; }
const Anchor& PreparedEndorsements::anchor() const { return checked_->anchor; }
bool PreparedEndorsements::platform_ca() const { return checked_->platform_ca; }
UnixSeconds PreparedEndorsements::tcb_info_issued() const { return checked_->tcb_info.issue_date; }
UnixSeconds PreparedEndorsements::qe_identity_issued() const {
  return checked_->qe_identity.issue_date;
}
std::uint32_t PreparedEndorsements::tcb_info_evaluation_number() const {
  return checked_->tcb_info.evaluation_number;
}
std::uint32_t PreparedEndorsements::qe_identity_evaluation_number() const {
  return checked_->qe_identity.evaluation_number;
}
UnixSeconds PreparedEndorsements::pck_crl_issued() const {
  return checked_->pck_crl.fields().this_update;
}
UnixSeconds PreparedEndorsements::root_ca_crl_issued() const {
  return checked_->root_crl.fields().this_update;
}

}  // namespace strongroom::attest
