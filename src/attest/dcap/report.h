#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "attest/findings.h"

namespace strongroom::attest::dcap {

// Collects what a verification finds. Checks that do not depend on each other all run, so that a
// report names every cause; the first error is the earliest in the order of the specification.
class Report {
 public:
  // Adds an error when `status` is one. True when it is not.
  bool Check(std::string_view id, const Status& status) {
    if (status.has_value()) return true;
    Add({std::string(id), Severity::kError, status.error().message(), status.error().code()});
    return false;
  }

  // The value, or nothing and an error.
  template <class T>
  std::optional<T> Take(std::string_view id, Result<T> result) {
    if (result.has_value()) return std::move(result).value();
    Add({std::string(id), Severity::kError, result.error().message(), result.error().code()});
    return std::nullopt;
  }

  void Error(std::string_view id, Code code, std::string message) {
    Add({std::string(id), Severity::kError, std::move(message), code});
  }
  void Warn(std::string_view id, std::string message) {
    Add({std::string(id), Severity::kWarning, std::move(message), Code::kDenied});
  }

  bool Has(std::string_view id) const {
    for (const Finding& finding : findings_) {
      if (finding.id == id) return true;
    }
    return false;
  }
  bool failed() const { return failed_; }
  std::vector<Finding> Finish() && { return std::move(findings_); }

 private:
  void Add(Finding finding) {
    failed_ = failed_ || finding.severity == Severity::kError;
    findings_.push_back(std::move(finding));
  }

  std::vector<Finding> findings_;
  bool failed_ = false;
};

}  // namespace strongroom::attest::dcap
