#include "agent/activation.h"

#include <gtest/gtest.h>

#include "agent/testing/fake_coordinator.h"
#include "crypto/csr.h"
#include "testing/result_matchers.h"

namespace strongroom::agent {
namespace {

using testing::Behaviour;
using testing::ExpectedByIdentity;
using testing::FakeCoordinator;
using testing::SimEvidence;

class ActivationTest : public ::testing::Test {
 protected:
  std::expected<Activation, ActivationError> TryAt(const std::string& address,
                                                   const CoordinatorExpectation& expected) {
    WorkloadIdentity identity{
        address, "server", "6ba7b810-9dad-41d1-80b4-00c04fd430c8", {"localhost", "wish"}};
    return Activate(identity, expected, {evidence_, clock_, entropy_, floors_}, timeouts_);
  }
  std::expected<Activation, ActivationError> Try(
      const FakeCoordinator& coordinator,
      const CoordinatorExpectation& expected = ExpectedByIdentity()) {
    return TryAt(coordinator.address(), expected);
  }

  // That the attempt fails at this stage with this text, and what the coordinator saw of it.
  void ExpectFailure(const FakeCoordinator& coordinator, const CoordinatorExpectation& expected,
                     Stage stage, std::string_view text) {
    const auto result = Try(coordinator, expected);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().stage, stage) << result.error().error.ToString();
    EXPECT_THAT(result.error().error.message(), ::testing::HasSubstr(text));
    if (stage != Stage::kTrust) return;
    EXPECT_EQ(coordinator.counts().challenges, 0)
        << "nothing but a nonce may be sent before the coordinator is trusted";
    EXPECT_EQ(coordinator.counts().activations, 0);
  }

  SimEvidence evidence_;
  FixedClock clock_{testing::kNow};
  SystemEntropy entropy_;
  collateral::Floors floors_;
  ActivationTimeouts timeouts_;
};

Behaviour WithAnswer() {
  Behaviour out;
  out.answer.set_marblerun_style(true);
  (*out.answer.mutable_parameters()->mutable_files())["/f"] = std::string("a\0b", 3);
  (*out.answer.mutable_parameters()->mutable_env())["E"] = "value";
  out.answer.mutable_parameters()->add_argv("program");
  v1::Model& model = *out.answer.add_models();
  model.set_name("digits");
  model.set_key("0123456789abcdef");
  model.set_embedded_prefix("prefix");
  (*model.mutable_files())["1/model.bin"] = std::string(32, 'x');
  model.add_client_certificates("der");
  return out;
}

TEST_F(ActivationTest, RefusesVariablesOfTheManifestThatChooseCode) {
  for (const char* name :
       {"LD_PRELOAD", "GLIBC_TUNABLES", "OPENSSL_CONF", "PYTHONPATH", "BASH_ENV",
        "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "CLASSPATH", "LUA_INIT", "DOTNET_STARTUP_HOOKS",
        "DOTNET_ADDITIONAL_DEPS", "CORECLR_PROFILER_PATH", "PHPRC", "PHP_INI_SCAN_DIR",
        "STRONGROOM_ATTESTATION_FD", "", "A=B"}) {
    Behaviour hostile = WithAnswer();
    (*hostile.answer.mutable_parameters()->mutable_env())[name] = "x";
    const auto coordinator = FakeCoordinator::Start(std::move(hostile));
    const auto activation = Try(*coordinator);
    ASSERT_FALSE(activation.has_value()) << name;
    EXPECT_EQ(activation.error().error.code(), Code::kDenied) << name;
  }
}

TEST_F(ActivationTest, BringsEverythingFromTheCoordinatorThatProvesItself) {
  const auto coordinator = FakeCoordinator::Start(WithAnswer());
  const auto activation = Try(*coordinator);
  ASSERT_TRUE(activation.has_value()) << activation.error().error.ToString();
  EXPECT_EQ(AsText(activation->files.at("/f").Reveal()), std::string_view("a\0b", 3));
  EXPECT_EQ(AsText(activation->env.at("E").Reveal()), "value");
  EXPECT_THAT(activation->argv, ::testing::ElementsAre("program"));
  EXPECT_TRUE(activation->marblerun_style);
  ASSERT_EQ(activation->models.size(), 1U);
  EXPECT_EQ(AsText(activation->models[0].key.Reveal()), "0123456789abcdef");
  EXPECT_EQ(activation->models[0].embedded_prefix, "prefix");
  EXPECT_EQ(activation->models[0].files.at("1/model.bin").size(), 32U);
  EXPECT_EQ(activation->models[0].client_certificates.at(0), ToBytes("der"));
  ASSERT_OK_AND_ASSIGN(const auto chain,
                       crypto::Certificate::ChainFromPem(activation->certificate_chain_pem, 4));
  ASSERT_OK_AND_ASSIGN(const auto key, chain.front().public_key());
  EXPECT_EQ(key, activation->key.public_key());
  EXPECT_EQ(coordinator->last_request().marble(), "server");
  EXPECT_EQ(coordinator->last_request().uuid(), "6ba7b810-9dad-41d1-80b4-00c04fd430c8");
  ASSERT_OK_AND_ASSIGN(const auto csr, crypto::CertificateRequest::FromDer(
                                           AsBytes(coordinator->last_request().csr())));
  EXPECT_THAT(csr.dns_names(), ::testing::ElementsAre("localhost", "wish"));
}

TEST_F(ActivationTest, BelievesNobodyWhenTheClockWasTurnedBackBeforeWhatTheConfigurationNames) {
  CoordinatorExpectation expected = ExpectedByIdentity();
  expected.not_before = testing::kNow + 1;
  ExpectFailure(*FakeCoordinator::Start({}), expected, Stage::kTrust, "the clock says 2026-");
  expected.not_before = testing::kNow;
  EXPECT_TRUE(Try(*FakeCoordinator::Start({}), expected).has_value());
}

TEST_F(ActivationTest, RefusesCollateralThatIsOlderThanWhatAnEarlierAttemptSaw) {
  EXPECT_TRUE(Try(*FakeCoordinator::Start({})).has_value());
  Behaviour older;
  --older.collateral.evaluation_number;
  ExpectFailure(*FakeCoordinator::Start(older), ExpectedByIdentity(), Stage::kTrust,
                "as seen before");
  floors_ = {};
  EXPECT_TRUE(Try(*FakeCoordinator::Start(older)).has_value()) << "by itself it is valid";
}

TEST_F(ActivationTest, MakesANewKeyForEveryAttempt) {
  const auto coordinator = FakeCoordinator::Start({});
  const auto first = Try(*coordinator), second = Try(*coordinator);
  ASSERT_TRUE(first.has_value() && second.has_value());
  EXPECT_FALSE(first->key.public_key() == second->key.public_key());
}

TEST_F(ActivationTest, AcceptsASignerWithProductAndVersion) {
  const auto coordinator = FakeCoordinator::Start({});
  CoordinatorExpectation expected = ExpectedByIdentity();
  expected.policy.mrenclave.reset();
  expected.policy.mrsigner = testing::CoordinatorEnclave().mrsigner;
  expected.policy.isv_prod_id = 3;
  expected.policy.min_isv_svn = 2;
  EXPECT_TRUE(Try(*coordinator, expected).has_value());
  expected.policy.min_isv_svn = 3;
  ExpectFailure(*FakeCoordinator::Start({}), expected, Stage::kTrust,
                "security version 2, wanted at least 3");
  expected.policy.min_isv_svn = 2;
  expected.policy.isv_prod_id = 4;
  ExpectFailure(*FakeCoordinator::Start({}), expected, Stage::kTrust, "product id 3, wanted 4");
}

TEST_F(ActivationTest, RefusesACoordinatorOfAnotherIdentity) {
  Behaviour behaviour;
  behaviour.enclave.mrenclave.writable()[0] ^= 1;
  ExpectFailure(*FakeCoordinator::Start(behaviour), ExpectedByIdentity(), Stage::kTrust,
                "MRENCLAVE");
}

TEST_F(ActivationTest, RefusesACoordinatorUnderARootThatIsNotNamed) {
  Behaviour behaviour;
  behaviour.world = &testing::ForeignWorld();
  ExpectFailure(*FakeCoordinator::Start(behaviour), ExpectedByIdentity(), Stage::kTrust, "");
  CoordinatorExpectation intel_only = ExpectedByIdentity();
  intel_only.anchors = attest::TrustAnchors::Intel();
  ExpectFailure(*FakeCoordinator::Start({}), intel_only, Stage::kTrust, "");
}

TEST_F(ActivationTest, RefusesADebugCoordinatorUnlessTold) {
  Behaviour behaviour;
  behaviour.enclave.debug = true;
  ExpectFailure(*FakeCoordinator::Start(behaviour), ExpectedByIdentity(), Stage::kTrust, "debug");
  CoordinatorExpectation expected = ExpectedByIdentity();
  expected.policy.insecure_accept_debug_enclaves = true;
  EXPECT_TRUE(Try(*FakeCoordinator::Start(behaviour), expected).has_value());
}

TEST_F(ActivationTest, RefusesAPlatformThatIsOutOfDateUnlessTold) {
  Behaviour behaviour;
  behaviour.collateral.statuses["up-to-date"] = attest::TcbStatus::kOutOfDate;
  ExpectFailure(*FakeCoordinator::Start(behaviour), ExpectedByIdentity(), Stage::kTrust,
                "OutOfDate");
  CoordinatorExpectation expected = ExpectedByIdentity();
  expected.policy.accepted_statuses.emplace(attest::TcbStatus::kOutOfDate, std::nullopt);
  EXPECT_TRUE(Try(*FakeCoordinator::Start(behaviour), expected).has_value());
}

TEST_F(ActivationTest, RefusesExpiredCollateral) {
  Behaviour behaviour;
  behaviour.collateral.faults = {sim::CollateralFault::kExpired};
  ExpectFailure(*FakeCoordinator::Start(behaviour), ExpectedByIdentity(), Stage::kTrust, "");
}

TEST_F(ActivationTest, RefusesEvidenceThatIsNotForThisConnection) {
  const auto genuine = FakeCoordinator::Start({});
  ASSERT_TRUE(Try(*genuine).has_value());
  Behaviour replaying;
  replaying.replay_evidence = genuine->last_evidence();
  ExpectFailure(*FakeCoordinator::Start(replaying), ExpectedByIdentity(), Stage::kTrust,
                "not for this connection");
  Behaviour other_key;
  other_key.other_server_key = true;
  ExpectFailure(*FakeCoordinator::Start(other_key), ExpectedByIdentity(), Stage::kTrust,
                "not for this connection");
  Behaviour old_nonce;
  old_nonce.ignore_nonce = true;
  ExpectFailure(*FakeCoordinator::Start(old_nonce), ExpectedByIdentity(), Stage::kTrust,
                "not for this connection");
}

TEST_F(ActivationTest, RefusesWhatIsNoEvidence) {
  Behaviour behaviour;
  behaviour.replay_evidence = Bytes{};
  ExpectFailure(*FakeCoordinator::Start(behaviour), ExpectedByIdentity(), Stage::kTrust, "");
  behaviour.replay_evidence = Bytes(1000, 0xff);
  ExpectFailure(*FakeCoordinator::Start(behaviour), ExpectedByIdentity(), Stage::kTrust, "");
}

TEST_F(ActivationTest, ReportsACoordinatorThatCannotProveItself) {
  Behaviour behaviour;
  behaviour.refuse_attest = Error(Code::kUnsupported, "no TEE here");
  ExpectFailure(*FakeCoordinator::Start(behaviour), ExpectedByIdentity(), Stage::kTrust,
                "no TEE here");
}

TEST_F(ActivationTest, ComesBackToACoordinatorThatTooManyAsk) {
  Behaviour behaviour;
  behaviour.refuse_attest = Error(Code::kExhausted, "too many quotes");
  ExpectFailure(*FakeCoordinator::Start(behaviour), ExpectedByIdentity(), Stage::kConnect,
                "too many quotes");
  Behaviour later;
  later.refuse = Error(Code::kExhausted, "too many request bodies");
  ExpectFailure(*FakeCoordinator::Start(later), ExpectedByIdentity(), Stage::kConnect,
                "too many request bodies");
}

TEST_F(ActivationTest, HoldsTheCoordinatorToThePinnedManifest) {
  CoordinatorExpectation expected = ExpectedByIdentity();
  expected.manifest = *crypto::Sha256Digest::From(Bytes(32, 0x42));
  EXPECT_TRUE(Try(*FakeCoordinator::Start({}), expected).has_value());
  Behaviour other;
  other.manifest_sha256 = Bytes(32, 0x43);
  ExpectFailure(*FakeCoordinator::Start(other), expected, Stage::kTrust, "manifest 4343");
  other.manifest_sha256 = {};
  ExpectFailure(*FakeCoordinator::Start(other), expected, Stage::kTrust, "manifest none");
}

TEST_F(ActivationTest, AcceptsThePinnedRootAndNoOther) {
  Behaviour no_evidence;
  no_evidence.replay_evidence = Bytes{};
  const auto coordinator = FakeCoordinator::Start(no_evidence),
             other = FakeCoordinator::Start(no_evidence);
  CoordinatorExpectation expected;
  expected.root = coordinator->root().Fingerprint();
  EXPECT_TRUE(Try(*coordinator, expected).has_value());
  ExpectFailure(*other, expected, Stage::kTrust, "root certificate");
}

TEST_F(ActivationTest, AcceptsAKeyThatThePinnedRootSigned) {
  Behaviour behaviour;
  behaviour.separate_mesh_key = true;
  const auto coordinator = FakeCoordinator::Start(behaviour);
  CoordinatorExpectation expected;
  expected.root = coordinator->root().Fingerprint();
  EXPECT_TRUE(Try(*coordinator, expected).has_value());
  EXPECT_TRUE(Try(*coordinator).has_value()) << "and the evidence names the key of the handshake";

  // Shows the right root and holds neither its key nor one that it signed.
  behaviour.separate_mesh_key = false;
  behaviour.stranger_mesh_key = true;
  const auto stranger = FakeCoordinator::Start(behaviour);
  expected.root = stranger->root().Fingerprint();
  ExpectFailure(*stranger, expected, Stage::kTrust, "did not sign the key of this connection");
}

TEST_F(ActivationTest, WantsIdentityAndRootWhenBothAreNamed) {
  const auto coordinator = FakeCoordinator::Start({}), other = FakeCoordinator::Start({});
  CoordinatorExpectation expected = ExpectedByIdentity();
  expected.root = coordinator->root().Fingerprint();
  EXPECT_TRUE(Try(*coordinator, expected).has_value());
  ExpectFailure(*other, expected, Stage::kTrust, "root certificate");
}

TEST_F(ActivationTest, TrustsNobodyByDefault) {
  ExpectFailure(*FakeCoordinator::Start({}), CoordinatorExpectation{}, Stage::kTrust,
                "no expectation");
}

TEST_F(ActivationTest, PassesOnWhyItWasRefused) {
  Behaviour behaviour;
  behaviour.refuse = Error(Code::kDenied, "MRENCLAVE aa, wanted bb [package.unique-id]");
  ExpectFailure(*FakeCoordinator::Start(behaviour), ExpectedByIdentity(), Stage::kRefused,
                "MRENCLAVE aa, wanted bb [package.unique-id]");
}

TEST_F(ActivationTest, TakesALostCoordinatorForUnreachable) {
  Behaviour behaviour;
  behaviour.refuse = Error(Code::kUnavailable, "no endorsements");
  ExpectFailure(*FakeCoordinator::Start(behaviour), ExpectedByIdentity(), Stage::kConnect,
                "no endorsements");
}

TEST_F(ActivationTest, RefusesACertificateForAnotherKey) {
  Behaviour behaviour;
  behaviour.certify_other_key = true;
  ExpectFailure(*FakeCoordinator::Start(behaviour), ExpectedByIdentity(), Stage::kRefused,
                "another key");
}

TEST_F(ActivationTest, IsRefusedWithEvidenceRecordedOnAnotherConnection) {
  const auto coordinator = FakeCoordinator::Start({});
  ASSERT_TRUE(Try(*coordinator).has_value());
  evidence_.replay = evidence_.last;
  ExpectFailure(*coordinator, ExpectedByIdentity(), Stage::kRefused, "report data");
}

TEST_F(ActivationTest, TellsThatTheTeeGaveNothing) {
  evidence_.failure = Error(Code::kUnavailable, "the TEE is gone");
  ExpectFailure(*FakeCoordinator::Start({}), ExpectedByIdentity(), Stage::kEvidence,
                "the TEE is gone");
}

TEST_F(ActivationTest, TellsThatNobodyIsThere) {
  std::uint16_t port = 0;
  {
    const auto gone = FakeCoordinator::Start({});
    port = gone->port();
  }
  const auto result = TryAt("127.0.0.1:" + std::to_string(port), ExpectedByIdentity());
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().stage, Stage::kConnect);
}

}  // namespace
}  // namespace strongroom::agent
