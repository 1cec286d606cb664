#include "attest/dcap/issuer_chain.h"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>

#include "crypto/chain.h"
#include "crypto/oid.h"

namespace strongroom::attest::dcap {
namespace {

constexpr std::size_t kMaxPemBytes = 64UL * 1024;

Result<std::vector<crypto::Certificate>> ReadTwo(std::string_view pem) {
  if (pem.size() > kMaxPemBytes) {
    return Exhausted(
        fmt::format("issuer chain has {} bytes, wanted at most {}", pem.size(), kMaxPemBytes));
  }
  ASSIGN_OR_RETURN(auto chain, crypto::Certificate::ChainFromPem(pem, 2));
  if (chain.size() != 2) {
    return Malformed(
        fmt::format("issuer chain has {} certificates, wanted signer and root", chain.size()));
  }
  // The order is not trusted: the names tell.
  if (chain[0].fields().self_issued()) std::swap(chain[0], chain[1]);
  if (chain[0].fields().self_issued() || !chain[1].fields().self_issued()) {
    return Untrusted("issuer chain has no signer and self-issued root, wanted one of each");
  }
  return chain;
}

std::string_view Suffix(crypto::ChainFault fault) {
  using enum crypto::ChainFault;
  switch (fault) {
    case kUntrustedRoot: return ".root";
    case kNotYetValid:
    case kExpired: return ".time";
    case kRevoked: return ".revoked";
    case kCrlMissing: return ".issuer";
    case kCrlBadSignature: return ".signature";
    case kCrlNotYetValid:
    case kCrlExpired: return ".time";
    case kCrlNonconforming: return ".nonconforming";
    default: return ".chain";
  }
}

bool IsAboutList(crypto::ChainFault fault) {
  using enum crypto::ChainFault;
  return fault == kCrlMissing || fault == kCrlBadSignature || fault == kCrlNotYetValid ||
         fault == kCrlExpired || fault == kCrlNonconforming;
}

Status CheckCrlExtensions(const crypto::CrlFields& fields, const crypto::Certificate& issuer) {
  if (!fields.crl_number_hex) return Untrusted("revocation list has no number");
  if (fields.authority_key_id.empty() ||
      !Equal(fields.authority_key_id, issuer.fields().subject_key_id)) {
    return Untrusted(
        "revocation list has another authority key id than its issuer's subject key id");
  }
  for (const crypto::Extension& extension : fields.extensions) {
    if (extension.oid == crypto::oid::kCrlNumber || extension.oid == crypto::oid::kAuthorityKeyId)
      continue;
    // A delta list or one of limited scope would make "not listed" mean nothing.
    return Untrusted(
        fmt::format("revocation list has extension {}, wanted number and authority key id only",
                    extension.oid));
  }
  return {};
}

Status CheckCrlSignature(const crypto::Crl& crl, const crypto::Certificate& issuer) {
  const auto usage = issuer.fields().key_usage;
  if (!usage || (*usage & crypto::kCrlSign) == 0)
    return Untrusted("the list's issuer may not sign revocation lists");
  ASSIGN_OR_RETURN(const crypto::PublicKey key, issuer.public_key());
  return crl.VerifySignature(key);
}

}  // namespace

ValidityWindow IssuerChain::Window() const {
  ValidityWindow window = kAlways;
  Narrow(window, signer);
  Narrow(window, root);
  return window;
}

std::optional<IssuerChain> ReadIssuerChain(std::string_view pem, const ChainRole& role,
                                           const TrustAnchors& anchors, Report& report) {
  const auto chain = report.Take(fmt::format("{}.chain", role.id), ReadTwo(pem));
  if (!chain) return std::nullopt;
  const crypto::Certificate& root = (*chain)[1];
  const auto anchor = report.Take(fmt::format("{}.chain", role.id), AnchorOf(root));
  if (!anchor) return std::nullopt;
  if (!anchors.Contains(*anchor)) {
    report.Error(
        fmt::format("{}.root", role.id), Code::kUntrusted,
        fmt::format("the chain ends in \"{}\", whose key is not among the {} trusted roots",
                    root.fields().subject.rfc2253, anchors.all().size()));
    return std::nullopt;
  }
  return IssuerChain{(*chain)[0], root, *anchor};
}

void AddChainFindings(std::string_view id, std::string_view crl_id, const crypto::Certificate& leaf,
                      std::span<const crypto::Certificate> intermediates,
                      const crypto::Certificate& root, std::span<const crypto::Crl> crls,
                      UnixSeconds now, Report& report) {
  const crypto::ChainInput input = {
      .leaf = leaf, .intermediates = intermediates, .root = root, .crls = crls, .now = now};
  const crypto::ChainReport chain =
      crypto::VerifyChain(input, {.require_crls = !crls.empty(), .max_certificates = 3});
  for (const crypto::ChainFinding& finding : chain.findings) {
    const std::string full =
        fmt::format("{}{}", IsAboutList(finding.fault) ? crl_id : id, Suffix(finding.fault));
    if (!report.Has(full)) report.Error(full, Code::kUntrusted, finding.message);
  }
}

void VerifyIssuerChain(const IssuerChain& chain, const ChainRole& role, const crypto::Crl* root_crl,
                       UnixSeconds now, Report& report) {
  const auto crls = root_crl == nullptr ? std::span<const crypto::Crl>() : std::span(root_crl, 1);
  AddChainFindings(role.id, "dcap.root-crl", chain.signer, {}, chain.root, crls, now, report);
  report.Check(fmt::format("{}.chain", role.id), CheckCommonName(chain.signer, role.signer_cn));
}

void CheckCrl(const crypto::Crl& crl, const crypto::Certificate& issuer, std::string_view id,
              UnixSeconds now, Report& report) {
  const crypto::CrlFields& fields = crl.fields();
  if (fields.issuer != issuer.fields().subject) {
    report.Error(fmt::format("{}.issuer", id), Code::kUntrusted,
                 fmt::format("revocation list by \"{}\", wanted one by \"{}\"",
                             fields.issuer.rfc2253, issuer.fields().subject.rfc2253));
  }
  report.Check(fmt::format("{}.signature", id), CheckCrlSignature(crl, issuer));
  report.Check(fmt::format("{}.nonconforming", id), CheckCrlExtensions(fields, issuer));
  if (!fields.next_update) {
    report.Error(fmt::format("{}.time", id), Code::kUntrusted,
                 "revocation list has no nextUpdate, wanted one");
  } else {
    report.Check(fmt::format("{}.time", id),
                 CheckTimes("revocation list", fields.this_update, *fields.next_update, now));
  }
}

ValidityWindow WindowOf(const crypto::Crl& crl) {
  return {crl.fields().this_update, crl.fields().next_update.value_or(crl.fields().this_update)};
}

Status CheckCommonName(const crypto::Certificate& certificate, std::string_view wanted) {
  const std::string& found = certificate.fields().subject.common_name;
  if (found.contains(wanted)) return {};
  return Untrusted(fmt::format("certificate of \"{}\", wanted one of \"{}\"", found, wanted));
}

}  // namespace strongroom::attest::dcap
