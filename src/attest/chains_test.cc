// Where a platform's certificate comes from and what it hangs on, over a platform of our own
// making.
#include <gtest/gtest.h>

#include "attest/quote.h"
#include "attest/testing/cases_of.h"
#include "attest/testing/test_platform.h"

namespace strongroom::attest {
namespace {

using strongroom::testing::Fails;
using testing::ErrorIds;
using testing::Keys;
using testing::Made;
using testing::Recipe;
using testing::TestKeys;
using Ids = std::set<std::string>;

Appraisal Verify(const Made& made) {
  return VerifySgxEvidence(made.quote, made.endorsements, made.anchors, made.now);
}

// The quote with other certification data: nobody signs that part.
Bytes WithCertificationData(const Bytes& quote, std::uint16_t type, ByteView data) {
  const std::size_t old = ParseQuote(quote)->certification_data.size();
  const ByteView kept = ByteView(quote).first(quote.size() - old - 6);
  Writer tail;
  tail.U16Le(type).Prefixed32Le(data);
  Writer out;
  out.Put(kept.first(432)).Prefixed32Le(Concat({kept.subspan(436), tail.bytes()}));
  return std::move(out).Finish();
}

// Types 1 to 3: a platform id (the test platform's PPID is sixteen times 0x77), CPUSVN, PCESVN, PCE
// id.
Bytes PlatformData(ByteView ppid, std::uint8_t pce_id = 0) {
  Writer w;
  w.Put(ppid).Put(Bytes(16, 10)).U16Le(10).U8(pce_id).U8(0);
  return std::move(w).Finish();
}

TEST(Chains, SignedByAnotherKeyUnderTheSameNamesAreRefused) {
  ASSERT_OK_AND_ASSIGN(const Keys stranger, Keys::Generate());
  ASSERT_OK_AND_ASSIGN(const Made theirs, testing::Make(Recipe(), stranger));
  ASSERT_OK_AND_ASSIGN(Made made, testing::Make(Recipe(), TestKeys()));
  // Their quote, our endorsements: same names all the way, other keys.
  made.quote = theirs.quote;
  EXPECT_EQ(ErrorIds(Verify(made).findings), Ids{"dcap.pck.root"});
  // Both trusted: a chain of one root does not mix with documents of the other.
  made.anchors.Add(*theirs.anchors.all().begin());
  EXPECT_EQ(ErrorIds(Verify(made).findings), Ids{"dcap.pck.root"});
  made.endorsements.tcb_info = theirs.endorsements.tcb_info;
  made.endorsements.tcb_info_issuer_chain = theirs.endorsements.tcb_info_issuer_chain;
  const Appraisal mixed = Verify(made);
  EXPECT_TRUE(mixed.Has("dcap.endorsements.mixed-roots"));
  EXPECT_FALSE(mixed.claims.has_value());
}

TEST(Chains, ThatEndInAForgedLeafAreRefused) {
  // Only the leaf is a stranger's; CA and root are byte for byte the genuine ones.
  Keys keys = TestKeys();
  ASSERT_OK_AND_ASSIGN(Made made, testing::Make(Recipe(), keys));
  ASSERT_OK_AND_ASSIGN(keys.ca, crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  ASSERT_OK_AND_ASSIGN(const Made forged, testing::Make(Recipe(), keys));
  const auto leaf_of = [](const Made& from) {
    return from.pck_chain.substr(0, from.pck_chain.find("-----END") + 26);
  };
  std::string chain = made.pck_chain;
  chain.replace(0, leaf_of(made).size(), leaf_of(forged));
  made.quote = WithCertificationData(made.quote, 5, AsBytes(chain));
  EXPECT_EQ(ErrorIds(Verify(made).findings), Ids{"dcap.pck.chain"});
}

TEST(CertificationData, MayNameThePlatformWhoseCertificateComesBeside) {
  const struct {
    std::uint16_t type;
    std::size_t ppid_bytes;
  } rows[] = {{1, 16}, {3, 384}};
  for (const auto& row : rows) {
    SCOPED_TRACE(row.type);
    ASSERT_OK_AND_ASSIGN(Made made, testing::Make(Recipe(), TestKeys()));
    made.quote =
        WithCertificationData(made.quote, row.type, PlatformData(Bytes(row.ppid_bytes, 0x77)));
    EXPECT_EQ(ErrorIds(Verify(made).findings), Ids{"dcap.pck.missing"});
    made.endorsements.pck_certificate_chain = made.pck_chain;
    EXPECT_OK(Verify(made).ToResult());
    // In any order: the names tell which is which.
    ASSERT_OK_AND_ASSIGN(auto chain, crypto::Certificate::ChainFromPem(made.pck_chain, 3));
    made.endorsements.pck_certificate_chain = crypto::ChainToPem({chain[2], chain[0], chain[1]});
    EXPECT_OK(Verify(made).ToResult());
    made.endorsements.pck_certificate_chain = crypto::ChainToPem({chain[0], chain[1]});
    EXPECT_EQ(ErrorIds(Verify(made).findings), Ids{"dcap.pck.malformed"});
    made.endorsements.pck_certificate_chain = crypto::ChainToPem({chain[0], chain[0], chain[2]});
    EXPECT_EQ(ErrorIds(Verify(made).findings), Ids{"dcap.pck.chain"});
  }
}

TEST(CertificationData, ThatNamesAnotherPlatformIsRefused) {
  ASSERT_OK_AND_ASSIGN(const Made good, testing::Make(Recipe(), TestKeys()));
  const struct {
    const char* name;
    std::uint16_t type;
    Bytes data;
  } rows[] = {{"another PPID", 1, PlatformData(Bytes(16, 0x78))},
              {"another PCE id", 3, PlatformData(Bytes(384, 0x77), 1)},
              {"cut before the PCE id", 3, Bytes(403, 0x77)},
              {"cut within the PPID", 1, Bytes(15, 0x77)}};
  for (const auto& row : rows) {
    Made made = good;
    made.quote = WithCertificationData(made.quote, row.type, row.data);
    made.endorsements.pck_certificate_chain = made.pck_chain;
    EXPECT_EQ(ErrorIds(Verify(made).findings), Ids{"dcap.pck.other-platform"}) << row.name;
  }
}

TEST(CertificationData, OfTypesWithoutAWholeChainIsUnsupported) {
  ASSERT_OK_AND_ASSIGN(Made made, testing::Make(Recipe(), TestKeys()));
  made.endorsements.pck_certificate_chain = made.pck_chain;
  const Bytes good = made.quote;
  for (const std::uint16_t type : {std::uint16_t{2}, std::uint16_t{4}}) {
    made.quote = WithCertificationData(good, type, PlatformData(Bytes(256, 0x77)));
    EXPECT_THAT(Verify(made).ToResult(), Fails(Code::kUnsupported, "[dcap.pck.missing]")) << type;
  }
}

// What lies beside never replaces what the quote carries.
TEST(CertificationData, ThatIsAChainIsUsedAndNoOther) {
  ASSERT_OK_AND_ASSIGN(Made made, testing::Make(Recipe(), TestKeys()));
  made.endorsements.pck_certificate_chain = "no chain";
  EXPECT_OK(Verify(made).ToResult());
  made.endorsements.pck_certificate_chain = made.pck_chain;
  made.quote = WithCertificationData(made.quote, 5, AsBytes("no chain"));
  EXPECT_EQ(ErrorIds(Verify(made).findings), Ids{"dcap.pck.malformed"});
}

}  // namespace
}  // namespace strongroom::attest
