#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "crypto/chain_internal.h"

namespace strongroom::crypto {
namespace {

bool NamesIssuer(const Certificate& issuer, const Certificate& certificate) {
  const CertificateFields& above = issuer.fields();
  const CertificateFields& below = certificate.fields();
  if (above.subject != below.issuer) return false;
  return below.authority_key_id.empty() || above.subject_key_id.empty() ||
         below.authority_key_id == above.subject_key_id;
}

bool Signed(const Certificate& issuer, const Certificate& certificate) {
  const auto key = issuer.public_key();
  return key.has_value() && certificate.VerifySignature(*key).has_value();
}

bool OnPath(const ChainReport& report, const Certificate& certificate) {
  return std::ranges::find(report.path, certificate) != report.path.end();
}

// The trust anchor first, then what the sender gave.
std::vector<const Certificate*> Candidates(const ChainInput& input, const ChainReport& report) {
  const Certificate& last = report.path.back();
  std::vector<const Certificate*> out;
  if (NamesIssuer(input.root, last)) out.push_back(&input.root);
  for (const Certificate& certificate : input.intermediates) {
    const bool usable =
        NamesIssuer(certificate, last) && !OnPath(report, certificate) && certificate != input.root;
    if (usable) out.push_back(&certificate);
  }
  return out;
}

// Null when nobody names the issuer. Signatures are only tried where there is a choice:
// CheckSignatures looks at the one that is taken.
const Certificate* NextOf(const ChainInput& input, const ChainReport& report) {
  const std::vector<const Certificate*> candidates = Candidates(input, report);
  if (candidates.empty()) return nullptr;
  if (candidates.size() == 1) return candidates.front();
  const auto signer = std::ranges::find_if(candidates, [&](const Certificate* candidate) {
    return Signed(*candidate, report.path.back());
  });
  return signer == candidates.end() ? candidates.front() : *signer;
}

void NoteEnd(const ChainInput& input, ChainReport& report) {
  const std::size_t depth = report.path.size() - 1;
  const CertificateFields& last = report.path.back().fields();
  if (last.self_issued()) {
    Note(report, depth, ChainFault::kUntrustedRoot,
         fmt::format("a root that is not the pinned {}", input.root.fields().subject.rfc2253));
    return;
  }
  Note(report, depth, ChainFault::kIncomplete,
       fmt::format("no certificate of its issuer {}", last.issuer.rfc2253));
}

}  // namespace

void BuildPath(const ChainInput& input, const ChainOptions& options, ChainReport& report) {
  const auto limit = static_cast<std::size_t>(std::max(options.max_certificates, 1));
  report.path.push_back(input.leaf);
  while (report.path.back() != input.root) {
    const Certificate* next = NextOf(input, report);
    if (next == nullptr) return NoteEnd(input, report);
    if (report.path.size() == limit) {
      return Note(report, limit - 1, ChainFault::kTooLong,
                  fmt::format("more than {} certificates to the root", limit));
    }
    report.path.push_back(*next);
  }
  const CertificateFields& root = input.root.fields();
  if (root.subject != root.issuer) {
    Note(report, report.path.size() - 1, ChainFault::kUntrustedRoot,
         fmt::format("a trust anchor that was issued by {}, wanted a root", root.issuer.rfc2253));
  }
}

}  // namespace strongroom::crypto
