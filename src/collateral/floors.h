#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "attest/verifier.h"
#include "base/clock.h"

namespace strongroom::collateral {

// The newest verified collateral of each subject. Old collateral is valid by its dates for a month,
// and whoever replays it hides what became known since; CRL numbers do not help, they are always 1.
// So a subject's dates and numbers never go down. Not thread-safe; a value.
class Floors {
 public:
  struct Subject {
    UnixSeconds issued{};
    std::uint32_t evaluation_number = 0;
    auto operator<=>(const Subject&) const = default;
  };

  // kUntrusted, naming what was found and what was seen before, when a part is older than its
  // floor.
  Status Check(const attest::PreparedEndorsements& endorsements) const;
  // Raises the floors to what these say. Call it for verified endorsements that passed Check.
  void Raise(const attest::PreparedEndorsements& endorsements);

  // To keep them over restarts: text that Parse reads. kMalformed.
  std::string Serialize() const;
  static Result<Floors> Parse(std::string_view text);

  const std::map<std::string, Subject>& subjects() const { return subjects_; }

 private:
  // "<root>/tcb-info/<fmspc>", "<root>/qe-identity", "<root>/pck-crl/<ca>", "<root>/root-crl"
  std::map<std::string, Subject> subjects_;
};

}  // namespace strongroom::collateral
