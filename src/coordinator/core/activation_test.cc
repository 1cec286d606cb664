#include "coordinator/core/activation.h"

#include <thread>

#include "base/encoding.h"
#include "coordinator/core/coordinator.h"
#include "coordinator/core/testing/stage.h"
#include "crypto/oid.h"
#include "testing/result_matchers.h"

namespace strongroom::coordinator {
namespace {

using strongroom::testing::Fails;
using testing::MakeServer;
using testing::Stage;

class ActivationTest : public ::testing::Test {
 protected:
  ActivationTest() { stage_.WithManifest(); }

  Result<ActivationGrant> Activate(const std::string& marble) {
    ASSIGN_OR_RETURN(const ActivationRequest request, stage_.Request(marble, stage_.server));
    return stage_.core().Activate(request);
  }
  std::string LastAudit() {
    const auto page = stage_.core().Audit(stage_.owner.certificate.der(), 1, 1000);
    EXPECT_OK(page);
    return page->entries.back();
  }

  Stage stage_;
};

TEST_F(ActivationTest, GivesCertificateParametersAndArguments) {
  ASSERT_OK_AND_ASSIGN(const ActivationGrant grant, Activate("server"));
  const crypto::CertificateFields& leaf = grant.leaf.fields();
  EXPECT_EQ(leaf.subject.common_name, testing::kTestUuid);
  EXPECT_THAT(leaf.dns_names, ::testing::ElementsAre("server", "localhost"));
  EXPECT_EQ((leaf.not_after - leaf.not_before) / kDay, kLeafDays);
  const crypto::Extension* type = grant.leaf.FindExtension(crypto::oid::kMarbleType);
  ASSERT_NE(type, nullptr);
  EXPECT_EQ(AsText(type->value), "server");
  const crypto::Extension* anchor = grant.leaf.FindExtension(crypto::oid::kTrustAnchor);
  ASSERT_NE(anchor, nullptr) << "a root other than Intel's is shown";
  EXPECT_TRUE(Equal(ByteView(anchor->value).subspan(2), testing::TestWorld().anchor().view()));

  ASSERT_OK_AND_ASSIGN(const auto certified, grant.leaf.public_key());
  EXPECT_EQ(certified, stage_.owner.key.public_key()) << "the key of the request is certified";
  EXPECT_FALSE(grant.leaf_key);
  EXPECT_THAT(grant.argv, ::testing::ElementsAre("server", "--verbose"));
  EXPECT_EQ(AsText(grant.parameters.files.at("/etc/plain").Reveal()), "text");
  EXPECT_EQ(grant.parameters.env.at("SHARED").size(), 64U);
  EXPECT_TRUE(grant.marblerun_style);
}

TEST_F(ActivationTest, OnlyAMarbleDeclaredMarbleRunStyleGetsItsKeyIntoTheEnvironment) {
  ASSERT_OK_AND_ASSIGN(const ActivationGrant silent, Activate("limited"));
  EXPECT_FALSE(silent.marblerun_style) << "nothing was declared";
  ASSERT_OK_AND_ASSIGN(const ActivationGrant declared, Activate("server"));
  EXPECT_TRUE(declared.marblerun_style);
}

TEST_F(ActivationTest, AnUndeclaredMarbleGetsPrivateKeysByItsEnvironmentInMarbleRunsDialectOnly) {
  EXPECT_THAT(Activate("keyed"), Fails(Code::kDenied, "declared \"Activation\": \"marblerun\""));
  ASSERT_OK_AND_ASSIGN(const ActivationRequest request,
                       stage_.MarbleRunRequest("keyed", stage_.server));
  ASSERT_OK_AND_ASSIGN(const ActivationGrant grant, stage_.core().Activate(request));
  EXPECT_THAT(std::string(AsText(grant.parameters.env.at("KEY").Reveal())),
              ::testing::HasSubstr("PRIVATE KEY"));
}

TEST_F(ActivationTest, NamesComeFromTheManifestOnly) {
  ASSERT_OK(stage_.UploadKey());
  ASSERT_OK_AND_ASSIGN(const ActivationGrant grant, Activate("modern"));
  EXPECT_THAT(grant.leaf.fields().dns_names, ::testing::ElementsAre("digits.example"));
  EXPECT_THAT(grant.leaf.fields().ip_addresses, ::testing::ElementsAre("10.0.0.1"));
}

TEST_F(ActivationTest, GivesAModelWithItsKeyFilesAndClients) {
  ASSERT_OK(stage_.UploadKey(7));
  ASSERT_OK_AND_ASSIGN(const ActivationGrant grant, Activate("modern"));
  ASSERT_EQ(grant.models.size(), 1U);
  const ModelGrant& model = grant.models.front();
  EXPECT_EQ(model.name, "digits");
  EXPECT_TRUE(Equal(model.key.Reveal(), Bytes(16, 7)));
  EXPECT_EQ(model.files.count("1/model.onnx"), 1U);
  ASSERT_EQ(model.client_certificates.size(), 1U);
  EXPECT_TRUE(Equal(model.client_certificates.front(), stage_.client.certificate.der()));
  EXPECT_FALSE(grant.marblerun_style);
}

TEST_F(ActivationTest, WaitsForAKeyThatIsNotThereYet) {
  EXPECT_THAT(Activate("modern"), Fails(Code::kPrecondition, "not uploaded yet"));
  EXPECT_THAT(Activate("tokens"), Fails(Code::kPrecondition, "TOKEN"));
}

TEST_F(ActivationTest, DerivesTheSameValueForTheSameInstanceOnly) {
  const auto own = [&](const std::string& uuid) -> std::string {
    auto request = stage_.Request("server", stage_.server);
    EXPECT_OK(request);
    request->uuid = uuid;
    const auto grant = stage_.core().Activate(*request);
    EXPECT_OK(grant);
    return ToText(grant->parameters.files.at("/etc/own").Reveal());
  };
  const std::string first = own(testing::kTestUuid);
  EXPECT_EQ(first.size(), 32U);
  EXPECT_EQ(own("123E4567-E89B-12D3-A456-426614174000"), first);
  EXPECT_NE(own("00000000-e89b-12d3-a456-426614174000"), first);
  stage_.Restart();
  EXPECT_EQ(own(testing::kTestUuid), first);
}

TEST_F(ActivationTest, MakesAFreshCertificateForEachInstance) {
  const auto certificate = [&] {
    const auto grant = Activate("certified");
    EXPECT_OK(grant);
    return ToText(grant->parameters.files.at("/cert.pem").Reveal());
  };
  EXPECT_NE(certificate(), certificate());
}

TEST_F(ActivationTest, RefusesANonceTwiceOnAnotherConnectionOrTooLate) {
  ASSERT_OK_AND_ASSIGN(const ActivationRequest request, stage_.Request("server", stage_.server, 1));
  ASSERT_OK(stage_.core().Activate(request));
  EXPECT_THAT(stage_.core().Activate(request), Fails(Code::kUntrusted, "was used before"));

  ASSERT_OK_AND_ASSIGN(ActivationRequest moved, stage_.Request("server", stage_.server, 1));
  moved.challenge->connection = 2;
  EXPECT_THAT(stage_.core().Activate(moved), Fails(Code::kUntrusted, "on this connection"));

  ASSERT_OK_AND_ASSIGN(const ActivationRequest late, stage_.Request("server", stage_.server, 1));
  stage_.clock.Set(testing::kStageTime + 61);
  EXPECT_THAT(stage_.core().Activate(late), Fails(Code::kUntrusted, "within the last minute"));
}

TEST_F(ActivationTest, RefusesARequestWithoutNonceOrKey) {
  ASSERT_OK_AND_ASSIGN(ActivationRequest bare, stage_.Request("server", stage_.server));
  bare.challenge.reset();
  EXPECT_THAT(stage_.core().Activate(bare), Fails(Code::kUntrusted, "no nonce"));
  ASSERT_OK_AND_ASSIGN(ActivationRequest keyless, stage_.Request("server", stage_.server));
  keyless.key.reset();
  EXPECT_THAT(stage_.core().Activate(keyless), Fails(Code::kMalformed, "no key to certify"));
}

TEST_F(ActivationTest, RefusesEvidenceOverOtherReportData) {
  ASSERT_OK_AND_ASSIGN(ActivationRequest request, stage_.Request("server", stage_.server));
  request.report_data.writable()[63] ^= 1;
  const int before = stage_.endorsements.asked();
  EXPECT_THAT(stage_.core().Activate(request), Fails(Code::kUntrusted, "evidence.report-data"));
  ASSERT_OK_AND_ASSIGN(request, stage_.Request("server", stage_.server));
  request.quote.resize(100);
  EXPECT_THAT(stage_.core().Activate(request), Fails(Code::kMalformed, "evidence.quote"));
  EXPECT_EQ(stage_.endorsements.asked(), before) << "asked for endorsements of what cannot pass";
}

struct Imposter {
  const char* name;
  const char* platform;
  void (*change)(sim::EnclaveIdentity&);
  Code code;
  const char* text;
};

class ImposterTest : public ::testing::TestWithParam<Imposter> {};

TEST_P(ImposterTest, GetsNothingAndIsToldWhy) {
  Stage stage;
  stage.WithManifest();
  sim::EnclaveIdentity identity = testing::ServerIdentity();
  GetParam().change(identity);
  ASSERT_OK_AND_ASSIGN(const sim::Platform* platform,
                       testing::TestWorld().FindPlatform(GetParam().platform));
  testing::SimIssuer issuer(testing::TestWorld(), *platform, identity);
  ASSERT_OK_AND_ASSIGN(const ActivationRequest request, stage.Request("server", issuer));
  EXPECT_THAT(stage.core().Activate(request), Fails(GetParam().code, GetParam().text));
  ASSERT_OK_AND_ASSIGN(const AuditPage page,
                       stage.core().Audit(stage.owner.certificate.der(), 1, 1000));
  EXPECT_THAT(page.entries.back(), ::testing::HasSubstr("activation-refused"));
  EXPECT_THAT(page.entries.back(), ::testing::HasSubstr(GetParam().text));
}

INSTANTIATE_TEST_SUITE_P(
    Rows, ImposterTest,
    ::testing::Values(
        Imposter{"OtherCode", "up-to-date", [](auto& id) { id.mrenclave.writable()[5] ^= 1; },
                 Code::kDenied, "package.unique-id"},
        Imposter{"DebugEnclave", "up-to-date", [](auto& id) { id.debug = true; }, Code::kUntrusted,
                 "sgx.debug-enclave"},
        Imposter{"OldPlatform", "out-of-date", [](auto&) {}, Code::kDenied, "package.tcb-status"}),
    [](const auto& row) { return row.param.name; });

TEST_F(ActivationTest, RefusesForgedEvidence) {
  testing::SimIssuer forger = MakeServer();
  for (const auto fault : {sim::QuoteFault::kQuoteSignature, sim::QuoteFault::kBodyChanged,
                           sim::QuoteFault::kForeignRoot, sim::QuoteFault::kTrailingBytes}) {
    forger.faults = {fault};
    ASSERT_OK_AND_ASSIGN(const ActivationRequest request, stage_.Request("server", forger));
    EXPECT_FALSE(stage_.core().Activate(request).has_value()) << static_cast<int>(fault);
  }
}

TEST_F(ActivationTest, TrustsOnlyTheRootsThatThePackageNames) {
  Stage strict;
  std::string text = strict.manifest();
  const std::string anchors =
      ", \"TrustAnchors\": [\"" + HexEncode(testing::TestWorld().anchor().view()) + "\"]";
  text.erase(text.find(anchors), anchors.size());
  ASSERT_OK(strict.core().SetManifest(AsBytes(text)));
  ASSERT_OK_AND_ASSIGN(const ActivationRequest request, strict.Request("server", strict.server));
  EXPECT_THAT(strict.core().Activate(request), Fails(Code::kUntrusted, "root"));
}

TEST_F(ActivationTest, AsksToComeBackWhenThereAreNoEndorsements) {
  stage_.endorsements.FailWith(Error(Code::kUnavailable, "the PCCS does not answer"));
  EXPECT_THAT(Activate("server"), Fails(Code::kUnavailable, "PCCS"));
}

TEST_F(ActivationTest, RefusesAnUnknownMarbleAndABadUuid) {
  EXPECT_THAT(Activate("nobody"), Fails(Code::kDenied, "no marble \"nobody\""));
  ASSERT_OK_AND_ASSIGN(ActivationRequest request, stage_.Request("server", stage_.server));
  request.uuid = "not-a-uuid";
  const auto result = stage_.core().Activate(request);
  EXPECT_THAT(result, Fails(Code::kMalformed, "no UUID"));
  EXPECT_EQ(result.error().finding(), kFindingUuid);
}

TEST_F(ActivationTest, CountsAgainstTheLimitOverRestarts) {
  ASSERT_OK(Activate("limited"));
  stage_.Restart();
  ASSERT_OK(Activate("limited"));
  EXPECT_THAT(Activate("limited"), Fails(Code::kDenied, "activated 2 times, wanted at most 2"));
  stage_.Restart();
  EXPECT_THAT(Activate("limited"), Fails(Code::kDenied, "wanted at most 2"));
}

TEST_F(ActivationTest, GivesThePlaceBackWhenItFails) {
  stage_.memory.FailWith(Error(Code::kExhausted, "disk full"));
  EXPECT_THAT(Activate("limited"), Fails(Code::kExhausted, "disk full"));
  EXPECT_THAT(Activate("limited"), Fails(Code::kExhausted, "disk full"));
  stage_.memory.FailWith(std::nullopt);
  EXPECT_OK(Activate("limited"));
  EXPECT_OK(Activate("limited"));
}

TEST_F(ActivationTest, LetsNoMoreInThanTheLimitWhenManyComeAtOnce) {
  std::atomic<int> in = 0;
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t i = 0; i < 8; ++i) {
      threads.emplace_back([&, i] {
        const auto request = stage_.Request("limited", stage_.server, i);
        if (request.has_value() && stage_.core().Activate(*request).has_value()) ++in;
      });
    }
  }
  EXPECT_EQ(in, 2);
}

TEST_F(ActivationTest, SpeaksMarbleRunsDialectWhereTheManifestLetsIt) {
  ASSERT_OK_AND_ASSIGN(const ActivationRequest request,
                       stage_.MarbleRunRequest("server", stage_.server));
  ASSERT_OK_AND_ASSIGN(const ActivationGrant grant, stage_.core().Activate(request));
  ASSERT_TRUE(grant.leaf_key);
  ASSERT_OK_AND_ASSIGN(const auto certified, grant.leaf.public_key());
  EXPECT_EQ(certified, grant.leaf_key->public_key());

  ASSERT_OK(stage_.UploadKey());
  ASSERT_OK_AND_ASSIGN(const ActivationRequest model,
                       stage_.MarbleRunRequest("modern", stage_.server));
  EXPECT_THAT(stage_.core().Activate(model), Fails(Code::kDenied, "may not activate"));
}

TEST_F(ActivationTest, IsInTheAuditLogBeforeItIsAnswered) {
  ASSERT_OK_AND_ASSIGN(const ActivationGrant grant, Activate("server"));
  const std::string entry = LastAudit();
  EXPECT_THAT(entry, ::testing::HasSubstr("\"activated\""));
  EXPECT_THAT(entry, ::testing::HasSubstr(HexEncode(grant.leaf.Fingerprint().view())));
  EXPECT_THAT(entry, ::testing::HasSubstr(HexEncode(testing::TestWorld().anchor().view())));
  EXPECT_THAT(entry, ::testing::HasSubstr("UpToDate"));
}

TEST_F(ActivationTest, RefusalsCannotFillTheAuditLog) {
  for (int i = 0; i < 300; ++i) static_cast<void>(Activate("nobody"));
  ASSERT_OK_AND_ASSIGN(const AuditPage page,
                       stage_.core().Audit(stage_.owner.certificate.der(), 1, 1000));
  EXPECT_LT(page.entries.size(), 150U);
  stage_.clock.Set(testing::kStageTime + 6);
  static_cast<void>(Activate("nobody"));
  EXPECT_THAT(LastAudit(), ::testing::HasSubstr("\"left-out-before\":\"200\""));
}

TEST_F(ActivationTest, RefusalsCannotFillTheLog) {
  ASSERT_OK_AND_ASSIGN(ActivationRequest request, stage_.Request("server", stage_.server));
  request.marble.assign(10'000, 'm');
  request.uuid.assign(10'000, 'u');
  request.challenge.reset();
  const std::size_t before = stage_.LogText().size();
  for (int i = 0; i < 300; ++i) static_cast<void>(stage_.core().Activate(request));
  const std::string log = stage_.LogText().substr(before);
  EXPECT_EQ(std::ranges::count(log, '\n'), 100) << "as many as the audit log tells";
  EXPECT_LT(log.size(), 100U * 400);
  EXPECT_THAT(log, ::testing::HasSubstr("activation refused marble=mmm"));
  stage_.clock.Set(testing::kStageTime + 6);
  static_cast<void>(stage_.core().Activate(request));
  EXPECT_THAT(stage_.LogText(), ::testing::HasSubstr("left_out_before=200"));
}

TEST(StateTest, NobodyIsActivatedBeforeAManifest) {
  Stage stage;
  ASSERT_OK_AND_ASSIGN(const ActivationRequest request, stage.Request("server", stage.server));
  const auto result = stage.core().Activate(request);
  EXPECT_THAT(result, Fails(Code::kPrecondition, "no manifest is in force"));
  EXPECT_EQ(result.error().finding(), kFindingState);
}

}  // namespace
}  // namespace strongroom::coordinator
