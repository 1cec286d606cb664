#pragma once

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "attest/testing/cases.h"
#include "attest/verifier.h"
#include "testing/result_matchers.h"
#include "testing/testdata.h"

namespace strongroom::attest::testing {

// The SGX cases with real evidence. Empty where the shared data is absent.
inline std::vector<Case> SgxCases() {
  std::vector<Case> cases;
  const auto data = strongroom::testing::SharedTestdata();
  if (!data) return cases;
  for (const auto& entry : std::filesystem::directory_iterator(*data / "evidence" / "dcap")) {
    if (!entry.path().filename().string().starts_with("sgx-")) continue;
    auto one = ReadCase(entry.path());
    if (!one) ADD_FAILURE() << entry.path() << ": " << one.error().ToString();
    if (one) cases.push_back(std::move(*one));
  }
  std::ranges::sort(cases, {}, &Case::name);
  return cases;
}

inline const Case& Named(const std::vector<Case>& cases, std::string_view name) {
  const auto it = std::ranges::find(cases, name, &Case::name);
  if (it == cases.end()) throw std::out_of_range(std::string(name));
  return *it;
}

inline std::set<std::string> ErrorIds(const std::vector<Finding>& findings) {
  std::set<std::string> ids;
  for (const Finding& finding : findings) {
    if (finding.severity == Severity::kError) ids.insert(finding.id);
  }
  return ids;
}

inline constexpr VerifierOptions kAcceptDebug = {.insecure_accept_debug_enclaves = true};

}  // namespace strongroom::attest::testing
