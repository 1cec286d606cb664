#include "ratls/cbor.h"

#include <limits>

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::ratls {
namespace {

using testing::Fails;

Bytes Hex(std::string_view text) { return HexDecode(text).value(); }

// RFC 8949, appendix A.
TEST(Cbor, ReadsAndWritesTheRfcsExamples) {
  const struct {
    std::uint64_t value;
    const char* hex;
  } numbers[] = {{0, "00"},
                 {1, "01"},
                 {23, "17"},
                 {24, "1818"},
                 {100, "1864"},
                 {1000, "1903e8"},
                 {1000000, "1a000f4240"},
                 {1000000000000, "1b000000e8d4a51000"},
                 {std::numeric_limits<std::uint64_t>::max(), "1bffffffffffffffff"}};
  for (const auto& row : numbers) {
    CborWriter w;
    w.Unsigned(row.value);
    EXPECT_EQ(HexEncode(std::move(w).Finish()), row.hex);
    const Bytes bytes = Hex(row.hex);
    CborReader reader(bytes);
    ASSERT_OK_AND_ASSIGN(const std::uint64_t value, reader.Unsigned());
    EXPECT_EQ(value, row.value);
    EXPECT_OK(reader.ExpectEnd());
  }
  CborWriter w;
  w.Tag(60000).Array(2).ByteString(Hex("01020304")).Map(1).TextString("IETF").Unsigned(7);
  const Bytes bytes = std::move(w).Finish();
  EXPECT_EQ(HexEncode(bytes),
            "d9ea60"
            "82"
            "4401020304"
            "a1"
            "6449455446"
            "07");
  CborReader reader(bytes);
  EXPECT_EQ(reader.Tag().value(), 60000U);
  EXPECT_EQ(reader.Array().value(), 2U);
  EXPECT_EQ(reader.ByteString()->size(), 4U);
  EXPECT_EQ(reader.Map().value(), 1U);
  EXPECT_EQ(reader.TextString().value(), "IETF");
  EXPECT_EQ(reader.Unsigned().value(), 7U);
  EXPECT_TRUE(reader.empty());
}

TEST(Cbor, RefusesWhatEvidenceNeverHas) {
  const struct {
    const char* name;
    const char* hex;
    const char* text;
  } rows[] = {
      {"empty", "", "wanted 1"},
      {"5 in two bytes", "1805", "shortest"},
      {"200 in three bytes", "1900c8", "shortest"},
      {"a length of four bytes that fits two", "1a0000ffff", "shortest"},
      {"a length of eight bytes that fits four", "1b00000000ffffffff", "shortest"},
      {"reserved length", "1c", "reserved"},
      {"cut number", "19ff", "wanted 2"},
      {"a byte string where a number is due", "4100", "byte string, wanted unsigned integer"},
  };
  for (const auto& row : rows) {
    const Bytes bytes = Hex(row.hex);
    EXPECT_THAT(CborReader(bytes).Unsigned(), Fails(Code::kMalformed, row.text)) << row.name;
  }
  const Bytes indefinite = Hex("5f42010243030405ff");
  EXPECT_THAT(CborReader(indefinite).ByteString(), Fails(Code::kMalformed, "indefinite"));
  const Bytes too_long = Hex("5bffffffffffffffff00");
  EXPECT_THAT(CborReader(too_long).ByteString(),
              Fails(Code::kMalformed, "wanted 18446744073709551615"));
  for (const char* text : {"61ff", "62c080", "63eda080", "64f4908080", "61c3", "62e282"}) {
    const Bytes bytes = Hex(text);
    EXPECT_THAT(CborReader(bytes).TextString(), Fails(Code::kMalformed, "UTF-8")) << text;
  }
  for (const char* text : {"60", "62c3bc", "63e6b0b4", "64f0908591"}) {
    const Bytes bytes = Hex(text);
    EXPECT_OK(CborReader(bytes).TextString()) << text;
  }
}

TEST(Cbor, SkipsAnyItemWithinBounds) {
  const Bytes good =
      Hex("83"
          "01"
          "820203"
          "a26161016162820405"
          "ff");
  CborReader reader(good);
  EXPECT_OK(reader.Skip());
  EXPECT_EQ(reader.Rest().size(), 1U);
  for (const char* text :
       {"f6", "fb3ff199999999999a", "20", "c074323031332d30332d32315432303a30343a30305a"}) {
    const Bytes bytes = Hex(text);
    CborReader one(bytes);
    EXPECT_OK(one.Skip()) << text;
    EXPECT_TRUE(one.empty()) << text;
  }
  const Bytes deep(100, 0x81);
  EXPECT_THAT(CborReader(deep).Skip(), Fails(Code::kMalformed, "too deep"));
  const Bytes huge = Hex("9bffffffffffffffff");
  EXPECT_THAT(CborReader(huge).Skip(), Fails(Code::kMalformed, "more items than bytes"));
  const Bytes huge_map = Hex("bbffffffffffffffff");
  EXPECT_THAT(CborReader(huge_map).Skip(), Fails(Code::kMalformed, "more pairs than bytes"));
  testing::ForEachTruncation(ByteView(good).first(good.size() - 1),
                             [](ByteView cut, std::size_t size) {
                               EXPECT_FALSE(CborReader(cut).Skip().has_value()) << size;
                             });
}

// Reads tagged evidence (a tag, an array of a string and a map) and writes what was read.
Result<Bytes> ReadAndWrite(ByteView bytes) {
  CborReader reader(bytes);
  CborWriter w;
  ASSIGN_OR_RETURN(const std::uint64_t tag, reader.Tag());
  w.Tag(tag);
  ASSIGN_OR_RETURN(const std::uint64_t elements, reader.Array());
  w.Array(elements);
  ASSIGN_OR_RETURN(const ByteView octets, reader.ByteString());
  w.ByteString(octets);
  ASSIGN_OR_RETURN(const std::uint64_t pairs, reader.Map());
  w.Map(pairs);
  ASSIGN_OR_RETURN(const std::string_view text, reader.TextString());
  w.TextString(text);
  ASSIGN_OR_RETURN(const std::uint64_t number, reader.Unsigned());
  w.Unsigned(number);
  RETURN_IF_ERROR(reader.ExpectEnd());
  return std::move(w).Finish();
}

// No two encodings mean the same, so a flipped byte is another value or none.
TEST(Cbor, CutIsRefusedAndAFlippedByteIsRefusedOrAnotherValue) {
  CborWriter w;
  w.Tag(60000).Array(2).ByteString(Bytes(40, 7)).Map(1).TextString("a\xc3\xbc").Unsigned(1000);
  const Bytes good = std::move(w).Finish();
  EXPECT_EQ(ReadAndWrite(good).value(), good);
  testing::ForEachTruncation(good, [](ByteView cut, std::size_t size) {
    EXPECT_THAT(ReadAndWrite(cut), Fails(Code::kMalformed, "wanted")) << size;
  });
  testing::ForEachFlip(good, [](ByteView flipped, std::size_t offset) {
    CborReader rest(flipped);
    if (rest.Skip().has_value()) {
      EXPECT_LT(rest.Rest().size(), flipped.size()) << offset;
    }
    const auto again = ReadAndWrite(flipped);
    if (again.has_value()) {
      EXPECT_TRUE(Equal(*again, flipped)) << offset;
      return;
    }
    EXPECT_EQ(again.error().code(), Code::kMalformed) << offset;
  });
}

}  // namespace
}  // namespace strongroom::ratls
