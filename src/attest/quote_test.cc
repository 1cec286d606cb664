#include "attest/quote.h"

#include <gtest/gtest.h>

#include "attest/testing/cases.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"
#include "testing/testdata.h"

namespace strongroom::attest {
namespace {

using strongroom::testing::Fails;

// A quote in the right layout of distinct bytes, signed by nobody.
Bytes MakeQuote(std::uint16_t certification_type, ByteView certification_data,
                std::size_t authentication_bytes = 32) {
  Writer signature;
  signature.Put(Bytes(64, 0xa1)).Put(Bytes(64, 0xa2));
  SgxReportBody qe;
  qe.isv_svn = 8;
  signature.Put(EncodeSgxReportBody(qe)).Put(Bytes(64, 0xa4));
  signature.U16Le(static_cast<std::uint16_t>(authentication_bytes))
      .Put(Bytes(authentication_bytes, 0xa5));
  signature.U16Le(certification_type).Prefixed32Le(certification_data);

  SgxReportBody body;
  body.isv_prod_id = 7;
  body.isv_svn = 3;
  body.attributes_flags = kSgxFlagInit | kSgxFlagMode64Bit;
  Writer quote;
  quote.U16Le(3).U16Le(2).U32Le(0).U16Le(5).U16Le(13).Put(Bytes(16, 0xb1)).Put(Bytes(20, 0xb2));
  quote.Put(EncodeSgxReportBody(body)).Prefixed32Le(signature.bytes());
  return std::move(quote).Finish();
}

Bytes With(Bytes bytes, std::size_t offset, std::uint8_t value) {
  bytes.at(offset) = value;
  return bytes;
}

TEST(ParseQuote, ReadsEveryField) {
  const Bytes bytes = MakeQuote(5, AsBytes("chain"));
  ASSERT_OK_AND_ASSIGN(const Quote quote, ParseQuote(bytes));
  EXPECT_EQ(quote.version, 3);
  EXPECT_EQ(quote.attestation_key_type, 2);
  EXPECT_EQ(quote.qe_svn, 5);
  EXPECT_EQ(quote.pce_svn, 13);
  EXPECT_EQ(quote.qe_vendor_id[0], 0xb1);
  EXPECT_EQ(quote.user_data.size(), 20U);
  EXPECT_EQ(quote.body.isv_prod_id, 7);
  EXPECT_EQ(quote.body.isv_svn, 3);
  EXPECT_FALSE(quote.body.debug());
  EXPECT_EQ(quote.signed_bytes.size(), 432U);
  EXPECT_EQ(quote.signature[0], 0xa1);
  EXPECT_EQ(quote.attestation_key[63], 0xa2);
  EXPECT_EQ(quote.qe_report.isv_svn, 8);
  EXPECT_EQ(quote.qe_report_signature[0], 0xa4);
  EXPECT_EQ(quote.qe_authentication_data.size(), 32U);
  EXPECT_EQ(quote.certification_type, CertificationDataType::kPckChain);
  EXPECT_EQ(AsText(quote.certification_data), "chain");
  EXPECT_EQ(quote.size, bytes.size());
}

TEST(ParseQuote, RefusesEveryTruncation) {
  const Bytes bytes = MakeQuote(5, AsBytes("chain"));
  strongroom::testing::ForEachTruncation(bytes, [](ByteView cut, std::size_t size) {
    EXPECT_THAT(ParseQuote(cut), Fails(Code::kMalformed, "")) << size;
  });
}

TEST(ParseQuote, TakesZeroPaddingAndNothingElseAfterTheEnd) {
  Bytes bytes = MakeQuote(5, AsBytes("chain"));
  const std::size_t size = bytes.size();
  bytes.resize(8192, 0);
  ASSERT_OK_AND_ASSIGN(const Quote quote, ParseQuote(bytes));
  EXPECT_EQ(quote.size, size);
  bytes.back() = 1;
  EXPECT_THAT(ParseQuote(bytes),
              Fails(Code::kMalformed, "byte 0x01 at offset 8191, wanted zeros only"));
}

TEST(ParseQuote, RefusesWhatItDoesNotKnow) {
  const Bytes good = MakeQuote(5, AsBytes("chain"));
  struct Row {
    const char* name;
    Bytes bytes;
    Code code;
    const char* text;
  };
  const std::size_t type_at = good.size() - 5 - 4 - 2;
  const Row rows[] = {
      {"EPID", With(good, 0, 2), Code::kUnsupported, "quote version 2"},
      {"version 4", With(good, 0, 4), Code::kUnsupported, "quote version 4"},
      {"version 5", With(good, 0, 5), Code::kUnsupported, "quote version 5"},
      {"P-384 key", With(good, 2, 3), Code::kUnsupported, "attestation key type 3"},
      {"TDX", With(good, 4, 0x81), Code::kUnsupported, "TEE type 0x81"},
      {"certification data of type 6", With(good, type_at, 6), Code::kUnsupported,
       "certification data type 6"},
      {"certification data of type 0", With(good, type_at, 0), Code::kUnsupported,
       "certification data type 0"},
      {"signature data shorter than said",
       With(good, 432, static_cast<std::uint8_t>(good[432] + 1)), Code::kMalformed, ""},
      {"signature data longer than said", With(good, 432, static_cast<std::uint8_t>(good[432] - 1)),
       Code::kMalformed, ""},
      {"authentication data beyond the end", With(good, 436 + 64 + 64 + 384 + 64 + 1, 0xff),
       Code::kMalformed, ""},
      {"certification data beyond the end", With(good, type_at + 2, 6), Code::kMalformed, ""},
      {"bytes after the certification data", With(good, type_at + 2, 4), Code::kMalformed, ""},
      {"too much certification data", MakeQuote(5, Bytes(kMaxCertificationDataBytes + 1, '-')),
       Code::kMalformed, ""},
      {"too large", Bytes(kMaxQuoteBytes + 1, 3), Code::kExhausted, "wanted at most 65536"},
      {"empty", {}, Code::kMalformed, ""},
  };
  for (const Row& row : rows)
    EXPECT_THAT(ParseQuote(row.bytes), Fails(row.code, row.text)) << row.name;
}

TEST(ParsePlatformRequest, ReadsTypesOneToThree) {
  const struct {
    std::uint16_t type;
    std::size_t ppid_size;
  } rows[] = {{1, 16}, {2, 256}, {3, 384}};
  for (const auto& row : rows) {
    Writer data;
    data.Put(Bytes(row.ppid_size, 0xc1)).Put(Bytes(16, 0xc2)).U16Le(13).Put(Bytes{0x01, 0x02});
    const Bytes bytes = MakeQuote(row.type, data.bytes());
    ASSERT_OK_AND_ASSIGN(const Quote quote, ParseQuote(bytes));
    ASSERT_OK_AND_ASSIGN(const PlatformRequest request, ParsePlatformRequest(quote));
    EXPECT_EQ(request.ppid.size(), row.ppid_size);
    EXPECT_EQ(request.cpu_svn.view()[15], 0xc2);
    EXPECT_EQ(request.pce_svn, 13);
    EXPECT_EQ(request.pce_id.view()[1], 0x02);

    Bytes longer = data.bytes();
    longer.push_back(0);
    const Bytes with_rest = MakeQuote(row.type, longer);
    ASSERT_OK_AND_ASSIGN(const Quote odd, ParseQuote(with_rest));
    EXPECT_THAT(ParsePlatformRequest(odd), Fails(Code::kMalformed, ""));
  }
}

TEST(ParsePlatformRequest, RefusesQuotesThatCarryCertificates) {
  const Bytes bytes = MakeQuote(5, AsBytes("chain"));
  ASSERT_OK_AND_ASSIGN(const Quote quote, ParseQuote(bytes));
  EXPECT_THAT(ParsePlatformRequest(quote), Fails(Code::kUnsupported, "type 5 names no platform"));
}

TEST(SgxReportBody, RoundTripsAllButReservedFields) {
  Bytes bytes(SgxReportBody::kSize);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 7 + 1);
  Reader reader(bytes);
  ASSERT_OK_AND_ASSIGN(const SgxReportBody body, ReadSgxReportBody(reader));
  const Bytes again = EncodeSgxReportBody(body);
  ASSERT_EQ(again.size(), bytes.size());
  const auto reserved = [](std::size_t i) {
    return (i >= 20 && i < 32) || (i >= 96 && i < 128) || (i >= 160 && i < 192) ||
           (i >= 262 && i < 304);
  };
  for (std::size_t i = 0; i < bytes.size(); ++i)
    EXPECT_EQ(again[i], reserved(i) ? 0 : bytes[i]) << i;
}

}  // namespace
}  // namespace strongroom::attest
