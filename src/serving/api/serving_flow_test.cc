// The whole server in one process: TLS, both protocols, OpenVINO, protected files. Only the agent
// is missing.

#include <inference.pb.h>
#include <tensorflow_serving.pb.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <thread>

#include "base/clock.h"
#include "base/entropy.h"
#include "base/files.h"
#include "base/json.h"
#include "crypto/cert_builder.h"
#include "crypto/hash.h"
#include "crypto/key.h"
#include "net/client.h"
#include "net/grpc_client.h"
#include "net/server.h"
#include "pfs/tree_crypt.h"
#include "serving/api/front_door.h"
#include "serving/api/test_api.h"
#include "serving/models/folder_source.h"
#include "serving/openvino/engine.h"
#include "serving/openvino/test_models.h"

namespace strongroom::serving::api {
namespace {

namespace fs = std::filesystem;
using strongroom::testing::Fails;
constexpr std::int64_t kWidth = 32;

// A self-signed identity, as users and the server have.
struct Identity {
  explicit Identity(const std::string& name)
      : key(crypto::PrivateKey::Generate(crypto::KeyType::kP256).value()) {
    crypto::CertificateSpec spec;
    spec.subject = {{"CN", name}};
    spec.not_before = SystemClock().Now() + (-60);
    spec.not_after = SystemClock().Now() + 3600;
    spec.dns_names = {"localhost"};
    der = ToBytes(crypto::SelfSign(spec, key).value().der());
    credentials = std::make_shared<const net::Credentials>(
        net::Credentials::FromDer({der}, key.Pkcs8Der()).value());
  }
  crypto::PrivateKey key;
  Bytes der;
  std::shared_ptr<const net::Credentials> credentials;
};

class ServingFlowTest : public ::testing::Test {
 protected:
  ServingFlowTest() : folder_(TemporaryFolder::Make("strongroom-flow-").value()) {
    Encrypt(1, openvino::testing::DenseIr(kWidth, 10, 1));
    auto source =
        models::ProtectedFolder::Make("dense", folder_.path() / "dense",
                                      {.key = Key(), .embedded_prefix = "", .files = files_}, 2);
    EXPECT_OK(source);
    EXPECT_OK(manager_.Load("dense", **source, LatestVersions{}));
    auto server = net::Server::Start(
        {.listeners = {
             {.address = "127.0.0.1:0",
              .tls = net::TlsServerOptions{.credentials = *server_id_.credentials,
                                           .client_certificate = net::ClientCertificate::kRequired},
              .router = door_.router(),
              .grpc_services = door_.grpc_services()}}});
    EXPECT_OK(server);
    server_ = std::move(server).value();
  }

  static pfs::WrapKey Key() {
    return pfs::WrapKey::From(SecretBytes(ByteView(Bytes(16, 7)))).value();
  }

  void Encrypt(std::int64_t version, const ModelFiles& plain) {
    const fs::path version_folder = folder_.path() / "dense" / std::to_string(version);
    fs::create_directories(version_folder);
    SystemEntropy entropy;
    for (const auto& [file, buffer] :
         {std::pair<std::string, const Buffer*>{"model.xml", &plain.graph},
          {"model.bin", &plain.weights}}) {
      const std::string name = std::to_string(version) + "/" + file;
      ASSERT_OK(WriteFileAtomic(folder_.path() / "plain", buffer->view(), 0600));
      ASSERT_OK(pfs::Encrypt(folder_.path() / "plain", version_folder / file, Key(), entropy,
                             {.as = "dense/" + name}));
      files_[name] = ToBytes(crypto::Sha256(buffer->view()).view());
    }
  }

  net::TlsClientOptions Tls(const Identity* who) const {
    return {.trust = net::TrustPinned{server_id_.der},
            .credentials = who == nullptr ? nullptr : who->credentials};
  }
  std::string Address() const { return "127.0.0.1:" + std::to_string(server_->port()); }
  Result<std::unique_ptr<net::GrpcChannel>> Dial(const Identity* who) const {
    return net::GrpcChannel::Connect({.address = Address(), .tls = Tls(who)});
  }

  static std::vector<float> Input(std::int64_t rows, float seed) {
    std::vector<float> values(static_cast<std::size_t>(rows * kWidth));
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = seed + static_cast<float>(i % 19) / 8.0F;
    return values;
  }
  static Bytes PredictMessage(const std::vector<float>& values) {
    ::tensorflow::serving::PredictRequest request;
    request.mutable_model_spec()->set_name("dense");
    auto& x = (*request.mutable_inputs())["x"];
    x.set_dtype(::tensorflow::DT_FLOAT);
    x.mutable_tensor_shape()->add_dim()->set_size(static_cast<std::int64_t>(values.size()) /
                                                  kWidth);
    x.mutable_tensor_shape()->add_dim()->set_size(kWidth);
    x.set_tensor_content(ToText(testing::RawOf(values)));
    return ToBytes(request.SerializeAsString());
  }
  static Result<Bytes> Predict(net::GrpcChannel& channel, const std::vector<float>& values) {
    ASSIGN_OR_RETURN(
        const Bytes reply,
        channel.Call("/tensorflow.serving.PredictionService/Predict", PredictMessage(values)));
    ::tensorflow::serving::PredictResponse response;
    EXPECT_TRUE(response.ParseFromArray(reply.data(), static_cast<int>(reply.size())));
    const auto& y = response.outputs().at("y").float_val();
    return testing::RawOf(std::vector<float>(y.begin(), y.end()));
  }
  // What the plain model says, asked directly.
  Bytes PlainAnswer(const std::vector<float>& values) {
    static const std::unique_ptr<Model> plain =
        engine_->Load(openvino::testing::DenseIr(kWidth, 10, 1)).value();
    const Bytes raw = testing::RawOf(values);
    const TensorView inputs[] = {
        {DType::kFloat32, {static_cast<std::int64_t>(values.size()) / kWidth, kWidth}, raw}};
    const std::size_t wanted[] = {0};
    return ToBytes(plain->Infer(inputs, wanted).value()[0].bytes());
  }

  TemporaryFolder folder_;
  std::map<std::string, Bytes> files_;
  Identity server_id_{"server"};
  Identity alice_{"alice"};
  Identity carol_{"carol"};
  std::unique_ptr<Engine> engine_ = openvino::MakeEngine({.threads = 2}).value();
  Manager manager_{*engine_};
  const SystemClock clock_;
  AccessList access_{{{"dense", {{alice_.der, clock_.Now() + (-3600), clock_.Now() + 3600}}}},
                     clock_};
  Metrics metrics_;
  FrontDoor door_{{manager_, access_, metrics_}, "test"};
  std::unique_ptr<net::Server> server_;
};

TEST_F(ServingFlowTest, AnswersAreBitIdenticalToThePlainModels) {
  ASSERT_OK_AND_ASSIGN(const auto channel, Dial(&alice_));
  for (const std::int64_t rows : {1, 7, 64}) {
    const auto values = Input(rows, 0.25F);
    ASSERT_OK_AND_ASSIGN(const Bytes answer, Predict(*channel, values));
    EXPECT_EQ(answer, PlainAnswer(values)) << rows << " rows by gRPC";
  }
  const auto values = Input(2, 1);
  const Bytes raw = testing::RawOf(values);
  const std::string json =
      R"({"inputs":[{"name":"x","shape":[2,32],"datatype":"FP32"}],"parameters":{"binary_data_output":true}})";
  net::HttpsClient client({.tls = Tls(&alice_)});
  ASSERT_OK_AND_ASSIGN(
      const auto response,
      client.Send({.method = "POST",
                   .url = "https://" + Address() + "/v2/models/dense/infer",
                   .headers = {{"inference-header-content-length", std::to_string(json.size())}},
                   .body = Concat({AsBytes(json), raw}),
                   .timeout = {}}));
  ASSERT_EQ(response.status, 200) << ToText(response.body);
  const Bytes plain = PlainAnswer(values);
  EXPECT_EQ(ToBytes(ByteView(response.body).last(plain.size())), plain) << "by REST";
}

TEST_F(ServingFlowTest, AStrangerIsDeniedAndNobodyGetsNoHandshake) {
  ASSERT_OK_AND_ASSIGN(const auto channel, Dial(&carol_));
  EXPECT_THAT(Predict(*channel, Input(1, 0)), Fails(Code::kDenied, "client certificate"));
  net::HttpsClient rest({.tls = Tls(&carol_)});
  EXPECT_EQ(rest.Get("https://" + Address() + "/v2/models/dense").value().status, 403);
  // In TLS 1.3 the client learns only after its own Finished that it is not wanted.
  const auto nobody = Dial(nullptr);
  EXPECT_FALSE(nobody.has_value() && Predict(**nobody, Input(1, 0)).has_value());
  net::HttpsClient no_certificate({.tls = Tls(nullptr)});
  EXPECT_FALSE(no_certificate.Get("https://" + Address() + "/v2").has_value());
}

TEST_F(ServingFlowTest, ManyClientsGetTheirOwnAnswersWhileAVersionIsReplaced) {
  std::vector<Bytes> wanted;
  for (int i = 0; i < 4; ++i) wanted.push_back(PlainAnswer(Input(3, static_cast<float>(i))));
  Encrypt(2,
          openvino::testing::DenseIr(kWidth, 10, 1));  // the same weights: every answer stays right
  auto source = models::ProtectedFolder::Make(
      "dense", folder_.path() / "dense", {.key = Key(), .embedded_prefix = "", .files = files_}, 1);
  ASSERT_OK(source);
  std::atomic<int> wrong = 0;
  {
    std::vector<std::jthread> clients;
    for (int i = 0; i < 4; ++i) {
      clients.emplace_back([&, i] {
        const auto channel = Dial(&alice_);
        const auto values = Input(3, static_cast<float>(i));
        for (int round = 0; round < 25; ++round) {
          const auto answer =
              channel ? Predict(**channel, values) : std::unexpected(channel.error());
          if (!answer || *answer != wanted[static_cast<std::size_t>(i)]) ++wrong;
        }
      });
    }
    EXPECT_OK(manager_.Load("dense", **source, LatestVersions{}));
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(manager_.Acquire("dense", std::nullopt).value()->version, 2);
}

}  // namespace
}  // namespace strongroom::serving::api
