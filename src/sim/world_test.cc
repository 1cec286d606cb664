#include "sim/world.h"

#include <algorithm>
#include <set>

#include "attest/quote.h"
#include "attest/verifier.h"
#include "base/entropy.h"
#include "crypto/sgx_signing.h"
#include "crypto/x509.h"
#include "sim/collateral.h"
#include "sim/evidence.h"
#include "sim/keys.h"
#include "sim/well_known.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::sim {
namespace {

using attest::TcbStatus;
using testing::Fails;

constexpr UnixSeconds kNow{1'795'000'000};  // 2026-11-18

const World& TestWorld() {
  static const World world = [] {
    SystemEntropy entropy;
    return World::Create(entropy, kNow).value();
  }();
  return world;
}

const Platform& TestPlatform(std::string_view name = kDefaultPlatform) {
  return *TestWorld().FindPlatform(name).value();
}

attest::TrustAnchors Anchors() { return attest::TrustAnchors().Add(TestWorld().anchor()); }

EnclaveIdentity TestEnclave() {
  EnclaveIdentity enclave;
  enclave.mrenclave.writable()[0] = 0xe1;
  enclave.mrsigner.writable()[0] = 0x51;
  enclave.isv_prod_id = 7;
  enclave.isv_svn = 3;
  return enclave;
}

attest::ReportData TestReportData() {
  attest::ReportData data;
  data.writable()[0] = 1;
  data.writable()[63] = 2;
  return data;
}

std::vector<std::string> ErrorsOf(const std::vector<attest::Finding>& findings) {
  std::set<std::string> ids;
  for (const auto& finding : findings) {
    if (finding.severity == attest::Severity::kError) ids.insert(finding.id);
  }
  return {ids.begin(), ids.end()};
}

attest::Appraisal Appraise(const Platform& platform, const std::set<QuoteFault>& quote_faults = {},
                           const CollateralOptions& options = {}) {
  const auto quote =
      IssueQuote(TestWorld(), platform, TestEnclave(), TestReportData(), quote_faults);
  const auto endorsements = Collateral(TestWorld(), options).For(platform, kNow);
  EXPECT_OK(quote);
  EXPECT_OK(endorsements);
  return attest::VerifySgxEvidence(*quote, *endorsements, Anchors(), kNow);
}

TEST(Evidence, CarriesWhatTheEnclaveIsAndSays) {
  const auto appraisal = Appraise(TestPlatform());
  ASSERT_TRUE(appraisal.claims.has_value()) << ErrorOf(appraisal.findings).ToString();
  const auto& claims = *appraisal.claims;
  EXPECT_EQ(claims.mrenclave(), TestEnclave().mrenclave);
  EXPECT_EQ(claims.mrsigner(), TestEnclave().mrsigner);
  EXPECT_EQ(claims.isv_prod_id(), 7);
  EXPECT_EQ(claims.isv_svn(), 3);
  EXPECT_FALSE(claims.debug());
  EXPECT_EQ(claims.report_data(), TestReportData());
  EXPECT_EQ(claims.anchor(), TestWorld().anchor());
  EXPECT_EQ(claims.tcb().status, TcbStatus::kUpToDate);
  EXPECT_EQ(claims.platform().ppid, TestPlatform().identity().ppid);
  EXPECT_EQ(claims.platform().instance_id, TestPlatform().identity().instance_id);
}

TEST(Evidence, IsRefusedWithoutTheTestRootAmongTheAnchors) {
  const auto quote = IssueQuote(TestWorld(), TestPlatform(), TestEnclave(), TestReportData());
  const auto endorsements = Collateral(TestWorld(), {}).For(TestPlatform(), kNow);
  ASSERT_OK(quote);
  ASSERT_OK(endorsements);
  const auto appraisal =
      attest::VerifySgxEvidence(*quote, *endorsements, attest::TrustAnchors::Intel(), kNow);
  EXPECT_FALSE(appraisal.claims.has_value());
}

TEST(Evidence, OfEveryPlatformComesToTheVerdictThatItsModelPromises) {
  std::set<TcbStatus> seen;
  for (const Platform& platform : TestWorld().platforms()) {
    SCOPED_TRACE(platform.model().name);
    const auto appraisal = Appraise(platform);
    ASSERT_EQ(appraisal.claims.has_value(), platform.model().verdict.has_value())
        << ::testing::PrintToString(ErrorsOf(appraisal.findings));
    if (!appraisal.claims.has_value()) continue;
    EXPECT_EQ(appraisal.claims->tcb().status, *platform.model().verdict);
    seen.insert(appraisal.claims->tcb().status);
  }
  EXPECT_EQ(seen.size(), 6U) << "every status but Revoked, which the verifier refuses";
}

TEST(Evidence, OfRefusedPlatformsIsRefusedForItsOwnReason) {
  const std::pair<std::string_view, std::string> rows[] = {
      {"tcb-revoked", "dcap.tcb.revoked"},
      {"tcb-unsupported", "dcap.tcb.not-supported"},
      {"pck-revoked", "dcap.pck.revoked"}};
  for (const auto& [name, finding] : rows) {
    EXPECT_EQ(ErrorsOf(Appraise(TestPlatform(name)).findings), std::vector{finding}) << name;
  }
}

TEST(Evidence, OfADebugEnclaveIsRefused) {
  EnclaveIdentity enclave = TestEnclave();
  enclave.debug = true;
  ASSERT_OK_AND_ASSIGN(const Bytes quote,
                       IssueQuote(TestWorld(), TestPlatform(), enclave, TestReportData()));
  ASSERT_OK_AND_ASSIGN(const auto endorsements,
                       Collateral(TestWorld(), {}).For(TestPlatform(), kNow));
  const auto appraisal = attest::VerifySgxEvidence(quote, endorsements, Anchors(), kNow);
  EXPECT_EQ(ErrorsOf(appraisal.findings), std::vector<std::string>{"sgx.debug-enclave"});
}

TEST(QuoteFaults, AreFoundEachForItsOwnReason) {
  using enum QuoteFault;
  struct Row {
    QuoteFault fault;
    std::vector<std::string> errors;
  };
  const Row rows[] = {
      {kQuoteSignature, {"dcap.quote.signature"}},
      {kBodyChanged, {"dcap.quote.signature"}},
      {kQeReportSignature, {"dcap.qe-report.signature"}},
      {kQeReportChanged, {"dcap.qe-report.signature"}},
      {kAttestationKeySwapped, {"dcap.qe-report.binding"}},
      {kForeignQe, {"dcap.qe-identity.mismatch"}},
      {kDebugQe, {"dcap.qe-identity.mismatch"}},
      {kQeReportDataTail, {"dcap.qe-report.binding"}},
      {kForeignRoot, {"dcap.pck.root"}},
      {kOtherPlatformsPck, {"dcap.qe-report.signature"}},
      {kVendorId, {"dcap.quote.vendor"}},
      {kVersion, {"dcap.quote.unsupported"}},
      {kTrailingBytes, {"dcap.quote.malformed"}},
  };
  for (const Row& row : rows) {
    const auto appraisal = Appraise(TestPlatform(), {row.fault});
    EXPECT_FALSE(appraisal.claims.has_value()) << static_cast<int>(row.fault);
    EXPECT_EQ(ErrorsOf(appraisal.findings), row.errors) << static_cast<int>(row.fault);
  }
}

TEST(CollateralFaults, AreFoundEachForItsOwnReason) {
  using enum CollateralFault;
  struct Row {
    CollateralFault fault;
    std::string error;
  };
  const Row rows[] = {
      {kExpired, "dcap.root-crl.time"},
      {kNotYetValid, "dcap.root-crl.time"},
      {kTcbInfoSignature, "dcap.tcb-info.signature"},
      {kTcbInfoChanged, "dcap.tcb-info.signature"},
      {kQeIdentitySignature, "dcap.qe-identity.signature"},
      {kQeIdentityOfOtherEnclave, "dcap.qe-identity.mismatch"},
      {kPckCrlOfOtherCa, "dcap.pck-crl.other-ca"},
      {kPckCrlSignature, "dcap.pck-crl.signature"},
      {kRootCrlSignature, "dcap.root-crl.signature"},
      {kTcbInfoOfOtherFmspc, "dcap.tcb-info.other-fmspc"},
      {kTcbSigningRevoked, "dcap.tcb-info.revoked"},
      {kPlatformCaRevoked, "dcap.pck-ca.revoked"},
  };
  for (const Row& row : rows) {
    const auto appraisal = Appraise(TestPlatform(), {}, {.faults = {row.fault}, .statuses = {}});
    EXPECT_FALSE(appraisal.claims.has_value()) << row.error;
    EXPECT_THAT(ErrorsOf(appraisal.findings), ::testing::Contains(row.error));
  }
}

TEST(Collateral, GivesAPlatformAnotherStatusWhenAsked) {
  const auto appraisal = Appraise(
      TestPlatform(), {}, {.faults = {}, .statuses = {{"up-to-date", TcbStatus::kOutOfDate}}});
  ASSERT_TRUE(appraisal.claims.has_value());
  EXPECT_EQ(appraisal.claims->tcb().status, TcbStatus::kOutOfDate);
  EXPECT_THAT(
      Collateral(TestWorld(), {.faults = {}, .statuses = {{"nowhere", TcbStatus::kOutOfDate}}})
          .TcbInfo(TestPlatform().model().fmspc, kNow),
      Fails(Code::kNotFound, "no simulated platform \"nowhere\""));
}

TEST(Collateral, KnowsOnlyItsOwnPlatforms) {
  EXPECT_THAT(Collateral(TestWorld(), {}).TcbInfo(attest::Fmspc(), kNow),
              Fails(Code::kNotFound, "no TCB info for FMSPC 000000000000"));
}

TEST(Collateral, EndsAfterThirtyDays) {
  ASSERT_OK_AND_ASSIGN(const auto endorsements,
                       Collateral(TestWorld(), {}).For(TestPlatform(), kNow));
  EXPECT_TRUE(attest::PrepareEndorsements(endorsements, Anchors(), kNow + 29 * 86400).endorsements);
  EXPECT_FALSE(
      attest::PrepareEndorsements(endorsements, Anchors(), kNow + 31 * 86400).endorsements);
}

TEST(World, SaysTestInItsRootsName) {
  ASSERT_OK_AND_ASSIGN(const auto root,
                       crypto::Certificate::FromPem(TestWorld().root_certificate_pem()));
  EXPECT_NE(root.fields().subject.common_name.find("TEST"), std::string::npos);
}

TEST(World, IsTheSameAfterItWasWrittenAndRead) {
  ASSERT_OK_AND_ASSIGN(const SecretBytes text, TestWorld().Serialize());
  ASSERT_OK_AND_ASSIGN(const World read, World::Parse(text.Reveal()));
  EXPECT_EQ(read.anchor(), TestWorld().anchor());
  ASSERT_EQ(read.platforms().size(), PlatformModels().size());
  const Platform& before = TestPlatform();
  ASSERT_OK_AND_ASSIGN(const Platform* after, read.FindPlatform(kDefaultPlatform));
  EXPECT_EQ(after->pck_chain_pem(), before.pck_chain_pem());
  EXPECT_EQ(DeriveSealingKey(*after, TestEnclave(), SealBinding::kSigner).value(),
            DeriveSealingKey(before, TestEnclave(), SealBinding::kSigner).value());
  ASSERT_OK_AND_ASSIGN(const Bytes quote,
                       IssueQuote(read, *after, TestEnclave(), TestReportData()));
  ASSERT_OK_AND_ASSIGN(const auto endorsements, Collateral(TestWorld(), {}).For(before, kNow));
  EXPECT_TRUE(attest::VerifySgxEvidence(quote, endorsements, Anchors(), kNow).claims.has_value());
}

// The file as it would be if there were one platform: everything it holds, once.
std::string SmallFile() {
  const SecretBytes whole = TestWorld().Serialize().value();
  const std::string_view text = AsText(whole.Reveal());
  const std::size_t second = text.find(R"(,{"name":)");
  return std::string(text.substr(0, second)) + "]}";
}

TEST(World, IsNotReadFromATruncatedFile) {
  const std::string small = SmallFile();
  EXPECT_THAT(World::Parse(AsBytes(small)),
              Fails(Code::kUnsupported, "simulated world without platform"));
  testing::ForEachTruncation(AsBytes(small), [](ByteView cut, std::size_t size) {
    EXPECT_THAT(World::Parse(cut), Fails(Code::kMalformed, "")) << size;
  });
  ASSERT_OK_AND_ASSIGN(const SecretBytes text, TestWorld().Serialize());
  for (std::size_t size = 0; size < text.size(); size += 97)
    EXPECT_THAT(World::Parse(text.Reveal().first(size)), Fails(Code::kMalformed, "")) << size;
}

// Each takes the reading of all keys before it, so this is a sample; the parsers of keys and
// certificates have every offset of theirs changed in tests of their own.
TEST(World, WithAFlippedByteIsRefusedOrAnotherInOnePlaceAtMost) {
  const std::string small = SmallFile();
  const auto flipped = [](std::string_view text, std::size_t offset) {
    Bytes bytes = ToBytes(AsBytes(text));
    bytes[offset] ^= 1;
    return World::Parse(bytes);
  };
  for (std::size_t offset = 0; offset < small.size(); offset += 61) {
    const auto read = flipped(small, offset);
    ASSERT_FALSE(read.has_value()) << offset;
    EXPECT_THAT(read.error().code(), ::testing::AnyOf(Code::kMalformed, Code::kUnsupported))
        << offset << ": " << read.error().ToString();
  }
  ASSERT_OK_AND_ASSIGN(const SecretBytes text, TestWorld().Serialize());
  for (std::size_t offset = 0; offset < text.size(); offset += 2003) {
    const auto read = flipped(AsText(text.Reveal()), offset);
    if (!read.has_value()) continue;
    ASSERT_EQ(read->platforms().size(), TestWorld().platforms().size()) << offset;
    ASSERT_OK_AND_ASSIGN(const SecretBytes again, read->Serialize());
    ASSERT_EQ(again.size(), text.size()) << offset;
    EXPECT_LE(std::ranges::mismatch(again.Reveal(), text.Reveal()).in1 - again.Reveal().begin(),
              static_cast<std::ptrdiff_t>(offset));
    EXPECT_NE(again.Reveal()[offset], text.Reveal()[offset]) << offset;
  }
}

TEST(World, OfAnotherFormatIsRefused) {
  EXPECT_THAT(World::Parse(AsBytes(R"({"format":"strongroom-simulated-world/2"})")),
              Fails(Code::kUnsupported, "wanted \"strongroom-simulated-world/1\""));
}

TEST(World, NamesItsPlatformsWhenAnotherIsAskedFor) {
  EXPECT_THAT(TestWorld().FindPlatform("sgx"),
              Fails(Code::kNotFound, "no simulated platform \"sgx\", wanted one of up-to-date"));
}

TEST(SealingKey, IsOfItsPlatformItsBindingAndItsEnclave) {
  const auto key = [](const EnclaveIdentity& enclave, SealBinding binding,
                      std::string_view platform = kDefaultPlatform) {
    return DeriveSealingKey(TestPlatform(platform), enclave, binding).value();
  };
  const EnclaveIdentity enclave = TestEnclave();
  const SecretBytes by_signer = key(enclave, SealBinding::kSigner);
  const SecretBytes by_enclave = key(enclave, SealBinding::kEnclave);
  EXPECT_EQ(by_signer.size(), 16U);
  EXPECT_EQ(by_signer, key(enclave, SealBinding::kSigner));
  EXPECT_FALSE(by_signer == by_enclave);
  EXPECT_FALSE(by_signer == key(enclave, SealBinding::kSigner, "up-to-date-2"));

  EnclaveIdentity rebuilt = enclave;
  rebuilt.mrenclave.writable()[1] = 1;
  EXPECT_EQ(by_signer, key(rebuilt, SealBinding::kSigner)) << "a rebuilt program reads its state";
  EXPECT_FALSE(by_enclave == key(rebuilt, SealBinding::kEnclave));

  for (const auto change :
       {+[](EnclaveIdentity& e) { e.mrsigner.writable()[1] = 1; },
        +[](EnclaveIdentity& e) { e.isv_prod_id = 8; }, +[](EnclaveIdentity& e) { e.isv_svn = 4; },
        +[](EnclaveIdentity& e) { e.debug = true; }}) {
    EnclaveIdentity other = enclave;
    change(other);
    EXPECT_FALSE(by_signer == key(other, SealBinding::kSigner));
  }
}

TEST(WellKnownWorld, IsWholeAndSaysTest) {
  ASSERT_OK_AND_ASSIGN(const World world, WellKnownWorld());
  EXPECT_EQ(world.platforms().size(), PlatformModels().size());
  ASSERT_OK_AND_ASSIGN(const auto root, crypto::Certificate::FromPem(world.root_certificate_pem()));
  EXPECT_THAT(root.fields().subject.rfc2253, ::testing::HasSubstr("TEST"));
  ASSERT_OK_AND_ASSIGN(const crypto::PrivateKey signer, WellKnownSigningKey());
  EXPECT_OK(crypto::SgxSigningModulus(signer.public_key()));
}

}  // namespace
}  // namespace strongroom::sim
