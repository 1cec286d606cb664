#include "coordinator/core/evidence_check.h"

#include <algorithm>

#include <fmt/format.h>

#include "attest/policy.h"
#include "attest/quote.h"
#include "manifest/match.h"

namespace strongroom::coordinator {
namespace {

constexpr std::size_t kMaxChecked = 256;

attest::Finding FindingOf(std::string id, const Error& error) {
  return {.id = std::move(id),
          .severity = attest::Severity::kError,
          .message = error.message(),
          .code = error.code()};
}

void AddErrors(const std::vector<attest::Finding>& from, std::vector<attest::Finding>& to) {
  std::ranges::copy_if(from, std::back_inserter(to), [](const attest::Finding& finding) {
    return finding.severity == attest::Severity::kError;
  });
}

}  // namespace

std::string EvidenceVerdict::Ids() const {
  std::string out;
  for (const attest::Finding& error : errors) {
    if (!out.empty()) out += ',';
    out += error.id;
  }
  return out;
}

Error EvidenceVerdict::ToError() const {
  const Error first = attest::ErrorOf(errors);
  std::string others;
  for (std::size_t i = 1; i < errors.size(); ++i)
    others += fmt::format("; {} [{}]", errors[i].message, errors[i].id);
  return Error(first.code(), "evidence refused: " + first.message() + others);
}

Result<std::shared_ptr<const attest::Endorsements>> EvidenceChecker::EndorsementsFor(
    ByteView quote) {
  ASSIGN_OR_RETURN(const attest::Quote parsed, attest::ParseQuote(quote));
  ASSIGN_OR_RETURN(const attest::EndorsementSubject subject,
                   attest::UnverifiedEndorsementSubject(parsed));
  return endorsements_.Get(subject);
}

Result<attest::PreparedEndorsements> EvidenceChecker::Prepare(
    const Key& key, const std::shared_ptr<const attest::Endorsements>& source,
    std::vector<attest::Finding>& errors) {
  std::optional<attest::PreparedEndorsements> known =
      checked_.With([&](auto& checked) -> std::optional<attest::PreparedEndorsements> {
        const auto found = checked.find(key);
        if (found == checked.end() || found->second.source != source) return std::nullopt;
        return found->second.prepared;
      });
  if (known) return *known;
  const attest::Preparation fresh = attest::PrepareEndorsements(*source, key.anchors, clock_.Now());
  if (!fresh.endorsements) {
    AddErrors(fresh.findings, errors);
    return Untrusted("the endorsements are not valid");
  }
  checked_.With([&](auto& checked) {
    if (checked.size() >= kMaxChecked) checked.clear();
    checked.insert_or_assign(key, Checked{source, *fresh.endorsements});
  });
  return *fresh.endorsements;
}

EvidenceVerdict EvidenceChecker::Check(ByteView quote, const manifest::Package& package,
                                       const attest::ReportData& wanted) {
  EvidenceVerdict out;
  const auto parsed = attest::ParseQuote(quote);
  if (!parsed.has_value()) {
    out.errors.push_back(FindingOf("evidence.malformed", parsed.error()));
    return out;
  }
  const auto subject = attest::UnverifiedEndorsementSubject(*parsed);
  if (!subject.has_value()) {
    out.errors.push_back(FindingOf("evidence.no-platform", subject.error()));
    return out;
  }
  const auto endorsements = endorsements_.Get(*subject);
  if (!endorsements.has_value()) {
    out.errors.push_back(
        FindingOf("endorsements.unavailable", endorsements.error().In("no endorsements")));
    return out;
  }
  const Key key{subject->fmspc, subject->platform_ca, manifest::AnchorsOf(package)};
  const auto prepared = Prepare(key, *endorsements, out.errors);
  if (!prepared.has_value()) return out;

  attest::Appraisal appraisal =
      attest::VerifySgxQuote(quote, *prepared, clock_.Now(), manifest::VerifierOptionsOf(package));
  AddErrors(appraisal.findings, out.errors);
  if (!appraisal.claims) return out;
  const Status bound = attest::ExpectReportData(*appraisal.claims, wanted);
  if (!bound.has_value()) out.errors.push_back(FindingOf("evidence.report-data", bound.error()));
  AddErrors(manifest::Match(*appraisal.claims, package), out.errors);
  if (out.errors.empty()) out.claims = std::move(appraisal.claims);
  return out;
}

}  // namespace strongroom::coordinator
