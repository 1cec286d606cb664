#include <algorithm>

#include <fmt/format.h>

#include "crypto/chain_internal.h"
#include "crypto/oid.h"

namespace strongroom::crypto {
namespace {

// Extensions that narrow what a list covers (RFC 5280 5.2.4 and 5.2.5): such a list says nothing
// about other certificates, so it is refused whether or not it is marked critical.
constexpr std::string_view kDeltaCrlIndicator = "2.5.29.27";
constexpr std::string_view kIssuingDistributionPoint = "2.5.29.28";

bool Covers(const Crl& crl, const Certificate& certificate) {
  return crl.fields().issuer == certificate.fields().issuer;
}

void CheckTimes(const CrlFields& fields, std::size_t depth, UnixSeconds now, ChainReport& report) {
  if (now < fields.this_update) {
    Note(report, depth, ChainFault::kCrlNotYetValid,
         fmt::format("CRL of {} from {}, now is {}", fields.issuer.rfc2253,
                     FormatRfc3339(fields.this_update), FormatRfc3339(now)));
  }
  if (!fields.next_update || now > *fields.next_update) {
    const std::string until =
        fields.next_update ? FormatRfc3339(*fields.next_update) : "no stated time";
    Note(report, depth, ChainFault::kCrlExpired,
         fmt::format("CRL of {} good until {}, now is {}", fields.issuer.rfc2253, until,
                     FormatRfc3339(now)));
  }
}

void CheckScope(const CrlFields& fields, std::size_t depth, ChainReport& report) {
  for (const Extension& extension : fields.extensions) {
    const bool narrows =
        extension.oid == kDeltaCrlIndicator || extension.oid == kIssuingDistributionPoint;
    if (!narrows && !extension.critical) continue;
    Note(report, depth, ChainFault::kCrlNonconforming,
         fmt::format("CRL of {} with extension {}, wanted a whole list", fields.issuer.rfc2253,
                     extension.oid));
  }
  if (std::ranges::any_of(fields.revoked, &RevokedSerial::critical_extension)) {
    Note(report, depth, ChainFault::kCrlNonconforming,
         fmt::format("CRL of {} with a critical extension in an entry", fields.issuer.rfc2253));
  }
}

void CheckSignature(const Crl& crl, const Certificate& issuer, std::size_t depth,
                    ChainReport& report) {
  const CertificateFields& fields = issuer.fields();
  if (fields.key_usage && (*fields.key_usage & kCrlSign) == 0) {
    return Note(report, depth, ChainFault::kCrlBadSignature, "its issuer may not sign CRLs");
  }
  const auto key = issuer.public_key();
  const Status status = key.has_value() ? crl.VerifySignature(*key) : std::unexpected(key.error());
  if (!status) Note(report, depth, ChainFault::kCrlBadSignature, status.error().message());
}

// A list by the issuer of path[depth]: checked once, at the lowest certificate that it covers.
void CheckList(const Crl& crl, std::size_t depth, UnixSeconds now, ChainReport& report) {
  const CertificateFields& fields = report.path[depth].fields();
  if (depth + 1 < report.path.size()) {
    CheckSignature(crl, report.path[depth + 1], depth, report);
  } else if (fields.self_issued()) {
    CheckSignature(crl, report.path[depth], depth, report);
  }  // else the path broke off here, which is a finding already, and nobody knows the issuer's key
  CheckTimes(crl.fields(), depth, now, report);
  CheckScope(crl.fields(), depth, report);
}

void CheckListed(const ChainInput& input, std::size_t depth, ChainReport& report) {
  const CertificateFields& fields = report.path[depth].fields();
  bool covered = false;
  for (const Crl& crl : input.crls) {
    if (!Covers(crl, report.path[depth])) continue;
    covered = true;
    if (const RevokedSerial* entry = crl.Find(fields.serial_hex)) {
      Note(report, depth, ChainFault::kRevoked,
           fmt::format("serial {} revoked at {}", entry->serial_hex,
                       FormatRfc3339(entry->revoked_at)));
    }
  }
  if (!covered) {
    Note(report, depth, ChainFault::kCrlMissing,
         fmt::format("no CRL of its issuer {}", fields.issuer.rfc2253));
  }
}

}  // namespace

void CheckRevocation(const ChainInput& input, ChainReport& report) {
  for (const Crl& crl : input.crls) {
    for (std::size_t depth = 0; depth < report.path.size(); ++depth) {
      if (!Covers(crl, report.path[depth])) continue;
      CheckList(crl, depth, input.now, report);
      break;
    }
  }
  for (std::size_t depth = 0; depth < report.path.size(); ++depth) {
    CheckListed(input, depth, report);
  }
}

}  // namespace strongroom::crypto
