#include "coordinator/api/mesh_api.h"

#include <thread>

#include "attest/policy.h"
#include "base/encoding.h"
#include "coordinator/api/messages.h"
#include "coordinator/api/testing_clients.h"
#include "crypto/csr.h"
#include "marblerun.pb.h"
#include "ratls/activation_binding.h"
#include "strongroom/v1/coordinator.pb.h"
#include "testing/result_matchers.h"

namespace strongroom::coordinator {
namespace {

using net::GrpcStatus;
using strongroom::testing::Fails;
using ::testing::HasSubstr;
using testing::MakeActivateMessage;
using testing::MakeMarbleRunMessage;
using testing::ServedStage;

constexpr const char* kActivate = "/strongroom.v1.Coordinator/Activate";
constexpr const char* kMarbleRun = "/rpc.Marble/Activate";

class MeshApiTest : public ::testing::Test {
 protected:
  MeshApiTest() { served_.stage.WithManifest(); }

  net::GrpcOutcome Call(net::GrpcChannel& channel, const char* method, ByteView message) {
    auto outcome = channel.CallForOutcome(method, message);
    EXPECT_OK(outcome);
    return *std::move(outcome);
  }
  // Changes one thing about an activation that is otherwise right.
  net::GrpcOutcome ActivateWith(const std::function<void(v1::ActivateRequest&)>& change) {
    auto channel = served_.Channel();
    const auto message = MakeActivateMessage(*channel, served_.stage.server, "server", key_);
    EXPECT_OK(message);
    auto request = ParseMessage<v1::ActivateRequest>(*message);
    EXPECT_OK(request);
    change(*request);
    return Call(*channel, kActivate, *SerializeMessage(*request));
  }

  ServedStage served_;
  crypto::PrivateKey key_ = *crypto::PrivateKey::Generate(crypto::KeyType::kP256);
};

TEST_F(MeshApiTest, ProvesItselfOnThisConnection) {
  auto channel = served_.Channel();
  const Bytes nonce(32, 5);
  v1::AttestRequest request;
  request.set_nonce(ToText(nonce));
  ASSERT_OK_AND_ASSIGN(const Bytes reply, channel->Call("/strongroom.v1.Coordinator/Attest",
                                                        *SerializeMessage(request)));
  ASSERT_OK_AND_ASSIGN(const v1::AttestResponse answer, ParseMessage<v1::AttestResponse>(reply));
  EXPECT_EQ(answer.manifest_sha256(),
            ToText(manifest::Fingerprint(served_.stage.manifest()).view()));
  EXPECT_EQ(answer.root_certificate_pem(), served_.stage.core().authorities().root.Pem());

  attest::Endorsements endorsements;
  const v1::Endorsements& sent = answer.endorsements();
  endorsements.root_ca_crl = ToBytes(sent.root_ca_crl());
  endorsements.pck_crl = ToBytes(sent.pck_crl());
  endorsements.pck_crl_issuer_chain = sent.pck_crl_issuer_chain();
  endorsements.tcb_info = sent.tcb_info();
  endorsements.tcb_info_issuer_chain = sent.tcb_info_issuer_chain();
  endorsements.qe_identity = sent.qe_identity();
  endorsements.qe_identity_issuer_chain = sent.qe_identity_issuer_chain();
  const attest::Appraisal appraisal = attest::VerifySgxEvidence(
      AsBytes(answer.evidence()), endorsements,
      attest::TrustAnchors().Add(testing::TestWorld().anchor()), testing::kStageTime);
  ASSERT_OK_AND_ASSIGN(const attest::VerifiedClaims claims, appraisal.ToResult());
  const auto& chain = channel->connection().tls.certificate_chain;
  ASSERT_OK_AND_ASSIGN(const auto shown, crypto::Certificate::FromDer(chain.front()));
  ASSERT_OK_AND_ASSIGN(const auto key, shown.public_key());
  ASSERT_OK_AND_ASSIGN(const Bytes exporter,
                       channel->connection().tls.Exporter(ratls::kExporterLabel));
  ASSERT_OK_AND_ASSIGN(const auto wanted,
                       ratls::CoordinatorReportData(nonce, key.SpkiDer(), exporter));
  EXPECT_OK(attest::ExpectReportData(claims, wanted));

  request.set_nonce("short");
  EXPECT_THAT(channel->Call("/strongroom.v1.Coordinator/Attest", *SerializeMessage(request)),
              Fails(Code::kMalformed, "nonce"));
}

TEST_F(MeshApiTest, TooManyProofsForStrangersAreRefused) {
  auto channel = served_.Channel();
  v1::AttestRequest request;
  request.set_nonce(std::string(32, 'n'));
  const Bytes message = *SerializeMessage(request);
  const auto attest = [&] { return Call(*channel, "/strongroom.v1.Coordinator/Attest", message); };
  for (int i = 0; i < QuoteLimits().quote_burst; ++i) ASSERT_EQ(attest().status, GrpcStatus::kOk);
  EXPECT_EQ(attest().status, GrpcStatus::kResourceExhausted);
  EXPECT_THAT(attest().message, HasSubstr("asked for too many quotes"));
  EXPECT_OK(served_.stage.core().Quote({})) << "people ask by another way";
  EXPECT_OK(MakeActivateMessage(*channel, served_.stage.server, "server", key_))
      << "who was answered before goes on";
  served_.stage.clock.Set(testing::kStageTime + 1);
  EXPECT_EQ(attest().status, GrpcStatus::kOk);
}

TEST_F(MeshApiTest, ActivatesAWorkload) {
  ASSERT_OK(served_.stage.UploadKey(3));
  auto channel = served_.Channel();
  ASSERT_OK_AND_ASSIGN(const Bytes message,
                       MakeActivateMessage(*channel, served_.stage.server, "modern", key_));
  ASSERT_OK_AND_ASSIGN(const Bytes reply, channel->Call(kActivate, message));
  ASSERT_OK_AND_ASSIGN(const v1::ActivateResponse answer,
                       ParseMessage<v1::ActivateResponse>(reply));
  ASSERT_OK_AND_ASSIGN(const auto chain,
                       crypto::Certificate::ChainFromPem(answer.certificate_chain_pem(), 2));
  ASSERT_EQ(chain.size(), 2U);
  ASSERT_OK_AND_ASSIGN(const auto certified, chain[0].public_key());
  EXPECT_EQ(certified, key_.public_key());
  EXPECT_EQ(answer.marble_root_pem(), served_.stage.core().authorities().marble_root.Pem());
  ASSERT_EQ(answer.models_size(), 1);
  EXPECT_EQ(answer.models(0).key(), std::string(16, 3));
  EXPECT_EQ(answer.models(0).files().at("1/model.onnx"), ToText(Bytes(32, 0xdd)));
  EXPECT_EQ(answer.models(0).client_certificates(0),
            ToText(served_.stage.client.certificate.der()));
  EXPECT_FALSE(answer.marblerun_style());
}

TEST_F(MeshApiTest, TellsTheAgentWhichVariablesToAdd) {
  auto channel = served_.Channel();
  ASSERT_OK_AND_ASSIGN(const Bytes message,
                       MakeActivateMessage(*channel, served_.stage.server, "server", key_));
  ASSERT_OK_AND_ASSIGN(const Bytes reply, channel->Call(kActivate, message));
  ASSERT_OK_AND_ASSIGN(const v1::ActivateResponse answer,
                       ParseMessage<v1::ActivateResponse>(reply));
  EXPECT_TRUE(answer.marblerun_style());
  EXPECT_EQ(answer.parameters().argv(0), "server");
  EXPECT_EQ(answer.parameters().files().at("/etc/plain"), "text");
  EXPECT_FALSE(answer.parameters().env().contains("MARBLE_PREDEFINED_PRIVATE_KEY"));
}

TEST_F(MeshApiTest, RefusesARecordedActivation) {
  auto channel = served_.Channel();
  ASSERT_OK_AND_ASSIGN(const Bytes message,
                       MakeActivateMessage(*channel, served_.stage.server, "server", key_));
  ASSERT_EQ(Call(*channel, kActivate, message).status, GrpcStatus::kOk);
  EXPECT_EQ(Call(*channel, kActivate, message).status, GrpcStatus::kUnauthenticated);
  auto other = served_.Channel();
  const net::GrpcOutcome replay = Call(*other, kActivate, message);
  EXPECT_EQ(replay.status, GrpcStatus::kUnauthenticated);
  EXPECT_THAT(replay.message, HasSubstr("nonce was not given on this connection"));
}

TEST_F(MeshApiTest, FreesTheNoncesOfAConnectionThatCloses) {
  constexpr const char* challenge = "/strongroom.v1.Coordinator/Challenge";
  auto staying = served_.Channel();
  ASSERT_OK(staying->Call(challenge, {}));
  for (int i = 0; i < 3; ++i) {
    auto channel = served_.Channel();
    for (std::size_t n = 0; n < kMaxChallengesPerConnection; ++n)
      ASSERT_OK(channel->Call(challenge, {}));
    EXPECT_THAT(channel->Call(challenge, {}), Fails(Code::kExhausted, "the most it may"));
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (served_.stage.core().challenges() != 1 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  EXPECT_EQ(served_.stage.core().challenges(), 1U) << "that of the connection which stayed";
}

TEST_F(MeshApiTest, BindsEvidenceToConnectionNonceAndKey) {
  auto first = served_.Channel();
  ASSERT_OK_AND_ASSIGN(const Bytes relayed,
                       MakeActivateMessage(*first, served_.stage.server, "server", key_));
  // The evidence of another connection, with a nonce of this one.
  const auto mine = ActivateWith([&](v1::ActivateRequest& request) {
    request.set_evidence(ParseMessage<v1::ActivateRequest>(relayed)->evidence());
  });
  EXPECT_EQ(mine.status, GrpcStatus::kUnauthenticated);
  EXPECT_THAT(mine.message, HasSubstr("evidence.report-data"));
  // Another key than the one in the evidence.
  const auto swapped = ActivateWith([](v1::ActivateRequest& request) {
    const auto other = crypto::PrivateKey::Generate(crypto::KeyType::kP256);
    request.set_csr(ToText(crypto::CertificateRequest::Make({}, *other)->der()));
  });
  EXPECT_EQ(swapped.status, GrpcStatus::kUnauthenticated);
}

TEST_F(MeshApiTest, RefusesWhatIsNoRequest) {
  EXPECT_EQ(ActivateWith([](auto& r) { r.set_csr("junk"); }).status, GrpcStatus::kInvalidArgument);
  EXPECT_EQ(ActivateWith([](auto& r) { r.set_nonce("junk"); }).status,
            GrpcStatus::kInvalidArgument);
  EXPECT_EQ(ActivateWith([](auto& r) { r.set_uuid("junk"); }).status, GrpcStatus::kInvalidArgument);
  EXPECT_EQ(ActivateWith([](auto& r) { r.set_marble("nobody"); }).status,
            GrpcStatus::kPermissionDenied);
  EXPECT_NE(ActivateWith([](auto& r) { r.set_evidence("junk"); }).status, GrpcStatus::kOk);
  auto channel = served_.Channel();
  EXPECT_EQ(Call(*channel, kActivate, AsBytes("\xff\xff junk")).status,
            GrpcStatus::kInvalidArgument);
  EXPECT_EQ(Call(*channel, kActivate, Bytes(300'000)).status, GrpcStatus::kResourceExhausted);
  EXPECT_EQ(Call(*channel, "/strongroom.v1.Coordinator/Other", Bytes()).status,
            GrpcStatus::kUnimplemented);
}

TEST_F(MeshApiTest, ServesMarbleRunsMarbles) {
  const testing::TestUser marble = testing::MakeUser("MarbleRun Marble");
  auto channel = served_.Channel(&marble);
  ASSERT_OK_AND_ASSIGN(const Bytes message,
                       MakeMarbleRunMessage(served_.stage.server, "server", marble));
  ASSERT_OK_AND_ASSIGN(const Bytes reply, channel->Call(kMarbleRun, message));
  ASSERT_OK_AND_ASSIGN(const rpc::ActivationResp answer, ParseMessage<rpc::ActivationResp>(reply));
  const auto& env = answer.parameters().env();
  const Hierarchy& authorities = served_.stage.core().authorities();
  EXPECT_EQ(env.at("MARBLE_PREDEFINED_ROOT_CA"), authorities.marble_root.Pem());
  EXPECT_EQ(env.at("MARBLE_PREDEFINED_COORDINATOR_ROOT_CA"), authorities.root.Pem());
  EXPECT_EQ(env.at("ROOT"), authorities.marble_root.Pem());
  ASSERT_OK_AND_ASSIGN(
      const auto chain,
      crypto::Certificate::ChainFromPem(env.at("MARBLE_PREDEFINED_MARBLE_CERTIFICATE_CHAIN"), 2));
  ASSERT_OK_AND_ASSIGN(const auto key,
                       crypto::PrivateKey::FromPem(env.at("MARBLE_PREDEFINED_PRIVATE_KEY")));
  ASSERT_OK_AND_ASSIGN(const auto certified, chain[0].public_key());
  EXPECT_EQ(certified, key.public_key());
  EXPECT_EQ(chain[1], authorities.intermediate);
  EXPECT_EQ(answer.parameters().files().at("/etc/plain"), "text");
}

TEST_F(MeshApiTest, AnswersMarbleRunsMarblesWithMarbleRunsCodes) {
  const testing::TestUser marble = testing::MakeUser("MarbleRun Marble");
  const testing::TestUser thief = testing::MakeUser("MarbleRun Marble");
  const auto status = [&](const testing::TestUser* shows, const Bytes& message) {
    auto channel = served_.Channel(shows);
    return Call(*channel, kMarbleRun, message).status;
  };
  const auto message = [&](const std::string& type, const std::string& uuid) {
    return *MakeMarbleRunMessage(served_.stage.server, type, marble, uuid);
  };
  EXPECT_EQ(status(nullptr, message("server", testing::kTestUuid)), GrpcStatus::kUnauthenticated);
  EXPECT_EQ(status(&thief, message("server", testing::kTestUuid)), GrpcStatus::kPermissionDenied);
  EXPECT_EQ(status(&marble, message("nobody", testing::kTestUuid)), GrpcStatus::kPermissionDenied);
  EXPECT_EQ(status(&marble, message("modern", testing::kTestUuid)), GrpcStatus::kPermissionDenied);
  EXPECT_EQ(status(&marble, message("server", "junk")), GrpcStatus::kInvalidArgument);
  EXPECT_EQ(status(&marble, message("tokens", testing::kTestUuid)), GrpcStatus::kInternal);
  rpc::ActivationReq junk;
  junk.set_marbletype("server");
  junk.set_uuid(testing::kTestUuid);
  EXPECT_EQ(status(&marble, *SerializeMessage(junk)), GrpcStatus::kPermissionDenied);
}

TEST(MeshStateTest, IsNotReadyBeforeAManifest) {
  ServedStage served;
  const testing::TestUser marble = testing::MakeUser("MarbleRun Marble");
  auto channel = served.Channel(&marble);
  const auto key = crypto::PrivateKey::Generate(crypto::KeyType::kP256);
  ASSERT_OK_AND_ASSIGN(const Bytes ours,
                       MakeActivateMessage(*channel, served.stage.server, "server", *key));
  EXPECT_THAT(channel->Call(kActivate, ours), Fails(Code::kPrecondition, "no manifest"));
  ASSERT_OK_AND_ASSIGN(const Bytes theirs,
                       MakeMarbleRunMessage(served.stage.server, "server", marble));
  EXPECT_THAT(channel->Call(kMarbleRun, theirs), Fails(Code::kPrecondition, "no manifest"));
}

TEST_F(MeshApiTest, ActivatesOnManyConnectionsAtOnce) {
  std::atomic<int> activated = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 6; ++i) {
      threads.emplace_back([&] {
        auto channel = served_.Channel();
        for (int n = 0; n < 5; ++n) {
          const auto message = MakeActivateMessage(*channel, served_.stage.server, "server", key_);
          if (message.has_value() && channel->Call(kActivate, *message).has_value()) ++activated;
        }
      });
    }
  }
  EXPECT_EQ(activated, 30);
}

}  // namespace
}  // namespace strongroom::coordinator
