#include "crypto/der.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::crypto {
namespace {

using testing::Fails;

Bytes Hex(std::string_view text) { return HexDecode(text).value(); }

TEST(DerReader, ReadsWhatTheWriterWrote) {
  const Bytes written = DerSequence({DerOid("1.2.840.113741.1.13.1.2.17"), DerUnsigned(65535),
                                     DerOctetString(Hex("00ff")), DerEnumerated(2),
                                     DerBoolean(true), DerBitString(Hex("0a0b"))});
  DerReader outer(written, "example");
  ASSERT_OK_AND_ASSIGN(DerReader reader, outer.Sequence());
  EXPECT_OK(outer.ExpectEnd());
  EXPECT_EQ(reader.Oid().value(), "1.2.840.113741.1.13.1.2.17");
  EXPECT_EQ(reader.Unsigned().value(), 65535U);
  EXPECT_EQ(HexEncode(reader.OctetString().value()), "00ff");
  EXPECT_EQ(reader.Enumerated().value(), 2U);
  EXPECT_TRUE(reader.Boolean().value());
  EXPECT_EQ(HexEncode(reader.BitString().value()), "0a0b");
  EXPECT_TRUE(reader.empty());
}

struct EncodingCase {
  const char* name;
  Bytes written;
  const char* hex;
};

// X.690's own examples and the edges of each length form.
TEST(DerWriter, WritesTheOneEncodingOfEachValue) {
  const EncodingCase cases[] = {
      {"zero", DerUnsigned(0), "020100"},
      {"127", DerUnsigned(127), "02017f"},
      {"128 needs a sign byte", DerUnsigned(128), "02020080"},
      {"256", DerUnsigned(256), "02020100"},
      {"largest", DerUnsigned(UINT64_MAX), "020900ffffffffffffffff"},
      {"big without leading zeros", DerUnsignedBig(Hex("00000001")), "020101"},
      {"big of nothing", DerUnsignedBig({}), "020100"},
      {"big with a high bit", DerUnsignedBig(Hex("ff00")), "020300ff00"},
      {"false", DerBoolean(false), "010100"},
      {"true", DerBoolean(true), "0101ff"},
      {"enumerated 200", DerEnumerated(200), "0a0200c8"},
      {"OID 2.999.3 (X.690 8.19.5)", DerOid("2.999.3"), "0603883703"},
      {"OID 1.2.840.113549", DerOid("1.2.840.113549"), "06062a864886f70d"},
      {"OID 0.39", DerOid("0.39"), "060127"},
      {"empty sequence", DerSequence(std::vector<Bytes>{}), "3000"},
  };
  for (const EncodingCase& row : cases) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(HexEncode(row.written), row.hex);
  }
}

TEST(DerWriter, LengthsOfEveryFormAreReadBack) {
  for (const std::size_t size : {0U, 1U, 127U, 128U, 255U, 256U, 65535U, 65536U, 70000U}) {
    const Bytes written = DerOctetString(Bytes(size, 1));
    DerReader reader(written);
    ASSERT_OK_AND_ASSIGN(const ByteView content, reader.OctetString());
    EXPECT_EQ(content.size(), size);
    EXPECT_TRUE(reader.empty());
  }
}

struct BadCase {
  const char* name;
  const char* hex;
  const char* message;
};

template <class Read>
void ExpectRefused(std::span<const BadCase> cases, Read read) {
  for (const BadCase& row : cases) {
    SCOPED_TRACE(row.name);
    const Bytes bytes = Hex(row.hex);
    DerReader reader(bytes, "input");
    EXPECT_THAT(read(reader), Fails(Code::kMalformed, row.message));
  }
}

TEST(DerReader, RefusesLengthsAndTagsThatAreNotDer) {
  constexpr BadCase kCases[] = {
      {"nothing", "", "wanted 1"},
      {"tag alone", "30", "wanted 1"},
      {"indefinite length", "3080", "indefinite"},
      {"long form of a short length", "30810100", "not minimal"},
      {"two bytes where one is enough", "3082007f", "not minimal"},
      {"leading zero in the length", "3083000100", "not minimal"},
      {"length of five bytes", "30850000000001", "more than four"},
      {"length of 127 bytes", "30ff", "more than four"},
      {"content missing", "300200", "wanted 2"},
      {"length past any input", "3084ffffffff", "wanted 4294967295"},
      {"high tag number", "1f8101", "tag number"},
      {"length bytes missing", "308201", "wanted 2"},
  };
  ExpectRefused(kCases, [](DerReader& reader) { return reader.Next(); });
}

TEST(DerReader, RefusesNumbersThatAreNotDer) {
  constexpr BadCase kCases[] = {
      {"no content", "0200", "without content"},
      {"padded zero", "02020000", "not minimal"},
      {"padded positive", "0202007f", "not minimal"},
      {"padded negative", "0202ff80", "not minimal"},
      {"negative", "0201ff", "negative"},
      {"above 64 bits", "020901ffffffffffffffff", "above 64"},
      {"far above 64 bits", "020a00ffffffffffffffffff", "above 64"},
      {"another tag", "0401ff", "wanted 0x02"},
  };
  ExpectRefused(kCases, [](DerReader& reader) { return reader.Unsigned(); });
}

TEST(DerReader, RefusesEnumerationsThatAreNotDer) {
  constexpr BadCase kCases[] = {
      {"no content", "0a00", "not minimal"},
      {"padded", "0a020001", "not minimal"},
      {"negative", "0a0180", "negative"},
      {"an INTEGER", "020101", "wanted 0x0a"},
  };
  ExpectRefused(kCases, [](DerReader& reader) { return reader.Enumerated(); });
}

TEST(DerReader, RefusesBooleansThatAreNotDer) {
  constexpr BadCase kCases[] = {
      {"one", "010101", "neither"},
      {"no content", "0100", "neither"},
      {"two bytes", "0102ffff", "neither"},
  };
  ExpectRefused(kCases, [](DerReader& reader) { return reader.Boolean(); });
}

TEST(DerReader, RefusesBitStringsOfPartBytes) {
  constexpr BadCase kCases[] = {
      {"no content", "0300", "whole bytes"},
      {"unused bits", "03020780", "whole bytes"},
      {"too many unused bits", "030208ff", "whole bytes"},
  };
  ExpectRefused(kCases, [](DerReader& reader) { return reader.BitString(); });
}

TEST(DerReader, RefusesOidsThatAreNotDer) {
  constexpr BadCase kCases[] = {
      {"no content", "0600", "wanted 1"},
      {"unfinished arc", "06022a86", "wanted 1"},
      {"padded arc", "06032a8001", "not minimal"},
      {"arc above 64 bits", "060b2a83ffffffffffffffff7f", "above 64"},
      {"33 arcs", "06202a01010101010101010101010101010101010101010101010101010101010101",
       "too many"},
  };
  ExpectRefused(kCases, [](DerReader& reader) { return reader.Oid(); });
}

TEST(DerReader, EveryTruncationOfAnElementIsRefused) {
  const Bytes element = DerSequence({DerOid("1.2.3.4"), DerOctetString(Bytes(200, 7))});
  testing::ForEachTruncation(element, [](ByteView cut, std::size_t) {
    DerReader reader(cut);
    EXPECT_THAT(reader.Next(), Fails(Code::kMalformed, "wanted"));
  });
}

// Reads an OID, a string and a number, and writes what was read.
Result<Bytes> ReadAndWrite(ByteView bytes) {
  DerReader reader(bytes);
  ASSIGN_OR_RETURN(DerReader inner, reader.Sequence());
  RETURN_IF_ERROR(reader.ExpectEnd());
  ASSIGN_OR_RETURN(const std::string oid, inner.Oid());
  ASSIGN_OR_RETURN(const ByteView octets, inner.OctetString());
  ASSIGN_OR_RETURN(const ByteView bits, inner.BitString());
  ASSIGN_OR_RETURN(const std::uint64_t number, inner.Unsigned());
  ASSIGN_OR_RETURN(const bool boolean, inner.Boolean());
  RETURN_IF_ERROR(inner.ExpectEnd());
  return DerSequence({DerOid(oid), DerOctetString(octets), DerBitString(bits), DerUnsigned(number),
                      DerBoolean(boolean)});
}

// No two encodings mean the same, so a flipped byte is another value or none.
TEST(DerReader, AFlippedByteIsRefusedOrAnotherValue) {
  const Bytes good =
      DerSequence({DerOid("1.2.840.113741"), DerOctetString(Bytes(140, 7)),
                   DerBitString(Bytes(3, 0xa5)), DerUnsigned(70'000), DerBoolean(true)});
  EXPECT_EQ(ReadAndWrite(good).value(), good);
  testing::ForEachFlip(good, [](ByteView flipped, std::size_t offset) {
    const auto again = ReadAndWrite(flipped);
    if (again.has_value()) {
      EXPECT_TRUE(Equal(*again, flipped)) << offset;
      return;
    }
    EXPECT_EQ(again.error().code(), Code::kMalformed) << offset;
  });
}

TEST(DerReader, SaysWhatIsLeftOver) {
  const Bytes two = Hex("05000500");
  DerReader reader(two, "input");
  ASSERT_OK(reader.Expect(der::kNull));
  EXPECT_THAT(reader.ExpectEnd(), Fails(Code::kMalformed, "2 bytes left over"));
  EXPECT_TRUE(reader.NextIs(der::kNull));
  ASSERT_OK(reader.Expect(der::kNull));
  EXPECT_FALSE(reader.NextIs(der::kNull));
}

TEST(Oid, TextIsCheckedStrictly) {
  for (const char* good : {"0.0", "1.39", "2.40", "2.999", "1.2.3", "1.2.18446744073709551615"}) {
    EXPECT_TRUE(IsOid(good)) << good;
  }
  for (const char* bad :
       {"", "1", "1.", ".1", "1..2", "3.1", "0.40", "1.40", "1.02", "01.2", "1.2 ", "-1.2", "1.-2",
        "a.b", "1.2.18446744073709551616", "+1.2", "1.2.x"}) {
    EXPECT_FALSE(IsOid(bad)) << bad;
  }
}

TEST(Oid, EveryArcSizeIsReadBack) {
  for (const char* oid : {"2.100", "1.2.127", "1.2.128", "1.2.16383", "1.2.16384",
                          "1.2.9223372036854775807", "1.2.18446744073709551615", "0.0", "2.0.0"}) {
    const Bytes written = DerOid(oid);
    DerReader reader(written);
    EXPECT_EQ(reader.Oid().value(), oid);
  }
}

}  // namespace
}  // namespace strongroom::crypto
