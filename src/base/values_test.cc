// Bytes, Reader and Writer, encodings, times, secrets, errors.

#include <cerrno>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/encoding.h"
#include "base/entropy.h"
#include "base/guarded.h"
#include "base/reader.h"
#include "base/secret.h"
#include "base/text.h"
#include "base/uuid.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom {
namespace {

using testing::Fails;

// --- bytes ---

TEST(Bytes, ViewsAndCopiesHoldTheSameBytes) {
  const std::string text("a\0b", 3);
  EXPECT_EQ(ToText(AsBytes(text)), text);
  EXPECT_EQ(AsText(ToBytes(text)), text);
  EXPECT_EQ(Concat({AsBytes("ab"), {}, AsBytes("c")}), ToBytes("abc"));
  EXPECT_TRUE(Concat({}).empty());
}

TEST(Bytes, EqualitiesAgree) {
  const Bytes cases[] = {{}, {0}, {1}, {0, 0}, {1, 2, 3}, {1, 2, 4}, {0, 2, 3}};
  for (const Bytes& a : cases) {
    for (const Bytes& b : cases) {
      EXPECT_EQ(Equal(a, b), a == b);
      EXPECT_EQ(ConstantTimeEqual(a, b), a == b);
    }
  }
}

TEST(Bytes, ConstantTimeEqualSeesEveryBit) {
  const Bytes a(65, 0x5a);
  for (unsigned bit = 0; bit < 8; ++bit) {
    testing::ForEachFlippedByte(
        a, [&](ByteView b, std::size_t) { EXPECT_FALSE(ConstantTimeEqual(a, b)); },
        static_cast<std::uint8_t>(1U << bit));
  }
}

struct KeyIdTag;
using KeyId = FixedBytes<KeyIdTag, 4>;

TEST(FixedBytes, TakesItsSizeOnly) {
  ASSERT_OK_AND_ASSIGN(const KeyId id, KeyId::From(AsBytes("abcd")));
  EXPECT_EQ(AsText(id.view()), "abcd");
  EXPECT_THAT(KeyId::From(AsBytes("abc")), Fails(Code::kMalformed, "found 3 bytes, wanted 4"));
  EXPECT_THAT(KeyId::From(AsBytes("abcde")), Fails(Code::kMalformed, "found 5 bytes, wanted 4"));
  EXPECT_EQ(KeyId(), KeyId::From(Bytes(4)).value());
  EXPECT_LT(KeyId(), id);
}

// --- reader and writer ---

TEST(Reader, ReadsWhatTheWriterWrote) {
  Writer writer;
  writer.U8(0xfe).U16Le(0x1234).U32Le(0x12345678).U64Le(0x123456789abcdef0);
  writer.U16Be(0x1234).U32Be(0x12345678).U64Be(0x123456789abcdef0);
  writer.Put("text").Zeros(3).Prefixed32Le("abc").Prefixed32Le(ByteView());
  const Bytes bytes = std::move(writer).Finish();
  Reader reader(bytes, "example");
  EXPECT_EQ(reader.U8().value(), 0xfe);
  EXPECT_EQ(reader.U16Le().value(), 0x1234);
  EXPECT_EQ(reader.U32Le().value(), 0x12345678U);
  EXPECT_EQ(reader.U64Le().value(), 0x123456789abcdef0U);
  EXPECT_EQ(reader.U16Be().value(), 0x1234);
  EXPECT_EQ(reader.U32Be().value(), 0x12345678U);
  EXPECT_EQ(reader.U64Be().value(), 0x123456789abcdef0U);
  EXPECT_EQ(AsText(reader.Take(4).value()), "text");
  EXPECT_OK(reader.Skip(3));
  EXPECT_EQ(AsText(reader.Prefixed32Le(3).value()), "abc");
  EXPECT_TRUE(reader.Prefixed32Le(0).value().empty());
  EXPECT_OK(reader.ExpectEnd());
  EXPECT_EQ(reader.offset(), bytes.size());
}

TEST(Reader, BytesAreInTheOrderTheyAreNamedFor) {
  Writer writer;
  EXPECT_EQ(HexEncode(writer.U32Le(0x01020304).U32Be(0x01020304).bytes()), "0403020101020304");
}

TEST(Reader, TakesNOrFailsAndStaysWhereItWas) {
  const Bytes bytes(10, 1);
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    for (const std::size_t wanted : {size, size + 1, std::size_t{SIZE_MAX}}) {
      Reader reader(ByteView(bytes).first(size), "box");
      const auto taken = reader.Take(wanted);
      if (wanted == size) {
        EXPECT_EQ(taken.value().size(), size);
        continue;
      }
      EXPECT_THAT(taken, Fails(Code::kMalformed, "box: "));
      EXPECT_EQ(reader.offset(), 0U);
      EXPECT_EQ(reader.remaining(), size);
    }
  }
}

TEST(Text, ReadsADecimalNumberWholeOrNotAtAll) {
  EXPECT_EQ(ParseDecimal<int>("-12"), -12);
  EXPECT_EQ(ParseDecimal<std::uint16_t>("65535"), 65535);
  EXPECT_EQ(ParseDecimal<std::uint64_t>("007"), 7U);
  for (const char* bad : {"", " 1", "1 ", "+1", "1x", "0x1", "-", "1.0"})
    EXPECT_EQ(ParseDecimal<int>(bad), std::nullopt) << bad;
  EXPECT_EQ(ParseDecimal<std::uint16_t>("65536"), std::nullopt);
  EXPECT_EQ(ParseDecimal<unsigned>("-1"), std::nullopt);
  EXPECT_EQ(ParseDecimal<std::int64_t>("9223372036854775808"), std::nullopt);
}

TEST(Text, TrimsBothEnds) {
  EXPECT_EQ(Trimmed(" \ta b\r\n"), "a b");
  EXPECT_EQ(Trimmed(" \n"), "");
  EXPECT_EQ(Trimmed(""), "");
}

TEST(Reader, EveryIntegerNeedsAllItsBytes) {
  const Bytes bytes(8, 1);
  testing::ForEachTruncation(bytes, [](ByteView cut, std::size_t n) {
    EXPECT_EQ(Reader(cut).U8().has_value(), n >= 1);
    EXPECT_EQ(Reader(cut).U16Le().has_value(), n >= 2);
    EXPECT_EQ(Reader(cut).U16Be().has_value(), n >= 2);
    EXPECT_EQ(Reader(cut).U32Le().has_value(), n >= 4);
    EXPECT_EQ(Reader(cut).U32Be().has_value(), n >= 4);
    EXPECT_FALSE(Reader(cut).U64Le().has_value());
    EXPECT_FALSE(Reader(cut).U64Be().has_value());
  });
}

TEST(Reader, LengthPrefixesAreHeldToTheirMaximumFirst) {
  const Bytes huge = {0xff, 0xff, 0xff, 0xff, 1, 2};
  EXPECT_THAT(Reader(huge, "box").Prefixed32Le(100),
              Fails(Code::kMalformed, "length 4294967295 at offset 4, wanted at most 100"));
  EXPECT_THAT(Reader(huge).Prefixed16Le(100), Fails(Code::kMalformed, "length 65535"));
  const Bytes lying = {4, 0, 0, 0, 1, 2};
  EXPECT_THAT(Reader(lying).Prefixed32Le(100), Fails(Code::kMalformed, "2 bytes left"));
  const Bytes exact = {2, 0, 0, 0, 1, 2};
  EXPECT_OK(Reader(exact).Prefixed32Le(2));
}

TEST(Reader, SaysWhatIsLeftOver) {
  const Bytes bytes(3);
  Reader reader(bytes, "quote");
  ASSERT_OK(reader.U8());
  EXPECT_THAT(reader.ExpectEnd(),
              Fails(Code::kMalformed, "quote: 2 bytes left over at offset 1, wanted none"));
  EXPECT_EQ(reader.Rest().size(), 2U);
}

// --- encodings ---

TEST(Encoding, GivesTheVectorsOfRfc4648) {
  const struct {
    const char* text;
    const char* base64;
    const char* hex;
  } rows[] = {{"", "", ""},
              {"f", "Zg==", "66"},
              {"fo", "Zm8=", "666f"},
              {"foo", "Zm9v", "666f6f"},
              {"foob", "Zm9vYg==", "666f6f62"},
              {"fooba", "Zm9vYmE=", "666f6f6261"},
              {"foobar", "Zm9vYmFy", "666f6f626172"}};
  for (const auto& row : rows) {
    EXPECT_EQ(Base64Encode(AsBytes(row.text)), row.base64);
    EXPECT_EQ(Base64Decode(row.base64).value(), ToBytes(row.text));
    EXPECT_EQ(Base64UrlDecode(row.base64).value(), ToBytes(row.text));
    EXPECT_EQ(HexEncode(AsBytes(row.text)), row.hex);
    EXPECT_EQ(HexDecode(row.hex).value(), ToBytes(row.text));
  }
  EXPECT_EQ(HexDecode("AbCd").value(), (Bytes{0xab, 0xcd}));
  EXPECT_EQ(Base64Encode(Bytes{0xfb, 0xff}), "+/8=");
  EXPECT_EQ(Base64UrlEncode(Bytes{0xfb, 0xff}), "-_8");
}

TEST(Encoding, EveryByteAndLengthComesBack) {
  Bytes all;
  for (int i = 0; i < 256; ++i) {
    EXPECT_EQ(HexDecode(HexEncode(all)).value(), all);
    EXPECT_EQ(Base64Decode(Base64Encode(all)).value(), all);
    EXPECT_EQ(Base64UrlDecode(Base64UrlEncode(all)).value(), all);
    EXPECT_EQ(PercentDecode(PercentEncode(ToText(all))).value(), ToText(all));
    all.push_back(static_cast<std::uint8_t>(i));
  }
}

TEST(Encoding, SaysWhereBase64IsForeign) {
  const std::string text = Base64Encode(AsBytes("thirteen bytes and more"));
  const std::size_t characters = text.find('=');
  for (std::size_t i = 0; i < characters; ++i) {
    for (const char foreign : {' ', '-', '\0', '\xff'}) {
      std::string bad = text;
      bad[i] = foreign;
      EXPECT_THAT(Base64Decode(bad), Fails(Code::kMalformed, fmt::format("at offset {}", i)))
          << bad;
    }
  }
}

TEST(Encoding, RefusesEverythingElse) {
  for (const char* bad : {"0", "0g", "g0", " 0", "0x00", "00 ", "é"}) {
    EXPECT_THAT(HexDecode(bad), Fails(Code::kMalformed, "hex")) << bad;
  }
  for (const char* bad : {"A", "AA", "AAA", "AA=", "A===", "====", "=", "AA==AAAA",
                          "AAB=", "AB==", "AA-_", "AAAA\n", " AAAA", "AA AA", "AA=A"}) {
    EXPECT_THAT(Base64Decode(bad), Fails(Code::kMalformed, "base64")) << bad;
  }
  for (const char* bad : {"A", "AA=", "AAA==", "AA+/", "AB", "AAB", "AA\n", "====", "AA==="}) {
    EXPECT_THAT(Base64UrlDecode(bad), Fails(Code::kMalformed, "base64")) << bad;
  }
  for (const char* bad : {"%", "%1", "a%", "%g0", "%0g", "%%41", "%-1"}) {
    EXPECT_THAT(PercentDecode(bad), Fails(Code::kMalformed, "percent")) << bad;
  }
}

TEST(Encoding, PercentKeepsOnlyUnreservedCharacters) {
  EXPECT_EQ(PercentEncode("aZ09-._~ /?%+é"), "aZ09-._~%20%2F%3F%25%2B%C3%A9");
}

// --- times ---

TEST(Clock, TimesComeBack) {
  for (const char* text : {"1970-01-01T00:00:00Z", "2026-11-21T13:38:55Z", "2024-02-29T23:59:59Z",
                           "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "1969-12-31T23:59:59Z",
                           "2000-02-29T00:00:00Z"}) {
    ASSERT_OK_AND_ASSIGN(const UnixSeconds time, ParseRfc3339(text));
    EXPECT_EQ(FormatRfc3339(time), text);
  }
  EXPECT_EQ(ToInt(ParseRfc3339("2001-09-09T01:46:40Z").value()), 1000000000);
  EXPECT_EQ(ToInt(ParseRfc3339("9999-12-31T23:59:59Z").value()), 253402300799);
}

TEST(Clock, RefusesEveryOtherForm) {
  for (const char* bad : {"",
                          "2026-11-21",
                          "2026-11-21T13:38:55",
                          "2026-11-21T13:38:55z",
                          "2026-11-21 13:38:55Z",
                          "2026-11-21t13:38:55Z",
                          "2026-11-21T13:38:55.0Z",
                          "2026-11-21T13:38:55+00:00",
                          "2026-13-21T13:38:55Z",
                          "2026-00-21T13:38:55Z",
                          "2026-02-29T13:38:55Z",
                          "2026-11-31T13:38:55Z",
                          "2026-11-00T13:38:55Z",
                          "2026-11-21T24:00:00Z",
                          "2026-11-21T13:60:55Z",
                          "2026-11-21T13:38:60Z",
                          "-026-11-21T13:38:55Z",
                          "2026-1a-21T13:38:55Z",
                          " 026-11-21T13:38:55Z",
                          "1900-02-29T00:00:00Z",
                          "2026/11/21T13:38:55Z",
                          "20261-1-21T13:38:55Z"}) {
    EXPECT_THAT(ParseRfc3339(bad), Fails(Code::kMalformed, "wanted YYYY")) << bad;
  }
}

TEST(Clock, ArithmeticIsInSeconds) {
  FixedClock clock(UnixSeconds{100});
  EXPECT_EQ(clock.Now() + 5, UnixSeconds{105});
  EXPECT_EQ(UnixSeconds{105} - clock.Now(), 5);
  clock.Set(UnixSeconds{7});
  EXPECT_EQ(clock.Now(), UnixSeconds{7});
  EXPECT_GT(SystemClock().Now(), ParseRfc3339("2024-01-01T00:00:00Z").value());
}

// --- secrets ---

TEST(Secret, WipeLeavesZeros) {
  Bytes bytes(100, 0xaa);
  Wipe(bytes);
  EXPECT_EQ(bytes, Bytes(100, 0));
  Wipe({});
}

TEST(Secret, MovedFromIsEmpty) {
  SecretBytes a(AsBytes("secret"));
  SecretBytes b(std::move(a));
  EXPECT_TRUE(a.empty());  // NOLINT(bugprone-use-after-move): that is the promise
  EXPECT_EQ(AsText(b.Reveal()), "secret");
  SecretBytes c(AsBytes("other"));
  c = std::move(b);
  EXPECT_TRUE(b.empty());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(AsText(c.Reveal()), "secret");
}

TEST(Secret, AdoptTakesTheMemoryItself) {
  Bytes bytes = ToBytes("secret");
  const std::uint8_t* memory = bytes.data();
  const SecretBytes secret = SecretBytes::Adopt(std::move(bytes));
  EXPECT_EQ(secret.Reveal().data(), memory);
  EXPECT_TRUE(bytes.empty());  // NOLINT(bugprone-use-after-move)
}

TEST(Secret, ClonesAndComparesByValue) {
  const SecretBytes a(AsBytes("secret"));
  EXPECT_EQ(a, a.Clone());
  EXPECT_FALSE(a == SecretBytes(AsBytes("secreT")));
  EXPECT_FALSE(a == SecretBytes(AsBytes("secre")));
  EXPECT_EQ(SecretBytes(std::size_t{3}), SecretBytes(Bytes(3)));
  static_assert(!std::is_copy_constructible_v<SecretBytes>);
  static_assert(!std::is_copy_assignable_v<SecretBytes>);
}

TEST(Entropy, NeverRepeatsAndFillsEverySize) {
  SystemEntropy entropy;
  std::set<Bytes> seen;
  for (int i = 0; i < 100; ++i) seen.insert(entropy.Take(16));
  EXPECT_EQ(seen.size(), 100U);
  EXPECT_EQ(entropy.Take(0).size(), 0U);
  EXPECT_EQ(entropy.TakeSecret(1000000).size(), 1000000U);  // more than one getrandom gives
}

// --- results ---

TEST(Result, ErrorsSayCodeAndContext) {
  const Error error(Code::kUntrusted, "tag does not fit");
  EXPECT_EQ(error.ToString(), "untrusted: tag does not fit");
  EXPECT_EQ(error.In("record 7").ToString(), "untrusted: record 7: tag does not fit");
  EXPECT_EQ(error.In("record 7").code(), Code::kUntrusted);
  EXPECT_EQ(error.In("record 7").In("record 7").message(), "record 7: tag does not fit");
  EXPECT_EQ(error.In("record 7").In("record").message(), "record: record 7: tag does not fit");
  EXPECT_EQ(error.In("b").In("a").In("b").message(), "b: a: b: tag does not fit");
  const Result<int> bad = Malformed("x");
  EXPECT_THAT(In("outer", bad), Fails(Code::kMalformed, "outer: x"));
  EXPECT_EQ(In("outer", Result<int>(3)).value(), 3);
}

TEST(Result, ErrnoValuesHaveTheirCodes) {
  const std::pair<int, Code> rows[] = {{ENOENT, Code::kNotFound},  {EACCES, Code::kDenied},
                                       {EPERM, Code::kDenied},     {ENOSPC, Code::kExhausted},
                                       {EDQUOT, Code::kExhausted}, {EEXIST, Code::kConflict},
                                       {EIO, Code::kInternal}};
  for (const auto& [number, code] : rows) {
    const Status status = FromErrno(number, "file");
    EXPECT_THAT(status, Fails(code, "file: "));
  }
}

TEST(Result, EveryCodeHasItsName) {
  std::set<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(Code::kInternal); ++code) {
    names.insert(CodeName(static_cast<Code>(code)));
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(Code::kInternal) + 1);
}

TEST(Guarded, GivesItsValueUnderTheLock) {
  Guarded<int> value(3);
  EXPECT_EQ(value.With([](int& v) { return ++v; }), 4);
  const auto& constant = value;
  EXPECT_EQ(constant.With([](const int& v) { return v; }), 4);
}

// --- UUIDs ---

TEST(UuidTest, ReadsTheFormsThatMarblesWrite) {
  const std::string wanted = "123e4567-e89b-12d3-a456-426614174000";
  for (const char* text :
       {"123e4567-e89b-12d3-a456-426614174000", "123E4567-E89B-12D3-A456-426614174000",
        "123e4567e89b12d3a456426614174000", "{123e4567-e89b-12d3-a456-426614174000}",
        "urn:uuid:123e4567-e89b-12d3-a456-426614174000"}) {
    ASSERT_OK_AND_ASSIGN(const std::string uuid, CanonicalUuid(text));
    EXPECT_EQ(uuid, wanted) << text;
  }
}

TEST(UuidTest, RefusesAnythingElse) {
  for (const char* text :
       {"", "123e4567", "123e4567-e89b-12d3-a456-42661417400",
        "123e4567_e89b-12d3-a456-426614174000", "123e4567-e89b-12d3-a456-42661417400g",
        "{123e4567-e89b-12d3-a456-426614174000", "urn:uuid:123e4567e89b12d3a456426614174000",
        "123e4567-e89b-12d3-a456-4266141740-0", "{123e4567e89b12d3a456426614174000}",
        "123e4567-e89b-12d3-a456-4266141740000"}) {
    EXPECT_THAT(CanonicalUuid(text), Fails(Code::kMalformed, "no UUID")) << text;
  }
}

TEST(UuidTest, IsMadeNewEveryTimeAndCanonical) {
  SystemEntropy entropy;
  const std::string uuid = MakeUuid(entropy);
  EXPECT_NE(uuid, MakeUuid(entropy));
  EXPECT_EQ(CanonicalUuid(uuid).value(), uuid);
  EXPECT_EQ(uuid[14], '4') << "version 4";
}

}  // namespace
}  // namespace strongroom
