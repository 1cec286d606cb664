#include "ratls/activation_binding.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "crypto/hash.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::ratls {
namespace {

using testing::Fails;

const Bytes kNonce(32, 0x11);
const Bytes kSpki = ToBytes("a key");
const Bytes kExporter(32, 0x22);

TEST(ActivationBinding, IsTheDigestThatTheContractNames) {
  ASSERT_OK_AND_ASSIGN(const auto found, ActivationReportData(kNonce, kSpki, kExporter));
  const Bytes message = Concat(
      {AsBytes("strongroom activation v1"), kNonce, crypto::Sha256(kSpki).view(), kExporter});
  EXPECT_EQ(HexEncode(found.view()), HexEncode(crypto::Sha512(message).view()));
}

// Computed with Python's hashlib.
TEST(ActivationBinding, AgreesWithAnotherImplementation) {
  ASSERT_OK_AND_ASSIGN(const auto activation, ActivationReportData(kNonce, kSpki, kExporter));
  EXPECT_EQ(HexEncode(activation.view()),
            "5fa1784790b98911a82e0db3dd386890d6dfc1d791cc71cf599103dc95890b745023cada36ae79d667ca89"
            "2528365420f9bedff120479d821e49c78d83ad79c1");
  ASSERT_OK_AND_ASSIGN(const auto coordinator, CoordinatorReportData(kNonce, kSpki, kExporter));
  EXPECT_EQ(HexEncode(coordinator.view()),
            "4c82f9d43b6df23ed115a03100568fe200af4510f143f13cdd7d0fc5e5639e2162d5ca78139925f35b3cb3"
            "8a23e8a0df01d3ad2f23b6d1c610fb33c555b19c3a");
}

TEST(ActivationBinding, ChangesWithEachPart) {
  ASSERT_OK_AND_ASSIGN(const auto base, ActivationReportData(kNonce, kSpki, kExporter));
  ASSERT_OK_AND_ASSIGN(const auto other_nonce,
                       ActivationReportData(Bytes(32, 0x12), kSpki, kExporter));
  ASSERT_OK_AND_ASSIGN(const auto other_key,
                       ActivationReportData(kNonce, ToBytes("a kez"), kExporter));
  ASSERT_OK_AND_ASSIGN(const auto other_connection,
                       ActivationReportData(kNonce, kSpki, Bytes(32, 0x23)));
  ASSERT_OK_AND_ASSIGN(const auto other_purpose, CoordinatorReportData(kNonce, kSpki, kExporter));
  EXPECT_NE(base, other_nonce);
  EXPECT_NE(base, other_key);
  EXPECT_NE(base, other_connection);
  EXPECT_NE(base, other_purpose);
}

TEST(ActivationBinding, RefusesPartsOfAnotherSize) {
  EXPECT_THAT(ActivationReportData(Bytes(31, 0), kSpki, kExporter),
              Fails(Code::kMalformed, "nonce has 31"));
  EXPECT_THAT(ActivationReportData(Bytes(33, 0), kSpki, kExporter),
              Fails(Code::kMalformed, "nonce has 33"));
  EXPECT_THAT(ActivationReportData({}, kSpki, kExporter), Fails(Code::kMalformed, "nonce has 0"));
  EXPECT_THAT(ActivationReportData(kNonce, {}, kExporter),
              Fails(Code::kMalformed, "no public key"));
  EXPECT_THAT(ActivationReportData(kNonce, kSpki, {}), Fails(Code::kMalformed, "exporter has 0"));
  EXPECT_THAT(CoordinatorReportData(kNonce, kSpki, Bytes(64, 0)),
              Fails(Code::kMalformed, "exporter has 64"));
}

TEST(QuoteEndpointReportData, IsSha256OfRootAndNonceThenZeros) {
  const auto found = QuoteEndpointReportData(AsBytes("abc"), AsBytes("def"));
  EXPECT_EQ(HexEncode(found.view()),
            HexEncode(crypto::Sha256(AsBytes("abcdef")).view()) + std::string(64, '0'));
  EXPECT_EQ(QuoteEndpointReportData(AsBytes("abc"), {}), MarbleRunReportData(AsBytes("abc")));
}

TEST(OpenEnclaveHeader, RoundTrips) {
  const Bytes quote = ToBytes("quote");
  const Bytes wrapped = WrapOpenEnclave(quote);
  EXPECT_EQ(HexEncode(wrapped),
            "0100000002000000"
            "0500000000000000"
            "71756f7465");
  ASSERT_OK_AND_ASSIGN(const ByteView inside, UnwrapOpenEnclave(wrapped));
  EXPECT_TRUE(Equal(inside, quote));
}

TEST(OpenEnclaveHeader, RefusesEveryTruncationAndEveryOtherHeader) {
  const Bytes wrapped = WrapOpenEnclave(ToBytes("quote"));
  testing::ForEachTruncation(wrapped, [](ByteView cut, std::size_t size) {
    EXPECT_FALSE(UnwrapOpenEnclave(cut).has_value()) << size;
  });
  testing::ForEachFlippedByte(wrapped, [](ByteView flipped, std::size_t offset) {
    EXPECT_EQ(UnwrapOpenEnclave(flipped).has_value(), offset >= kOpenEnclaveHeaderBytes) << offset;
  });
  Bytes longer = wrapped;
  longer.push_back(0);
  EXPECT_THAT(UnwrapOpenEnclave(longer), Fails(Code::kMalformed, "names 5 bytes, found 6"));
}

TEST(OpenEnclaveHeader, LeavesBareQuotesAlone) {
  const Bytes quote = {3, 0, 2, 0, 0, 0, 0, 0};
  ASSERT_OK_AND_ASSIGN(const ByteView same, UnwrapIfOpenEnclave(quote));
  EXPECT_TRUE(Equal(same, quote));
  const Bytes wrapped = WrapOpenEnclave(quote);
  ASSERT_OK_AND_ASSIGN(const ByteView inside, UnwrapIfOpenEnclave(wrapped));
  EXPECT_TRUE(Equal(inside, quote));
  EXPECT_THAT(UnwrapIfOpenEnclave(Bytes{3, 0}), Fails(Code::kMalformed, ""));
}

}  // namespace
}  // namespace strongroom::ratls
