#include "cli/endorsements.h"

#include <fmt/format.h>

#include "base/files.h"
#include "testing/result_matchers.h"
#include "testing/testdata.h"

namespace strongroom::cli {
namespace {

constexpr UnixSeconds kThen{1'700'000'000};  // 2023-11-14, when the case's certificates hold
constexpr std::size_t kMaxQuote = 1 << 20;

TEST(RestsOnIntelsRootTest, IsTrueOfGenuineQuotesOnly) {
  if (testing::SkippedWithoutTestdata("a genuine quote")) GTEST_SKIP();
  ASSERT_OK_AND_ASSIGN(Bytes quote, ReadFile(*testing::SharedTestdata() /
                                                 "evidence/dcap/sgx-v3-2023-sw-hardening/quote.bin",
                                             kMaxQuote));
  EXPECT_TRUE(RestsOnIntelsRoot(quote, kThen));
  EXPECT_FALSE(RestsOnIntelsRoot(quote, UnixSeconds{0})) << "its certificates do not hold yet";
  quote[100] ^= 1;  // of the report that is signed
  EXPECT_FALSE(RestsOnIntelsRoot(quote, kThen));
  EXPECT_FALSE(RestsOnIntelsRoot(Bytes(500), kThen));
}

}  // namespace
}  // namespace strongroom::cli
