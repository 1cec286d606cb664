#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "attest/endorsements.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/json.h"

namespace strongroom::attest::testing {

// An attestation case: a folder with a quote, its endorsements and what must come of them
// (README.md of
// ../shared/testdata/evidence). Folders without endorsements (negatives) leave those empty.
struct Case {
  std::string name;
  Bytes quote;
  Endorsements endorsements;
  JsonDocument expected;

  // "verify_at_unix".
  Result<UnixSeconds> VerifyAt() const;
};

Result<Case> ReadCase(const std::filesystem::path& folder);

// A member of nested objects: `At(root, {"parsed", "qe_report", "isv_svn"})`.
Result<const Json*> At(const Json& root, std::initializer_list<std::string_view> path);

}  // namespace strongroom::attest::testing
