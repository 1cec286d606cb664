#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "attest/anchors.h"
#include "attest/verifier.h"
#include "base/clock.h"

namespace strongroom::collateral {

// The newest verified collateral of each subject. Old collateral is valid by its dates for a month,
// and whoever replays it hides what became known since; CRL numbers do not help, they are always 1.
// So a subject's dates and numbers never go down, and neither does time: a clock that is behind the
// newest collateral of a root was turned back. Roots do not bind each other. Not thread-safe; a
// value.
class Floors {
 public:
  struct Subject {
    UnixSeconds issued{};
    std::uint32_t evaluation_number = 0;
    auto operator<=>(const Subject&) const = default;
  };

  // kUntrusted, naming what was found and what was seen before, when a part is older than its floor
  // or `now` is before collateral of this root was issued that was seen before.
  Status Check(const attest::PreparedEndorsements& endorsements, UnixSeconds now) const;
  // The second half alone.
  Status CheckClock(const attest::Anchor& root, UnixSeconds now) const;
  // Raises the floors to what these say. Call it for verified endorsements that passed Check.
  // Beyond 4096 subjects nothing new is remembered, but the clock's floor.
  void Raise(const attest::PreparedEndorsements& endorsements);

  // To keep them over restarts: text that Parse reads. kMalformed.
  std::string Serialize() const;
  static Result<Floors> Parse(std::string_view text);

  const std::map<std::string, Subject>& subjects() const { return subjects_; }

 private:
  // "<root>/tcb-info/<fmspc>", "<root>/qe-identity", "<root>/pck-crl/<ca>", "<root>/root-crl"
  std::map<std::string, Subject> subjects_;
  std::map<std::string, UnixSeconds, std::less<>> newest_;  // by root, of all its subjects
};

}  // namespace strongroom::collateral
