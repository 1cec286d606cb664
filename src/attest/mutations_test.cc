// One byte of a genuine quote changed, at every offset: nothing but the very same claims may come
// out.
#include "testing/mutations.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "attest/quote.h"
#include "attest/testing/cases_of.h"

namespace strongroom::attest {
namespace {

using testing::Case;
using testing::kAcceptDebug;
using testing::Named;

bool SameClaims(const VerifiedClaims& a, const VerifiedClaims& b) {
  return EncodeSgxReportBody(a.sgx().report) == EncodeSgxReportBody(b.sgx().report) &&
         a.tcb().status == b.tcb().status && a.tcb().advisory_ids == b.tcb().advisory_ids &&
         a.tcb().tcb_date == b.tcb().tcb_date && a.platform().ppid == b.platform().ppid &&
         a.platform().fmspc == b.platform().fmspc &&
         a.platform().tcb_components == b.platform().tcb_components &&
         a.platform().instance_id == b.platform().instance_id && a.anchor() == b.anchor();
}

// Offsets at which a changed byte still verifies, relative to the PEM text of the certification
// data.
std::vector<std::size_t> SurvivingOffsets(const Case& one, std::uint8_t mask) {
  const UnixSeconds now = one.VerifyAt().value();
  const auto prepared =
      PrepareEndorsements(one.endorsements, TrustAnchors::Intel(), now).ToResult();
  EXPECT_OK(prepared);
  const auto base = VerifySgxQuote(one.quote, *prepared, now, kAcceptDebug).ToResult();
  EXPECT_OK(base);
  const std::size_t pem_at = one.quote.size() - ParseQuote(one.quote)->certification_data.size();
  std::vector<std::size_t> surviving;
  strongroom::testing::ForEachFlippedByte(
      one.quote,
      [&](ByteView changed, std::size_t offset) {
        const Appraisal appraisal = VerifySgxQuote(changed, *prepared, now, kAcceptDebug);
        if (!appraisal.claims) return;
        EXPECT_TRUE(SameClaims(*appraisal.claims, *base)) << offset;
        EXPECT_GE(offset, pem_at) << "a byte of the signed part";
        surviving.push_back(offset - pem_at);
      },
      mask);
  return surviving;
}

class QuoteMutations : public ::testing::TestWithParam<const char*> {};

TEST_P(QuoteMutations, NeverGiveOtherClaims) {
  if (strongroom::testing::SkippedWithoutTestdata("flipped bytes of real quotes")) return;
  const auto cases = testing::SgxCases();
  const Case& one = Named(cases, GetParam());
  for (const std::uint8_t mask : {std::uint8_t{0x01}, std::uint8_t{0x80}}) {
    const auto surviving = SurvivingOffsets(one, mask);
    // The only byte that nobody signed: the NUL behind the last certificate's PEM text.
    const std::size_t terminator = ParseQuote(one.quote)->certification_data.size() - 1;
    EXPECT_EQ(one.quote.back(), 0);
    EXPECT_EQ(surviving, std::vector<std::size_t>{terminator}) << fmt::format("mask {:#x}", mask);
  }
}

TEST_P(QuoteMutations, TruncatedAnywhereAreMalformed) {
  if (strongroom::testing::SkippedWithoutTestdata("truncations of real quotes")) return;
  const auto cases = testing::SgxCases();
  const Case& one = Named(cases, GetParam());
  const UnixSeconds now = one.VerifyAt().value();
  const auto prepared =
      PrepareEndorsements(one.endorsements, TrustAnchors::Intel(), now).ToResult();
  ASSERT_OK(prepared);
  strongroom::testing::ForEachTruncation(one.quote, [&](ByteView cut, std::size_t size) {
    const Appraisal appraisal = VerifySgxQuote(cut, *prepared, now, kAcceptDebug);
    EXPECT_FALSE(appraisal.claims.has_value()) << size;
    EXPECT_TRUE(appraisal.Has("dcap.quote.malformed")) << size;
  });
}

INSTANTIATE_TEST_SUITE_P(Real, QuoteMutations,
                         ::testing::Values("sgx-v3-config-and-sw-hardening",
                                           "sgx-v3-eval16-sw-hardening"));

}  // namespace
}  // namespace strongroom::attest
