#include "agent/handover.h"

#include <gtest/gtest.h>

#include "strongroom/v1/handover.pb.h"
#include "testing/result_matchers.h"

namespace strongroom::agent {
namespace {

using strongroom::testing::Fails;
using ::testing::ElementsAre;

Activation MakeActivation() {
  Activation out{*crypto::PrivateKey::Generate(crypto::KeyType::kP256),
                 "chain",
                 "marble root",
                 "root",
                 {},
                 {},
                 {},
                 {},
                 false};
  GrantedModel model;
  model.name = "digits";
  model.key = SecretBytes(AsBytes("0123456789abcdef"));
  model.embedded_prefix = "p";
  model.files.emplace("1/model.bin", Bytes(32, 7));
  model.client_certificates = {ToBytes("der")};
  out.models.push_back(std::move(model));
  return out;
}

Environment Host(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const std::string& name) -> std::optional<std::string> {
    const auto found = values.find(name);
    if (found == values.end()) return std::nullopt;
    return found->second;
  };
}

std::vector<std::string> Texts(const std::vector<SecretBytes>& environment) {
  std::vector<std::string> out;
  for (const SecretBytes& text : environment) out.push_back(ToText(text.Reveal()));
  return out;
}

TEST(MakeHandover, HoldsEverything) {
  const Activation activation = MakeActivation();
  ASSERT_OK_AND_ASSIGN(const SecretBytes bytes,
                       MakeHandover(activation, {"c:1", "server", "uuid", {}}));
  v1::Handover message;
  ASSERT_TRUE(message.ParseFromArray(bytes.Reveal().data(), static_cast<int>(bytes.size())));
  EXPECT_EQ(message.certificate_chain_pem(), "chain");
  EXPECT_EQ(message.marble_root_pem(), "marble root");
  EXPECT_EQ(message.root_certificate_pem(), "root");
  EXPECT_EQ(message.marble(), "server");
  EXPECT_EQ(message.uuid(), "uuid");
  ASSERT_OK_AND_ASSIGN(const auto key,
                       crypto::PrivateKey::FromPkcs8Der(AsBytes(message.private_key_pkcs8())));
  EXPECT_EQ(key.public_key(), activation.key.public_key());
  ASSERT_EQ(message.models_size(), 1);
  EXPECT_EQ(message.models(0).name(), "digits");
  EXPECT_EQ(message.models(0).key(), "0123456789abcdef");
  EXPECT_EQ(message.models(0).embedded_prefix(), "p");
  EXPECT_EQ(message.models(0).files().at("1/model.bin"), std::string(32, 7));
  EXPECT_EQ(message.models(0).client_certificates(0), "der");
}

TEST(MakeEnvironment, LaysManifestOverMeasuredOverPassedOn) {
  AgentConfig config;
  config.pass_env = {"P", "M", "E", "UNSET"};
  config.env = {{"M", "measured"}, {"E", "measured"}};
  Activation activation = MakeActivation();
  activation.env.emplace("E", SecretBytes(AsBytes("manifest")));
  EXPECT_THAT(
      Texts(MakeEnvironment(activation, config,
                            Host({{"P", "host"}, {"M", "host"}, {"E", "host"}, {"X", "host"}}), 5)),
      ElementsAre("E=manifest", "M=measured", "P=host", "STRONGROOM_HANDOVER_FD=5"));
}

TEST(MakeEnvironment, HoldsNoKeyUnlessTheMarbleIsMarbleRunStyle) {
  Activation activation = MakeActivation();
  EXPECT_TRUE(MakeEnvironment(activation, {}, Host({}), -1).empty());
  activation.marblerun_style = true;
  const std::vector<std::string> texts = Texts(MakeEnvironment(activation, {}, Host({}), -1));
  EXPECT_THAT(texts, ElementsAre("MARBLE_PREDEFINED_COORDINATOR_ROOT_CA=root",
                                 "MARBLE_PREDEFINED_MARBLE_CERTIFICATE_CHAIN=chain",
                                 ::testing::StartsWith(
                                     "MARBLE_PREDEFINED_PRIVATE_KEY=-----BEGIN PRIVATE KEY-----"),
                                 "MARBLE_PREDEFINED_ROOT_CA=marble root"));
}

TEST(ChooseArguments, PrefersTheManifestAndRefusesAnythingElse) {
  AgentConfig config;
  config.program = "/bin/app";
  config.argv = {"app", "--measured"};
  Activation activation = MakeActivation();
  EXPECT_THAT(*ChooseArguments(activation, config, {}), ElementsAre("app", "--measured"));
  EXPECT_OK(ChooseArguments(activation, config, {"/bin/app", "--measured"}));
  EXPECT_THAT(ChooseArguments(activation, config, {"/bin/app"}),
              Fails(Code::kDenied, "the measured configuration says \"--measured\""));
  EXPECT_THAT(ChooseArguments(activation, config, {"/bin/app", "--measured", "--more"}),
              Fails(Code::kDenied, "--more"));
  EXPECT_THAT(ChooseArguments(activation, config, {"/bin/other", "--measured"}),
              Fails(Code::kDenied, "/bin/other"));
  activation.argv = {"app", "--manifest"};
  EXPECT_THAT(*ChooseArguments(activation, config, {}), ElementsAre("app", "--manifest"));
  EXPECT_OK(ChooseArguments(activation, config, {"/bin/app", "--manifest"}));
  EXPECT_THAT(ChooseArguments(activation, config, {"/bin/app", "--measured"}),
              Fails(Code::kDenied, "the manifest says \"--manifest\""));
}

}  // namespace
}  // namespace strongroom::agent
