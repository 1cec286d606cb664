#include "coordinator/core/evidence_check.h"

#include <algorithm>

#include <fmt/format.h>

#include "attest/policy.h"
#include "attest/quote.h"
#include "attest/verifier.h"
#include "manifest/match.h"

namespace strongroom::coordinator {
namespace {

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

EvidenceVerdict CheckEvidence(ByteView quote, const manifest::Package& package,
                              const attest::ReportData& wanted, EndorsementPort& endorsements,
                              UnixSeconds now) {
  EvidenceVerdict out;
  const auto refuse = [&out](std::string id, const Error& error) {
    out.errors.push_back(FindingOf(std::move(id), error));
    return out;
  };
  // Before anything is fetched or verified for it: a recorded quote of a genuine machine is
  // anyone's.
  const auto parsed = attest::ParseQuote(quote);
  if (!parsed.has_value()) return refuse("evidence.quote", parsed.error());
  if (const Status bound = attest::ExpectUnverifiedReportData(*parsed, wanted); !bound.has_value())
    return refuse("evidence.report-data", bound.error());
  const auto checked = endorsements.For(*parsed, manifest::AnchorsOf(package));
  if (!checked.has_value()) return refuse("evidence.endorsements", checked.error());
  attest::Appraisal appraisal =
      attest::VerifySgxQuote(*parsed, checked->prepared, now, manifest::VerifierOptionsOf(package),
                             checked->raw->pck_certificate_chain);
  AddErrors(appraisal.findings, out.errors);
  if (!appraisal.claims) return out;
  const Status bound = attest::ExpectReportData(*appraisal.claims, wanted);
  if (!bound.has_value()) out.errors.push_back(FindingOf("evidence.report-data", bound.error()));
  AddErrors(manifest::Match(*appraisal.claims, package), out.errors);
  if (out.errors.empty()) out.claims = std::move(appraisal.claims);
  return out;
}

}  // namespace strongroom::coordinator
