#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace strongroom::attest {

enum class Severity {
  kInfo,     // worth knowing
  kWarning,  // true and verified, but policies usually refuse it
  kError,    // the evidence is not accepted
};

std::string_view SeverityName(Severity severity);  // "info", "warning", "error"

// One thing an appraisal found (docs/formats/findings.md lists them). `id` is stable and for
// machines ("dcap.tcb.out-of-date"), `message` is for people: found, then wanted.
struct Finding {
  std::string id;
  Severity severity = Severity::kError;
  std::string message;
  // What a caller can do about it; only meaningful for errors.
  Code code = Code::kUntrusted;
};

// The first error as a value: its code, and its message with the id in brackets. kInternal when
// there is none.
Error ErrorOf(const std::vector<Finding>& findings);

}  // namespace strongroom::attest
