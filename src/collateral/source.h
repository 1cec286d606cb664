#pragma once

#include "attest/endorsement_subject.h"
#include "attest/endorsements.h"
#include "base/result.h"

namespace strongroom::collateral {

// Where endorsements come from. What it gives is not verified; attest does that. Any thread.
class EndorsementSource {
 public:
  virtual ~EndorsementSource() = default;

  // All endorsements for one family of platforms. kNotFound: the source does not know the family;
  // kUnavailable, kDeadline: try again later; kMalformed, kExhausted: what came is no answer.
  virtual Result<attest::Endorsements> Fetch(const attest::EndorsementSubject& subject) = 0;
};

}  // namespace strongroom::collateral
