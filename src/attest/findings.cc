#include "attest/findings.h"

#include <fmt/format.h>

namespace strongroom::attest {

std::string_view SeverityName(Severity severity) {
  switch (severity) {
    case Severity::kInfo: return "info";
    case Severity::kWarning: return "warning";
    case Severity::kError: return "error";
  }
  return "error";
}

Error ErrorOf(const std::vector<Finding>& findings) {
  for (const Finding& finding : findings) {
    if (finding.severity == Severity::kError) {
      return Error(finding.code, fmt::format("{} [{}]", finding.message, finding.id));
    }
  }
  return Error(Code::kInternal, "no claims although nothing was found against them");
}

}  // namespace strongroom::attest
