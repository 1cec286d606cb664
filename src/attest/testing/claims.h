#pragma once

#include "attest/claims.h"

namespace strongroom::attest::testing {

// Claims that no evidence supports, for tests of policies and matching. Tests only: no program
// links this library.
VerifiedClaims ClaimsForTest(SgxClaims sgx);

}  // namespace strongroom::attest::testing
