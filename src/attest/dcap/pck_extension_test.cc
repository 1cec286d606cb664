#include "attest/dcap/pck_extension.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "attest/testing/test_platform.h"
#include "crypto/der.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::attest::dcap {
namespace {

using crypto::DerOctetString;
using crypto::DerOid;
using crypto::DerSequence;
using crypto::DerUnsigned;
using strongroom::testing::Fails;

Bytes Pair(std::string_view suffix, ByteView value) {
  return DerSequence({DerOid(fmt::format("{}.{}", kSgxExtensionOid, suffix)), value});
}

Bytes Tcb(std::uint64_t component = 5, std::uint64_t pce_svn = 11, int count = 16) {
  std::vector<Bytes> elements;
  for (int i = 1; i <= count; ++i)
    elements.push_back(Pair(fmt::format("2.{}", i), DerUnsigned(component)));
  elements.push_back(Pair("2.17", DerUnsigned(pce_svn)));
  elements.push_back(Pair("2.18", DerOctetString(Bytes(16, 3))));
  return Pair("2", DerSequence(elements));
}

std::vector<Bytes> Five() {
  return {Pair("1", DerOctetString(Bytes(16, 1))), Tcb(), Pair("3", DerOctetString(Bytes(2, 0))),
          Pair("4", DerOctetString(Bytes(6, 4))), Pair("5", crypto::DerEnumerated(0))};
}

TEST(PckExtension, IsReadForBothCas) {
  ASSERT_OK_AND_ASSIGN(const PlatformIdentity processor, ParsePckExtension(DerSequence(Five())));
  EXPECT_EQ(processor.tcb_components[15], 5);
  EXPECT_EQ(processor.pce_svn, 11);
  EXPECT_EQ(processor.ppid.view()[0], 1);
  EXPECT_FALSE(processor.instance_id.has_value());
  EXPECT_FALSE(processor.smt_enabled.has_value());

  ASSERT_OK_AND_ASSIGN(const PlatformIdentity platform,
                       ParsePckExtension(testing::SgxExtension(testing::Recipe())));
  EXPECT_EQ(platform.sgx_type, SgxType::kScalable);
  EXPECT_EQ(platform.instance_id->view()[0], 0x88);
  EXPECT_EQ(platform.dynamic_platform, true);
  EXPECT_EQ(platform.cached_keys, false);
  EXPECT_EQ(platform.smt_enabled, true);
}

struct Row {
  const char* name;
  std::size_t replaced;  // of the five; 5 appends
  Bytes element;
  const char* text;
};

TEST(PckExtension, ThatIsNotTheProfileIsRefused) {
  const Row rows[] = {
      {"component 256 (truncated to a byte in QVL's history)", 1, Tcb(256), "number 256"},
      {"PCE SVN 65536", 1, Tcb(5, 65536), "number 65536"},
      {"fifteen components", 1, Tcb(5, 11, 15), "lacks element 16"},
      {"PPID of 15 bytes", 0, Pair("1", DerOctetString(Bytes(15, 1))), "found 15 bytes"},
      {"PCE id of 3 bytes", 2, Pair("3", DerOctetString(Bytes(3, 0))), "found 3 bytes"},
      {"FMSPC of 5 bytes", 3, Pair("4", DerOctetString(Bytes(5, 0))), "found 5 bytes"},
      {"FMSPC twice", 5, Pair("4", DerOctetString(Bytes(6, 9))), "element 4 twice"},
      {"FMSPC in place of the PPID", 0, Pair("4", DerOctetString(Bytes(6, 9))), "element 4 twice"},
      {"SGX type 3", 4, Pair("5", crypto::DerEnumerated(3)), "SGX type 3"},
      {"SGX type as INTEGER", 4, Pair("5", DerUnsigned(0)), ""},
      {"unknown element", 5, Pair("8", DerUnsigned(0)), "unknown element"},
      {"an element of another arc", 5,
       DerSequence({DerOid("1.2.840.113741.1.13.2.1"), DerUnsigned(0)}), "unknown"},
      {"a pair of three", 4,
       DerSequence({DerOid("1.2.840.113741.1.13.1.5"), crypto::DerEnumerated(0), DerUnsigned(1)}),
       ""},
      {"instance id without configuration", 5, Pair("6", DerOctetString(Bytes(16, 6))),
       "wanted both or none"},
      {"configuration without instance id", 5,
       Pair("7", DerSequence({Pair("7.1", crypto::DerBoolean(true))})), "wanted both or none"},
      {"configuration flag as number", 5, Pair("7", DerSequence({Pair("7.1", DerUnsigned(1))})),
       ""},
      {"not even a sequence", 5, DerUnsigned(1), ""},
  };
  for (const Row& row : rows) {
    auto elements = Five();
    if (row.replaced < elements.size()) {
      elements[row.replaced] = row.element;
    } else {
      elements.push_back(row.element);
    }
    EXPECT_THAT(ParsePckExtension(DerSequence(elements)), Fails(Code::kMalformed, row.text))
        << row.name;
  }
  for (std::size_t missing = 0; missing < 5; ++missing) {
    auto elements = Five();
    elements.erase(elements.begin() + static_cast<std::ptrdiff_t>(missing));
    EXPECT_THAT(ParsePckExtension(DerSequence(elements)), Fails(Code::kMalformed, "lacks element"))
        << missing;
  }
}

TEST(PckExtension, TruncatedOrLengthenedIsMalformed) {
  Bytes good = DerSequence(Five());
  strongroom::testing::ForEachTruncation(good, [](ByteView cut, std::size_t size) {
    EXPECT_THAT(ParsePckExtension(cut), Fails(Code::kMalformed, "")) << size;
  });
  good.push_back(0);
  EXPECT_THAT(ParsePckExtension(good), Fails(Code::kMalformed, ""));
}

// A changed byte is refused or changes what is read: nothing in the extension is ignored.
TEST(PckExtension, HasNoByteWithoutMeaning) {
  const Bytes good = testing::SgxExtension(testing::Recipe());
  const auto fields = [](const PlatformIdentity& p) {
    Writer w;
    w.Put(p.ppid.view())
        .Put(p.pce_id.view())
        .Put(p.fmspc.view())
        .Put(p.tcb_components)
        .U16Le(p.pce_svn);
    w.Put(p.cpu_svn.view()).U8(static_cast<std::uint8_t>(p.sgx_type));
    if (p.instance_id) w.Put(p.instance_id->view());
    for (const auto& flag : {p.dynamic_platform, p.cached_keys, p.smt_enabled})
      w.U8(flag ? (*flag ? 1 : 0) : 2);
    return w.bytes();
  };
  ASSERT_OK_AND_ASSIGN(const PlatformIdentity base, ParsePckExtension(good));
  strongroom::testing::ForEachFlippedByte(good, [&](ByteView changed, std::size_t offset) {
    const auto parsed = ParsePckExtension(changed);
    if (!parsed) return;
    EXPECT_NE(fields(*parsed), fields(base)) << offset;
  });
}

}  // namespace
}  // namespace strongroom::attest::dcap
