#include "attest/testing/claims.h"

#include <utility>

namespace strongroom::attest {

class ClaimsIssuerForTest {
 public:
  static VerifiedClaims ForTest(SgxClaims sgx) { return VerifiedClaims(std::move(sgx)); }
};

namespace testing {

VerifiedClaims ClaimsForTest(SgxClaims sgx) { return ClaimsIssuerForTest::ForTest(std::move(sgx)); }

}  // namespace testing
}  // namespace strongroom::attest
