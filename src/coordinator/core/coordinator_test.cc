#include "coordinator/core/coordinator.h"

#include <thread>

#include "base/encoding.h"
#include "base/json.h"
#include "coordinator/core/records.h"
#include "coordinator/core/testing/stage.h"
#include "crypto/chain.h"
#include "testing/result_matchers.h"

namespace strongroom::coordinator {
namespace {

using strongroom::testing::Fails;
using testing::Stage;

static_assert(!MayMove(State::kAcceptingMarbles, State::kAcceptingManifest));
static_assert(!MayMove(State::kRecovery, State::kAcceptingManifest));
static_assert(MayMove(State::kAcceptingManifest, State::kAcceptingMarbles));

std::map<std::string, std::string> FieldsOf(const std::string& entry) {
  std::map<std::string, std::string> out;
  const auto document = JsonDocument::Parse(entry);
  EXPECT_OK(document);
  for (const auto& [name, value] : document->root().members()) {
    const auto text = value.String();
    out[name] = text.has_value() ? std::string(*text) : std::string(value.raw());
  }
  return out;
}

manifest::ByName<SecretUpload> Upload(const std::string& name, Bytes key) {
  manifest::ByName<SecretUpload> out;
  out[name].key = SecretBytes::Adopt(std::move(key));
  return out;
}

TEST(CoordinatorTest, BeginsByAcceptingAManifestAndWritesNothing) {
  Stage stage;
  EXPECT_EQ(stage.core().state(), State::kAcceptingManifest);
  EXPECT_EQ(stage.memory.size(), 0U);
  EXPECT_THAT(stage.core().deployment(), Fails(Code::kPrecondition, "no manifest is in force"));
}

TEST(CoordinatorTest, SignsTheManifestAsUploaded) {
  Stage stage;
  stage.WithManifest();
  ASSERT_OK_AND_ASSIGN(const auto deployment, stage.core().deployment());
  EXPECT_EQ(AsText(deployment->raw), stage.manifest());
  EXPECT_EQ(deployment->fingerprint, manifest::Fingerprint(stage.manifest()));
  ASSERT_OK_AND_ASSIGN(const auto root, stage.core().authorities().root.public_key());
  EXPECT_OK(root.Verify(crypto::SignatureScheme::kEcdsaSha256, AsBytes(stage.manifest()),
                        deployment->signature));
}

TEST(CoordinatorTest, TakesOneManifestOnly) {
  Stage stage;
  stage.WithManifest();
  EXPECT_THAT(stage.core().SetManifest(AsBytes(stage.manifest())),
              Fails(Code::kPrecondition, "set already"));
}

struct BadManifest {
  const char* name;
  const char* find;
  const char* replace;
  Code code;
  const char* text;
};

class BadManifestTest : public ::testing::TestWithParam<BadManifest> {};

TEST_P(BadManifestTest, IsRefusedAndNothingIsKept) {
  Stage stage;
  std::string text = stage.manifest();
  const auto at = text.find(GetParam().find);
  ASSERT_NE(at, std::string::npos);
  text.replace(at, std::string_view(GetParam().find).size(), GetParam().replace);
  EXPECT_THAT(stage.core().SetManifest(AsBytes(text)), Fails(GetParam().code, GetParam().text));
  EXPECT_EQ(stage.core().state(), State::kAcceptingManifest);
  EXPECT_EQ(stage.memory.size(), 0U);
  stage.WithManifest();  // and a good one is still welcome
}

INSTANTIATE_TEST_SUITE_P(
    Rows, BadManifestTest,
    ::testing::Values(
        BadManifest{"NotJson", "{", "[", Code::kMalformed, ""},
        BadManifest{"UnknownPackage", R"("limited": {"Package": "server")",
                    R"("limited": {"Package": "nobody")", Code::kMalformed, "nobody"},
        BadManifest{"BadTemplate", ".Secrets.own", ".Secrets.absent", Code::kMalformed, "own"},
        BadManifest{"FeatureGate", R"("Models": {)",
                    R"("Config": {"FeatureGates": ["SignQuoteEndpoint"]}, "Models": {)",
                    Code::kUnsupported, "FeatureGates"}),
    [](const auto& row) { return row.param.name; });

TEST(CoordinatorTest, RefusesRecoveryKeysAsLongAsItCannotRecover) {
  Stage stage;
  ASSERT_OK_AND_ASSIGN(const auto key, crypto::PrivateKey::GenerateRsa(2048));
  std::string text = stage.manifest();
  text.insert(
      text.find("\"Models\": {\"digits\""),
      "\"RecoveryKeys\": {\"a\": " + JsonWriter().String(key.public_key().Pem()).text() + "}, ");
  EXPECT_THAT(stage.core().SetManifest(AsBytes(text)), Fails(Code::kUnsupported, "RecoveryKeys"));
}

TEST(CoordinatorTest, LeavesNothingWhenTheStoreFails) {
  Stage stage;
  stage.memory.FailWith(Error(Code::kExhausted, "disk full"));
  EXPECT_THAT(stage.core().SetManifest(AsBytes(stage.manifest())),
              Fails(Code::kExhausted, "disk full"));
  EXPECT_EQ(stage.core().state(), State::kAcceptingManifest);
  stage.memory.FailWith(std::nullopt);
  stage.WithManifest();
  EXPECT_EQ(stage.core().state(), State::kAcceptingMarbles);
}

TEST(CoordinatorTest, LetsOneOfManyManifestsIn) {
  Stage stage;
  std::atomic<int> set = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        const auto result = stage.core().SetManifest(AsBytes(stage.manifest()));
        if (result.has_value()) ++set;
      });
    }
  }
  EXPECT_EQ(set, 1);
}

TEST(CoordinatorTest, ComesBackWithTheSameAuthoritiesManifestAndSecrets) {
  Stage stage;
  stage.WithManifest();
  ASSERT_OK(stage.UploadKey(9));
  const Bytes root = ToBytes(stage.core().authorities().root.der());
  ASSERT_OK_AND_ASSIGN(const auto before,
                       stage.core().GetSecrets(stage.owner.certificate.der(), {"shared", "kept"}));
  stage.Restart();
  EXPECT_EQ(stage.core().state(), State::kAcceptingMarbles);
  EXPECT_TRUE(Equal(stage.core().authorities().root.der(), root));
  ASSERT_OK_AND_ASSIGN(const auto deployment, stage.core().deployment());
  EXPECT_EQ(AsText(deployment->raw), stage.manifest());
  ASSERT_OK_AND_ASSIGN(const auto after, stage.core().GetSecrets(stage.owner.certificate.der(),
                                                                 {"shared", "kept", "key"}));
  EXPECT_EQ(after[0].second->private_part, before[0].second->private_part);
  EXPECT_EQ(after[1].second->certificate, before[1].second->certificate);
  EXPECT_TRUE(Equal(after[2].second->private_part.Reveal(), Bytes(16, 9)));
}

TEST(CoordinatorTest, RefusesStateWithAMissingPart) {
  for (const char* name : {"manifest", "manifest-signature", "hierarchy", "root-secret",
                           "secret/shared", "audit-head"}) {
    Stage stage;
    stage.WithManifest();
    stage.memory.Forget(name);
    EXPECT_DEATH(stage.Restart(), "no ") << name;
  }
}

TEST(CoordinatorTest, LeavesSealedStateAlone) {
  testing::MemoryStore sealed;
  sealed.SetFound(Store::Found::kSealed);
  Stage stage(sealed);
  EXPECT_EQ(stage.core().state(), State::kRecovery);
  EXPECT_THAT(stage.core().SetManifest(AsBytes(stage.manifest())),
              Fails(Code::kPrecondition, "cannot be opened here"));
  EXPECT_EQ(sealed.size(), 0U);
}

TEST(SecretsTest, AreReadByWhoMayAndByNobodyElse) {
  Stage stage;
  stage.WithManifest();
  ASSERT_OK_AND_ASSIGN(const auto secrets,
                       stage.core().GetSecrets(stage.owner.certificate.der(), {"shared"}));
  EXPECT_EQ(secrets.front().second->private_part.size(), 32U);
  EXPECT_THAT(stage.core().GetSecrets(stage.client.certificate.der(), {"shared"}),
              Fails(Code::kDenied, "client"));
  EXPECT_THAT(stage.core().GetSecrets(stage.stranger.certificate.der(), {"shared"}),
              Fails(Code::kUntrusted, "none of the manifest's users"));
  EXPECT_THAT(stage.core().GetSecrets({}, {"shared"}), Fails(Code::kUntrusted, "none"));
  EXPECT_THAT(stage.core().GetSecrets(stage.owner.certificate.der(), {"key"}),
              Fails(Code::kPrecondition, "not set yet"));
  EXPECT_THAT(stage.core().GetSecrets(stage.owner.certificate.der(), {"shared", "absent"}),
              Fails(Code::kDenied, "absent"));
}

TEST(SecretsTest, AreWrittenAllOrNone) {
  Stage stage;
  stage.WithManifest();
  auto uploads = Upload("key", Bytes(16, 1));
  uploads["shared"].key = SecretBytes::Adopt(Bytes(32, 1));  // not user-defined
  EXPECT_THAT(stage.core().SetSecrets(stage.owner.certificate.der(), uploads, std::nullopt),
              Fails(Code::kDenied, "shared"));
  EXPECT_THAT(stage.core().GetSecrets(stage.owner.certificate.der(), {"key"}),
              Fails(Code::kPrecondition, "not set yet"));
}

TEST(SecretsTest, AreForTheManifestThatTheOwnerMeans) {
  Stage stage;
  stage.WithManifest();
  const auto other = manifest::Fingerprint("another manifest");
  const ByteView owner = stage.owner.certificate.der();
  EXPECT_THAT(stage.core().SetSecrets(owner, Upload("key", Bytes(16, 1)), other),
              Fails(Code::kConflict, HexEncode(other.view())));
  EXPECT_OK(stage.core().SetSecrets(owner, Upload("key", Bytes(16, 1)), std::nullopt));
  EXPECT_OK(stage.core().SetSecrets(owner, Upload("key", Bytes(16, 2)),
                                    manifest::Fingerprint(stage.manifest())));
}

TEST(SecretsTest, MustFitTheirDefinition) {
  Stage stage;
  stage.WithManifest();
  const ByteView owner = stage.owner.certificate.der();
  const auto set = [&](const manifest::ByName<SecretUpload>& uploads) {
    return stage.core().SetSecrets(owner, uploads, std::nullopt);
  };
  EXPECT_THAT(set(Upload("key", Bytes(15, 1))), Fails(Code::kMalformed, "15 bytes, wanted 16"));
  EXPECT_THAT(set(Upload("key", {})), Fails(Code::kMalformed, "no Key"));
  EXPECT_THAT(set(Upload("upload", Bytes(16, 1))), Fails(Code::kMalformed, "wanted Cert"));
  // A rehearsal finds what an activation would: `string` takes no zero byte.
  EXPECT_THAT(set(Upload("token", {'a', 0, 'b'})), Fails(Code::kMalformed, "TOKEN"));

  manifest::ByName<SecretUpload> certificate;
  certificate["upload"].certificate = ToBytes(stage.client.certificate.der());
  certificate["upload"].private_key = stage.owner.key.Pkcs8Der();
  EXPECT_THAT(set(certificate), Fails(Code::kMalformed, "not the key of Cert"));
  certificate["upload"].private_key = stage.client.key.Pkcs8Der();
  EXPECT_OK(set(certificate));
}

TEST(SecretsTest, StayAsTheyWereWhenTheStoreFails) {
  Stage stage;
  stage.WithManifest();
  ASSERT_OK(stage.UploadKey(1));
  stage.memory.FailWith(Error(Code::kExhausted, "disk full"));
  EXPECT_THAT(stage.UploadKey(2), Fails(Code::kExhausted, "disk full"));
  stage.memory.FailWith(std::nullopt);
  ASSERT_OK_AND_ASSIGN(const auto secrets,
                       stage.core().GetSecrets(stage.owner.certificate.der(), {"key"}));
  EXPECT_TRUE(Equal(secrets.front().second->private_part.Reveal(), Bytes(16, 1)));
}

TEST(AuthoritiesTest, ChainUpToTheRootAndToTheMarbleRoot) {
  Stage stage;
  const Hierarchy& authorities = stage.core().authorities();
  ASSERT_OK_AND_ASSIGN(const auto key, crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  ASSERT_OK_AND_ASSIGN(const auto leaf,
                       IssueLeaf({.uuid = testing::kTestUuid,
                                  .marble = "server",
                                  .names = {{"a.example"}, {}},
                                  .anchor = {}},
                                 key.public_key(), authorities, testing::kStageTime));
  const std::vector<crypto::Certificate> between = {authorities.intermediate};
  const crypto::ChainOptions options{.require_crls = false,
                                     .purpose = crypto::ChainPurpose::kTlsServer};
  EXPECT_OK(crypto::VerifyChain({.leaf = leaf,
                                 .intermediates = between,
                                 .root = authorities.root,
                                 .now = testing::kStageTime},
                                options)
                .ToStatus());
  EXPECT_OK(crypto::VerifyChain({.leaf = leaf,
                                 .intermediates = {},
                                 .root = authorities.marble_root,
                                 .now = testing::kStageTime + 89 * kDay},
                                options)
                .ToStatus());
  EXPECT_THAT(crypto::VerifyChain({.leaf = leaf,
                                   .intermediates = {},
                                   .root = authorities.marble_root,
                                   .now = testing::kStageTime + 91 * kDay},
                                  options)
                  .ToStatus(),
              Fails(Code::kUntrusted, ""));
  EXPECT_THAT(authorities.root.fields().dns_names, ::testing::ElementsAre("coordinator.example"));
  EXPECT_THAT(authorities.root.fields().ip_addresses,
              ::testing::ElementsAre("10.1.2.3", "127.0.0.1", "::1"));
}

TEST(AuditTest, MissesAnEntryThatTheStoreLost) {
  Stage stage;
  stage.WithManifest();
  for (int i = 0; i < 4; ++i)
    ASSERT_OK(stage.core().GetSecrets(stage.owner.certificate.der(), {"shared"}));
  const auto entries = [&](std::uint64_t from, std::size_t limit) {
    return stage.core().Audit(stage.owner.certificate.der(), from, limit);
  };
  stage.memory.ForgetEntry(3);
  EXPECT_THAT(entries(1, 100), Fails(Code::kUntrusted, "entry 3 is not there"));
  EXPECT_THAT(entries(3, 1), Fails(Code::kUntrusted, "entry 3 is not there"));
  EXPECT_OK(entries(1, 2));
  EXPECT_OK(entries(4, 100));
  stage.memory.ForgetEntry(5);
  EXPECT_THAT(entries(4, 100), Fails(Code::kUntrusted, "entry 5 is not there")) << "the last one";
  ASSERT_OK_AND_ASSIGN(const AuditPage beyond, entries(6, 100));
  EXPECT_TRUE(beyond.entries.empty());
}

TEST(AuditTest, IsAChainThatUsersCanVerify) {
  Stage stage;
  stage.WithManifest();
  ASSERT_OK(stage.UploadKey());
  ASSERT_OK(stage.core().GetSecrets(stage.owner.certificate.der(), {"shared"}));
  stage.Restart();
  ASSERT_OK(stage.core().GetSecrets(stage.owner.certificate.der(), {"kept"}));
  ASSERT_OK_AND_ASSIGN(const AuditPage page,
                       stage.core().Audit(stage.owner.certificate.der(), 1, 100));
  ASSERT_EQ(page.entries.size(), 4U);
  AuditHead head;
  for (const std::string& entry : page.entries) {
    EXPECT_EQ(FieldsOf(entry)["previous"], HexEncode(head.digest.view()));
    head = Advance(head, entry);
  }
  EXPECT_EQ(head.digest, page.head.digest);
  EXPECT_EQ(FieldsOf(page.entries[0])["event"], "manifest-set");
  EXPECT_EQ(FieldsOf(page.entries[1])["event"], "secret-set");
  EXPECT_EQ(FieldsOf(page.entries[1])["manifest-named"], "yes");
  EXPECT_EQ(FieldsOf(page.entries[3])["secret"], "kept");
  ASSERT_OK_AND_ASSIGN(const auto root, stage.core().authorities().root.public_key());
  EXPECT_OK(root.Verify(crypto::SignatureScheme::kEcdsaSha256, AuditHeadMessage(page.head),
                        page.signature));
  ASSERT_OK_AND_ASSIGN(const AuditPage rest,
                       stage.core().Audit(stage.owner.certificate.der(), 4, 100));
  EXPECT_THAT(rest.entries, ::testing::ElementsAre(page.entries[3]));
  EXPECT_THAT(stage.core().Audit(stage.stranger.certificate.der(), 1, 100),
              Fails(Code::kUntrusted, "none"));
}

}  // namespace
}  // namespace strongroom::coordinator
