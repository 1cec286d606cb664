#include "attest/dcap/pck_chain.h"

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "attest/dcap/pck_extension.h"
#include "base/encoding.h"
#include "crypto/chain.h"
#include "crypto/oid.h"
#include "crypto/pem.h"

namespace strongroom::attest::dcap {
namespace {

constexpr std::string_view kLeafCn = "SGX PCK Certificate";
constexpr std::size_t kChainLength = 3;

Result<std::vector<Bytes>> DecodeChain(std::string_view pem) {
  ASSIGN_OR_RETURN(std::vector<Bytes> chain, DecodeCertificates(pem));
  if (chain.size() != kChainLength) {
    return Malformed(
        fmt::format("PCK chain has {} certificates, wanted leaf, CA and root", chain.size()));
  }
  return chain;
}

// Most quotes carry the very CA and root that the endorsements were checked with: then only the
// leaf is new.
bool CarriesCheckedIssuers(const std::vector<Bytes>& chain,
                           const CheckedEndorsements& endorsements) {
  return Equal(chain[1], endorsements.pck_ca.der()) && Equal(chain[2], endorsements.root.der());
}

struct FullChain {
  crypto::Certificate leaf;
  crypto::Certificate ca;
  crypto::Certificate root;
};

// By names, never by position: the root issued itself, the CA is issued by it, the leaf is left.
Result<FullChain> SortByNames(const std::vector<Bytes>& chain) {
  std::vector<crypto::Certificate> parsed;
  for (const Bytes& der : chain) {
    ASSIGN_OR_RETURN(crypto::Certificate certificate, crypto::Certificate::FromDer(der));
    RETURN_IF_ERROR(certificate.public_key());
    parsed.push_back(std::move(certificate));
  }
  const auto root = std::ranges::find_if(
      parsed, [](const crypto::Certificate& c) { return c.fields().self_issued(); });
  if (root == parsed.end())
    return Untrusted("PCK chain has no self-issued certificate, wanted a root");
  std::iter_swap(root, parsed.end() - 1);
  if (parsed[0].fields().issuer != parsed[1].fields().subject) std::swap(parsed[0], parsed[1]);
  if (parsed[0].fields().issuer != parsed[1].fields().subject ||
      parsed[1].fields().issuer != parsed[2].fields().subject) {
    return Untrusted(
        fmt::format("PCK chain is no path: \"{}\" by \"{}\", \"{}\" by \"{}\", then \"{}\"",
                    parsed[0].fields().subject.common_name, parsed[0].fields().issuer.common_name,
                    parsed[1].fields().subject.common_name, parsed[1].fields().issuer.common_name,
                    parsed[2].fields().subject.common_name));
  }
  return FullChain{parsed[0], parsed[1], parsed[2]};
}

Status CheckRootKey(const crypto::Certificate& root, const CheckedEndorsements& endorsements) {
  ASSIGN_OR_RETURN(const crypto::PublicKey key, root.public_key());
  if (Equal(key.SpkiSha256().view(), endorsements.anchor.view())) return {};
  return Untrusted(fmt::format(
      "the PCK chain ends in \"{}\" with another key than the endorsements' trusted root",
      root.fields().subject.rfc2253));
}

// A chain with another issuance of CA or root than the endorsements have: verified whole.
std::optional<crypto::Certificate> VerifyWholeChain(const std::vector<Bytes>& ders,
                                                    const CheckedEndorsements& endorsements,
                                                    UnixSeconds now, ValidityWindow& window,
                                                    Report& report) {
  const auto sorted = SortByNames(ders);
  if (!sorted) {
    report.Check(
        sorted.error().code() == Code::kUntrusted ? "dcap.pck.chain" : "dcap.pck.malformed",
        std::unexpected(sorted.error()));
    return std::nullopt;
  }
  if (!report.Check("dcap.pck.root", CheckRootKey(sorted->root, endorsements))) return std::nullopt;
  const std::array<crypto::Crl, 1> crls = {endorsements.root_crl};
  AddChainFindings("dcap.pck", "dcap.root-crl", sorted->ca, {}, sorted->root, crls, now, report);
  Narrow(window, sorted->ca);
  Narrow(window, sorted->root);
  return sorted->leaf;
}

Status CheckLeafExtensions(const crypto::CertificateFields& leaf,
                           const crypto::CertificateFields& ca) {
  if (!leaf.basic_constraints || leaf.is_ca())
    return Untrusted("PCK certificate is a CA or does not say that it is none");
  if (!leaf.key_usage || (*leaf.key_usage & crypto::kDigitalSignature) == 0) {
    return Untrusted("PCK certificate may not sign, wanted key usage digitalSignature");
  }
  if (leaf.subject_key_id.empty()) return Untrusted("PCK certificate has no subject key id");
  if (leaf.authority_key_id.empty() || !Equal(leaf.authority_key_id, ca.subject_key_id)) {
    return Untrusted("PCK certificate has another authority key id than its CA's subject key id");
  }
  for (const crypto::Extension& extension : leaf.extensions) {
    const bool known =
        extension.oid == crypto::oid::kKeyUsage || extension.oid == crypto::oid::kBasicConstraints;
    if (extension.critical && !known) {
      return Untrusted(
          fmt::format("PCK certificate has critical extension {}, which nothing here understands",
                      extension.oid));
    }
  }
  return {};
}

// The CA that issued the leaf by its name must be the one that the endorsements speak about.
bool CheckIssuerName(const crypto::Certificate& leaf, const CheckedEndorsements& endorsements,
                     std::string_view id, Report& report) {
  if (leaf.fields().issuer == endorsements.pck_ca.fields().subject) return true;
  report.Error(id, Code::kUntrusted,
               fmt::format("PCK certificate by \"{}\", wanted one by \"{}\"",
                           leaf.fields().issuer.common_name,
                           endorsements.pck_ca.fields().subject.common_name));
  return false;
}

// A leaf that was read.
struct ReadLeaf {
  crypto::Certificate certificate;
  std::optional<PlatformIdentity> platform;  // unless its SGX extension is wrong
  bool known;                                // its signature was verified before
};

// Its signature by the CA that the endorsements were checked with; what was found once holds for
// ever.
void CheckLeafSignature(const ReadLeaf& leaf, const CheckedEndorsements& endorsements,
                        Report& report) {
  if (leaf.known) return;
  const Status status =
      In("PCK certificate", leaf.certificate.VerifySignature(endorsements.pck_ca_key));
  if (report.Check("dcap.pck.chain", status) && leaf.platform)
    endorsements.leaves->Remember({leaf.certificate, *leaf.platform});
}

// The leaf against the CA that the endorsements were checked with.
void CheckLeaf(const ReadLeaf& leaf, const CheckedEndorsements& endorsements, UnixSeconds now,
               Report& report) {
  const crypto::CertificateFields& fields = leaf.certificate.fields();
  report.Check("dcap.pck.chain", CheckCommonName(leaf.certificate, kLeafCn));
  CheckLeafSignature(leaf, endorsements, report);
  report.Check("dcap.pck.chain", CheckLeafExtensions(fields, endorsements.pck_ca.fields()));
  report.Check("dcap.pck.time",
               CheckTimes("PCK certificate", fields.not_before, fields.not_after, now));
  if (endorsements.pck_crl.Find(fields.serial_hex) != nullptr) {
    report.Error("dcap.pck.revoked", Code::kUntrusted,
                 fmt::format("PCK certificate {} is revoked by its CA", fields.serial_hex));
  }
}

Result<PlatformIdentity> ReadPlatform(const crypto::Certificate& leaf) {
  const crypto::Extension* extension = leaf.FindExtension(kSgxExtensionOid);
  if (extension == nullptr) return Untrusted("PCK certificate has no SGX extension");
  return ParsePckExtension(extension->value);
}

// The leaf of a chain, with what its SGX extension says.
std::optional<ReadLeaf> WithPlatform(std::optional<crypto::Certificate> leaf, Report& report) {
  if (!leaf) return std::nullopt;
  auto platform = report.Take("dcap.pck.extension", ReadPlatform(*leaf));
  return ReadLeaf{*std::move(leaf), platform, false};
}

// A leaf by the very issuers that the endorsements were checked with.
std::optional<ReadLeaf> FindOrReadLeaf(const Bytes& der, const CheckedEndorsements& endorsements,
                                       Report& report) {
  if (auto known = endorsements.leaves->Find(der))
    return ReadLeaf{std::move(known->certificate), known->platform, true};
  return WithPlatform(
      report.Take("dcap.pck.malformed", In("PCK certificate", crypto::Certificate::FromDer(der))),
      report);
}

// The Platform CA certifies platforms with an instance id, the Processor CA those without.
Status CheckExtensionProfile(const PlatformIdentity& platform, bool platform_ca) {
  if (platform.instance_id.has_value() == platform_ca) return {};
  return Untrusted(
      fmt::format("SGX extension {} a platform instance id, and the certificate is of the {} CA",
                  platform.instance_id ? "has" : "lacks", platform_ca ? "Platform" : "Processor"));
}

// A certificate that came beside the quote must be of the machine that the quote names, as far as
// that is readable: the PPID where it is in the clear (Intel's own sample ends before the PCE id
// there), else the PCE id.
Status CheckNamedPlatform(const Quote& quote, const PlatformIdentity& platform) {
  if (quote.certification_type == CertificationDataType::kPpidClear) {
    Reader reader(quote.certification_data, "certification data");
    ASSIGN_OR_RETURN(const Ppid ppid, reader.TakeFixed<Ppid>());
    if (ppid == platform.ppid) return {};
    return Untrusted("the quote names another PPID than the PCK certificate");
  }
  if (quote.certification_type == CertificationDataType::kPpidEncrypted3072) {
    ASSIGN_OR_RETURN(const PlatformRequest named, ParsePlatformRequest(quote));
    if (named.pce_id == platform.pce_id) return {};
    return Untrusted("the quote names another PCE id than the PCK certificate");
  }
  return {};
}

Result<crypto::PublicKey> LeafKey(const crypto::Certificate& leaf) {
  ASSIGN_OR_RETURN(crypto::PublicKey key, leaf.public_key());
  if (key.type() != crypto::KeyType::kP256) {
    return Unsupported(fmt::format("PCK key of {}, wanted P-256", crypto::KeyTypeName(key.type())));
  }
  return key;
}

}  // namespace

Result<std::string_view> PckChainText(const Quote& quote, std::string_view beside) {
  switch (quote.certification_type) {
    case CertificationDataType::kPckChain: return AsText(quote.certification_data);
    case CertificationDataType::kPpidClear:
    case CertificationDataType::kPpidEncrypted3072:
      if (!beside.empty()) return beside;
      return Precondition(fmt::format(
          "certification data type {} carries no PCK certificate, wanted it beside the quote",
          static_cast<int>(quote.certification_type)));
    default:
      return Unsupported(fmt::format(
          "certification data type {}, wanted 5, or 1 or 3 with the PCK certificate beside",
          static_cast<int>(quote.certification_type)));
  }
}

Result<std::vector<Bytes>> DecodeCertificates(std::string_view pem) {
  ASSIGN_OR_RETURN(auto blocks, crypto::DecodePem(pem, kChainLength));
  std::vector<Bytes> certificates;
  for (crypto::PemBlock& block : blocks) {
    if (block.label != crypto::kCertificateLabel) {
      return Malformed(
          fmt::format("PCK chain has a PEM block \"{}\", wanted certificates only", block.label));
    }
    certificates.push_back(std::move(block.content));
  }
  return certificates;
}

Result<crypto::Certificate> LeafOfAnchoredChain(std::string_view pem, const TrustAnchors& anchors,
                                                UnixSeconds now) {
  ASSIGN_OR_RETURN(const std::vector<Bytes> ders, In("PCK chain", DecodeChain(pem)));
  ASSIGN_OR_RETURN(const FullChain chain, SortByNames(ders));
  ASSIGN_OR_RETURN(const Anchor root, AnchorOf(chain.root));
  if (!anchors.Contains(root)) {
    return Untrusted(fmt::format("the PCK chain ends in \"{}\" with key {}, wanted a trusted root",
                                 chain.root.fields().subject.rfc2253, HexEncode(root.view())));
  }
  const crypto::ChainReport report = crypto::VerifyChain(
      {.leaf = chain.leaf, .intermediates = {&chain.ca, 1}, .root = chain.root, .now = now},
      {.require_crls = false, .max_certificates = kChainLength});
  RETURN_IF_ERROR(In("PCK chain", report.ToStatus()));
  return chain.leaf;
}

std::optional<PckLeaf> CheckPckChain(const Quote& quote, std::string_view beside,
                                     const CheckedEndorsements& endorsements, UnixSeconds now,
                                     Report& report) {
  const auto text = report.Take("dcap.pck.missing", PckChainText(quote, beside));
  if (!text) return std::nullopt;
  if (text->size() > kMaxCertificationDataBytes) {
    report.Error("dcap.pck.malformed", Code::kExhausted,
                 fmt::format("PCK chain has {} bytes, wanted at most {}", text->size(),
                             kMaxCertificationDataBytes));
    return std::nullopt;
  }
  const auto ders = report.Take("dcap.pck.malformed", In("PCK chain", DecodeChain(*text)));
  if (!ders) return std::nullopt;

  ValidityWindow window = kAlways;
  const bool carries_checked_issuers = CarriesCheckedIssuers(*ders, endorsements);
  const auto leaf =
      carries_checked_issuers
          ? FindOrReadLeaf((*ders)[0], endorsements, report)
          : WithPlatform(VerifyWholeChain(*ders, endorsements, now, window, report), report);
  if (!leaf) return std::nullopt;
  const std::string_view other_issuer =
      carries_checked_issuers ? "dcap.pck.chain" : "dcap.pck-crl.other-ca";
  auto key = report.Take("dcap.pck.malformed", LeafKey(leaf->certificate));
  if (CheckIssuerName(leaf->certificate, endorsements, other_issuer, report)) {
    CheckLeaf(*leaf, endorsements, now, report);
    if (leaf->platform)
      report.Check("dcap.pck.extension",
                   CheckExtensionProfile(*leaf->platform, endorsements.platform_ca));
  }
  if (!key || !leaf->platform) return std::nullopt;
  report.Check("dcap.pck.other-platform", CheckNamedPlatform(quote, *leaf->platform));
  Narrow(window, leaf->certificate);
  return PckLeaf{std::move(*key), *leaf->platform, window};
}

}  // namespace strongroom::attest::dcap
