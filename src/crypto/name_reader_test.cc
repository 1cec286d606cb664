#include <gtest/gtest.h>

#include "base/encoding.h"
#include "crypto/x509_parts.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::crypto {
namespace {

using testing::Fails;

Result<Name> Read(ByteView der) {
  DerReader reader(der);
  auto name = ReadName(reader);
  if (name && !reader.empty()) return Malformed("bytes behind the name");
  return name;
}

// Plain names are read without OpenSSL: whatever they are, it must say the same.
void ExpectAsOpenSslSays(ByteView der) {
  const auto ours = Read(der);
  const auto openssl = ReadAnyName(der);
  ASSERT_EQ(ours.has_value(), openssl.has_value()) << HexEncode(der);
  if (!ours) return;
  EXPECT_EQ(ours->rfc2253, openssl->rfc2253);
  EXPECT_EQ(ours->common_name, openssl->common_name);
  EXPECT_EQ(*ours, *openssl);
}

struct Part {
  std::string_view oid;
  std::uint8_t tag;
  std::string_view value;
};
Bytes Pair(const Part& part) {
  return DerSequence({DerOid(part.oid), DerElementOf(part.tag, {AsBytes(part.value)})});
}
Bytes NameOf(const std::vector<Part>& parts) {
  std::vector<Bytes> sets;
  for (const Part& part : parts) sets.push_back(DerElementOf(der::kSet, {Pair(part)}));
  return DerSequence(sets);
}

constexpr std::uint8_t kPrintable = 0x13, kIa5 = 0x16, kBmp = 0x1e;
constexpr std::string_view kCn = "2.5.4.3", kOrganization = "2.5.4.10", kCountry = "2.5.4.6";

TEST(ReadName, GivesTheTextThatRfc2253Wants) {
  ASSERT_OK_AND_ASSIGN(const Name name,
                       Read(NameOf({{kCn, der::kUtf8String, "Intel SGX PCK Certificate"},
                                    {kOrganization, kPrintable, "Intel Corporation"},
                                    {"2.5.4.7", kPrintable, "Santa Clara"},
                                    {"2.5.4.8", kPrintable, "CA"},
                                    {kCountry, kPrintable, "US"}})));
  EXPECT_EQ(name.common_name, "Intel SGX PCK Certificate");
  EXPECT_EQ(name.rfc2253,
            "C=US,ST=CA,L=Santa Clara,O=Intel Corporation,CN=Intel SGX PCK Certificate");
}

struct Row {
  const char* name;
  std::vector<Part> parts;
};

TEST(ReadName, AgreesWithOpenSslOnEveryKindOfName) {
  const Row rows[] = {
      {"empty", {}},
      {"plain", {{kCn, der::kUtf8String, "a.b-c:d/e(f) g"}, {"2.5.4.11", kPrintable, "unit 7"}}},
      {"two common names", {{kCn, kPrintable, "first"}, {kCn, kPrintable, "second"}}},
      {"no common name", {{kOrganization, kPrintable, "Example"}}},
      {"empty value", {{kCn, kPrintable, ""}, {kOrganization, kPrintable, "Example"}}},
      {"space first", {{kCn, kPrintable, " a"}}},
      {"space last", {{kCn, kPrintable, "a "}}},
      {"only a space", {{kCn, kPrintable, " "}}},
      {"number sign first", {{kCn, kPrintable, "#04"}}},
      {"specials", {{kCn, der::kUtf8String, "a,b+c\"d\\e<f>g;h=i"}}},
      {"control character", {{kCn, der::kUtf8String, "a\nb"}}},
      {"NUL", {{kCn, der::kUtf8String, std::string_view("a\0b", 3)}}},
      {"beyond ASCII", {{kCn, der::kUtf8String, "Ökologie"}}},
      {"not UTF-8", {{kCn, der::kUtf8String, "a\xff"}}},
      {"two-byte text", {{kCn, kBmp, std::string_view("\0a\0b", 4)}}},
      {"IA5 text", {{"1.2.840.113549.1.9.1", kIa5, "owner@example.org"}}},
      {"other type", {{"2.5.4.5", kPrintable, "12345"}, {kCn, kPrintable, "a"}}},
      {"unknown type", {{"1.2.3.4", kPrintable, "a"}, {kCn, kPrintable, "b"}}},
      {"value that is no text", {{kCn, der::kOctetString, "ab"}}},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    ExpectAsOpenSslSays(NameOf(row.parts));
  }
  const Bytes both =
      DerElementOf(der::kSet, {Pair({kCn, kPrintable, "a"}), Pair({kCountry, kPrintable, "DE"})});
  ExpectAsOpenSslSays(DerSequence({both}));  // two attributes in one part
  ExpectAsOpenSslSays(DerSequence({DerElementOf(der::kSet, {})}));
}

TEST(ReadName, TruncationsAreRefusedAndFlippedBytesReadAsOpenSslReadsThem) {
  const Bytes name =
      NameOf({{kCn, der::kUtf8String, "Platform CA"}, {kOrganization, kPrintable, "Example"}});
  testing::ForEachTruncation(
      name, [](ByteView cut, std::size_t) { EXPECT_THAT(Read(cut), Fails(Code::kMalformed, "")); });
  testing::ForEachFlippedByte(name, [](ByteView mutated, std::size_t at) {
    SCOPED_TRACE(at);
    const auto ours = Read(mutated);
    if (ours) ExpectAsOpenSslSays(mutated);  // it takes some that are no DER
  });
}

TEST(WriteName, AgreesWithOpenSslOnEveryKindOfName) {
  const std::string longest(64, 'x');
  const struct {
    const char* name;
    DistinguishedName parts;
    bool plain;
  } rows[] = {
      {"empty", {}, true},
      {"plain", {{"CN", "a.b-c:d/e(f) g"}, {"OU", "unit 7"}}, true},
      {"all plain types", {{"CN", "a"}, {"L", "b"}, {"ST", "c"}, {"O", "d"}, {"OU", "e"}}, true},
      {"one type twice", {{"CN", "first"}, {"CN", "second"}}, true},
      {"longest", {{"CN", longest}, {"L", longest}, {"ST", longest}}, true},
      {"country", {{"C", "DE"}, {"CN", "a"}}, false},
      {"longer", {{"L", longest + "x"}}, false},
      {"space last", {{"CN", "a "}}, false},
      {"specials", {{"CN", "a,b+c"}}, false},
      {"beyond ASCII", {{"O", "Ökologie"}}, false},
      {"dotted type", {{"2.5.4.3", "a"}}, false},
      {"mail", {{"emailAddress", "owner@example.org"}}, false},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    ASSERT_OK_AND_ASSIGN(const Bytes openssl, WriteAnyName(row.parts));
    const auto ours = WritePlainName(row.parts);
    EXPECT_EQ(ours.has_value(), row.plain);
    if (ours) {
      EXPECT_EQ(*ours, openssl);
    }
    EXPECT_EQ(WriteName(row.parts), openssl);
  }
}

TEST(WriteName, RefusesWhatX520Forbids) {
  for (const DistinguishedName& bad :
       {DistinguishedName{{"CN", ""}}, DistinguishedName{{"CN", std::string(65, 'x')}},
        DistinguishedName{{"C", "Germany"}}, DistinguishedName{{"nothing", "a"}},
        DistinguishedName{{"CN", "a"}, {"O", "\xff"}}}) {
    EXPECT_THAT(WriteName(bad), Fails(Code::kMalformed, bad.back().type)) << bad.back().value;
    EXPECT_EQ(WritePlainName(bad), std::nullopt);
  }
}

}  // namespace
}  // namespace strongroom::crypto
