#include "ratls/evidence_certificate.h"

#include <fmt/format.h>

#include "crypto/cert_builder.h"
#include "ratls/dialects.h"

namespace strongroom::ratls {
namespace {

constexpr std::size_t kMaxExtensionBytes = 60UL * 1024;

Status CheckKeyType(const crypto::PublicKey& key, Dialect dialect) {
  using enum crypto::KeyType;
  if (key.type() == kP256 || key.type() == kP384) return {};
  if (key.type() == kRsa && dialect == Dialect::kOpenEnclave) return {};
  return Unsupported(
      fmt::format("{} key in a certificate with evidence of the {} dialect, wanted P-256 or P-384",
                  crypto::KeyTypeName(key.type()), DialectName(dialect)));
}

struct Found {
  Dialect dialect;
  const crypto::Extension* extension;
};

// In the order of what binds strongest.
Result<Found> FindEvidence(const crypto::Certificate& certificate) {
  static constexpr std::pair<std::string_view, Dialect> kOids[] = {
      {kDiceOid, Dialect::kDice},
      {kGramineOid, Dialect::kGramineLegacy},
      {kGramineOidAsWritten, Dialect::kGramineLegacy},
      {kOpenEnclaveOid, Dialect::kOpenEnclave},
  };
  for (const auto& [oid, dialect] : kOids) {
    if (const crypto::Extension* extension = certificate.FindExtension(oid))
      return Found{dialect, extension};
  }
  return NotFound("the certificate carries no evidence");
}

Result<CertificateEvidence> Read(const Found& found, const crypto::PublicKey& key,
                                 const DiceOptions& options) {
  const ByteView value = found.extension->value;
  switch (found.dialect) {
    case Dialect::kDice: return FromDice(value, key, options);
    case Dialect::kGramineLegacy: return FromGramineLegacy(value, key);
    case Dialect::kOpenEnclave: return FromOpenEnclave(value, key);
  }
  return Internal("unknown dialect");
}

}  // namespace

std::string_view DialectName(Dialect dialect) {
  switch (dialect) {
    case Dialect::kDice: return "dice";
    case Dialect::kGramineLegacy: return "gramine-legacy";
    case Dialect::kOpenEnclave: return "open-enclave";
  }
  return "unknown";
}

Result<CertificateEvidence> ExtractEvidence(ByteView certificate, const DiceOptions& options) {
  ASSIGN_OR_RETURN(const crypto::Certificate parsed,
                   In("certificate", crypto::Certificate::FromDer(certificate)));
  ASSIGN_OR_RETURN(const Found found, FindEvidence(parsed));
  if (found.extension->critical)
    return Malformed("the evidence extension is critical, wanted it not to be");
  if (found.extension->value.size() > kMaxExtensionBytes) {
    return Exhausted(fmt::format("evidence extension has {} bytes, wanted at most {}",
                                 found.extension->value.size(), kMaxExtensionBytes));
  }
  ASSIGN_OR_RETURN(const crypto::PublicKey key, parsed.public_key());
  RETURN_IF_ERROR(CheckKeyType(key, found.dialect));
  return In(fmt::format("{} evidence", DialectName(found.dialect)), Read(found, key, options));
}

Result<crypto::Certificate> MakeEvidenceCertificate(const EvidenceCertificateSpec& spec,
                                                    const crypto::PrivateKey& key,
                                                    const QuoteFor& quote_for) {
  crypto::CertificateSpec out;
  out.subject = {{"CN", spec.common_name}};
  out.not_before = spec.not_before;
  out.not_after = spec.not_after;
  out.basic_constraints = crypto::BasicConstraints{};
  if (spec.dialects.empty()) return Malformed("no dialect, wanted at least one to put evidence in");
  for (const Dialect dialect : spec.dialects) {
    RETURN_IF_ERROR(CheckKeyType(key.public_key(), dialect));
    const auto make = dialect == Dialect::kDice            ? &ToDice
                      : dialect == Dialect::kGramineLegacy ? &ToGramineLegacy
                                                           : &ToOpenEnclave;
    ASSIGN_OR_RETURN(crypto::Extension extension, make(key.public_key(), quote_for));
    out.extra_extensions.push_back(std::move(extension));
  }
  return crypto::SelfSign(out, key);
}

}  // namespace strongroom::ratls
