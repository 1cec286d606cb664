#include "crypto/chain.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "crypto/chain_internal.h"
#include "crypto/oid.h"

namespace strongroom::crypto {
namespace {

// Critical extensions that the checks below carry out. Anything else that is critical is refused
// (RFC 5280 4.2): name constraints and policies among them, which nobody here uses.
constexpr std::array kUnderstood = {oid::kKeyUsage, oid::kSubjectAltName, oid::kBasicConstraints,
                                    oid::kExtendedKeyUsage};

bool Allows(const CertificateFields& fields, std::uint16_t usage) {
  return !fields.key_usage || (*fields.key_usage & usage) != 0;
}

void CheckTimes(UnixSeconds now, ChainReport& report) {
  for (std::size_t depth = 0; depth < report.path.size(); ++depth) {
    const CertificateFields& fields = report.path[depth].fields();
    if (now < fields.not_before) {
      Note(report, depth, ChainFault::kNotYetValid,
           fmt::format("valid from {}, now is {}", FormatRfc3339(fields.not_before),
                       FormatRfc3339(now)));
    }
    if (now > fields.not_after) {
      Note(report, depth, ChainFault::kExpired,
           fmt::format("valid until {}, now is {}", FormatRfc3339(fields.not_after),
                       FormatRfc3339(now)));
    }
  }
}

// Each certificate by the next one's key, the root by its own: its content may come from the
// sender, only its key is pinned.
void CheckSignatures(ChainReport& report) {
  for (std::size_t depth = 0; depth < report.path.size(); ++depth) {
    const Certificate& certificate = report.path[depth];
    const std::size_t above = std::min(depth + 1, report.path.size() - 1);
    // Where the path broke off, the last certificate's issuer is unknown.
    if (above == depth && certificate.fields().subject != certificate.fields().issuer) continue;
    const auto key = report.path[above].public_key();
    const Status status =
        key.has_value() ? certificate.VerifySignature(*key) : std::unexpected(key.error());
    if (status) continue;
    const bool unsupported = status.error().code() == Code::kUnsupported;
    Note(report, depth, unsupported ? ChainFault::kNonconforming : ChainFault::kBadSignature,
         status.error().message());
  }
}

void CheckIssuers(ChainReport& report) {
  int below = 0;  // intermediates that are not self-issued, between this one and the leaf
  for (std::size_t depth = 1; depth < report.path.size(); ++depth) {
    const CertificateFields& fields = report.path[depth].fields();
    if (!fields.is_ca()) {
      Note(report, depth, ChainFault::kNotCa, "issuer without the CA flag");
    } else if (!Allows(fields, kKeyCertSign)) {
      Note(report, depth, ChainFault::kNotCa, "issuer that may not sign certificates");
    }
    const auto& limit = fields.basic_constraints;
    if (limit && limit->path_length && below > *limit->path_length) {
      Note(report, depth, ChainFault::kTooLong,
           fmt::format("{} intermediates below, wanted at most {}", below, *limit->path_length));
    }
    if (fields.subject != fields.issuer) ++below;
  }
}

void CheckExtensions(ChainReport& report) {
  for (std::size_t depth = 0; depth < report.path.size(); ++depth) {
    for (const Extension& extension : report.path[depth].fields().extensions) {
      const bool understood = std::ranges::find(kUnderstood, extension.oid) != kUnderstood.end();
      if (!extension.critical || understood) continue;
      Note(report, depth, ChainFault::kNonconforming,
           fmt::format("critical extension {} that nothing here understands", extension.oid));
    }
  }
}

// What RFC 5280 asks of every certificate, beyond what any path needs.
std::vector<std::string> Deviations(const Certificate& certificate, bool self_issued) {
  const CertificateFields& fields = certificate.fields();
  const bool empty_subject = fields.subject.der.size() <= 2;
  std::vector<std::string> out;
  const auto unless = [&out](bool good, const char* text) {
    if (!good) out.emplace_back(text);
  };
  unless(fields.version == 3 || fields.extensions.empty(), "version other than 3");
  unless(fields.issuer.der.size() > 2, "empty issuer name");
  unless(fields.serial_hex != "00" && !fields.serial_hex.starts_with('-'),
         "serial number that is not positive");
  unless(self_issued || !fields.authority_key_id.empty(), "no authority key id");
  const Extension* alt_names = certificate.FindExtension(oid::kSubjectAltName);
  unless(!empty_subject || (alt_names != nullptr && alt_names->critical),
         "empty subject without critical alternative names");
  if (!fields.is_ca()) {
    unless(!fields.basic_constraints || !fields.basic_constraints->path_length,
           "path length without the CA flag");
    unless(!fields.key_usage || (*fields.key_usage & kKeyCertSign) == 0,
           "may sign certificates without the CA flag");
    return out;
  }
  unless(!empty_subject, "CA without a name");
  unless(!fields.subject_key_id.empty(), "CA without subject key id");
  unless(fields.key_usage.has_value(), "CA without key usage");
  const Extension* constraints = certificate.FindExtension(oid::kBasicConstraints);
  unless(constraints != nullptr && constraints->critical,
         "basic constraints that are not critical");
  return out;
}

void CheckConformance(ChainReport& report) {
  for (std::size_t depth = 0; depth < report.path.size(); ++depth) {
    const CertificateFields& fields = report.path[depth].fields();
    for (std::string& deviation : Deviations(report.path[depth], fields.self_issued())) {
      Note(report, depth, ChainFault::kNonconforming, std::move(deviation));
    }
  }
}

void CheckPurpose(ChainPurpose purpose, ChainReport& report) {
  if (purpose == ChainPurpose::kAny) return;
  const std::string_view wanted =
      purpose == ChainPurpose::kTlsServer ? oid::kServerAuth : oid::kClientAuth;
  for (std::size_t depth = 0; depth < report.path.size(); ++depth) {
    const CertificateFields& fields = report.path[depth].fields();
    const auto& purposes = fields.extended_key_usage;
    const bool listed = purposes.empty() || std::ranges::find(purposes, wanted) != purposes.end() ||
                        std::ranges::find(purposes, oid::kAnyExtendedKeyUsage) != purposes.end();
    if (!listed) {
      Note(report, depth, ChainFault::kPurpose,
           fmt::format("extended key usage without {}", wanted));
    }
  }
  const std::uint16_t usage = kDigitalSignature | kKeyEncipherment | kKeyAgreement;
  if (!Allows(report.path.front().fields(), usage)) {
    Note(report, 0, ChainFault::kPurpose, "key usage that TLS cannot use");
  }
}

}  // namespace

void Note(ChainReport& report, std::size_t depth, ChainFault fault, std::string message) {
  report.findings.push_back({.fault = fault,
                             .depth = static_cast<int>(depth),
                             .subject = report.path[depth].fields().subject.rfc2253,
                             .message = std::move(message)});
}

std::string_view ChainFaultName(ChainFault fault) {
  switch (fault) {
    case ChainFault::kIncomplete: return "incomplete";
    case ChainFault::kUntrustedRoot: return "untrusted-root";
    case ChainFault::kBadSignature: return "bad-signature";
    case ChainFault::kNotYetValid: return "not-yet-valid";
    case ChainFault::kExpired: return "expired";
    case ChainFault::kNotCa: return "not-ca";
    case ChainFault::kTooLong: return "too-long";
    case ChainFault::kPurpose: return "purpose";
    case ChainFault::kNonconforming: return "nonconforming";
    case ChainFault::kRevoked: return "revoked";
    case ChainFault::kCrlMissing: return "crl-missing";
    case ChainFault::kCrlBadSignature: return "crl-bad-signature";
    case ChainFault::kCrlNotYetValid: return "crl-not-yet-valid";
    case ChainFault::kCrlExpired: return "crl-expired";
    case ChainFault::kCrlNonconforming: return "crl-nonconforming";
  }
  return "nonconforming";
}

Status ChainReport::ToStatus() const {
  if (trusted()) return {};
  std::string text;
  for (const ChainFinding& finding : findings) {
    text += fmt::format("{}certificate {} ({}): {}: {}", text.empty() ? "" : "; ", finding.depth,
                        finding.subject, ChainFaultName(finding.fault), finding.message);
  }
  return Untrusted(std::move(text));
}

ChainReport VerifyChain(const ChainInput& input, const ChainOptions& options) {
  ChainReport report;
  BuildPath(input, options, report);
  CheckSignatures(report);
  CheckTimes(input.now, report);
  CheckIssuers(report);
  CheckExtensions(report);
  if (options.strict) CheckConformance(report);
  CheckPurpose(options.purpose, report);
  if (options.require_crls) CheckRevocation(input, report);
  return report;
}

}  // namespace strongroom::crypto
