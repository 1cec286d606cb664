#include "agent/config.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::agent {
namespace {

using strongroom::testing::Fails;
using ::testing::ElementsAre;

constexpr const char* kGood = R"({
  "format": "strongroom-agent/1",
  "coordinator": {
    "mrsigner": "5555555555555555555555555555555555555555555555555555555555555555", "product_id": 3, "security_version": 2,
    "accepted_tcb_statuses": ["SWHardeningNeeded"],
    "trust_anchors": ["6666666666666666666666666666666666666666666666666666666666666666"],
    "root_sha256": "7777777777777777777777777777777777777777777777777777777777777777",
    "manifest_sha256": "8888888888888888888888888888888888888888888888888888888888888888",
    "not_before": "2026-11-21T00:00:00Z"
  },
  "marble": "server", "kind": "foreign", "program": "/bin/app", "argv": ["app", "--x"],
  "env": {"A": "b"}, "pass_env": ["TZ"],
  "credential_files": {"certificate_chain": "/run/c", "private_key": "/run/k", "marble_root": "/run/m", "root": "/run/r"},
  "run_folder": "/run/x"
})";

std::string Replace(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

TEST(ParseConfig, ReadsEveryMember) {
  ASSERT_OK_AND_ASSIGN(const AgentConfig config, ParseConfig(kGood));
  EXPECT_TRUE(config.coordinator.by_identity);
  EXPECT_EQ(config.coordinator.policy.mrsigner->array()[0], 0x55);
  EXPECT_EQ(config.coordinator.policy.isv_prod_id, 3);
  EXPECT_EQ(config.coordinator.policy.min_isv_svn, 2);
  EXPECT_FALSE(config.coordinator.policy.insecure_accept_debug_enclaves);
  EXPECT_EQ(config.coordinator.policy.accepted_statuses.size(), 2U);
  EXPECT_EQ(config.coordinator.anchors.all().size(), 2U);
  EXPECT_TRUE(config.coordinator.anchors.Contains(attest::TrustAnchors::IntelRoot()));
  EXPECT_EQ(config.coordinator.root->array()[0], 0x77);
  EXPECT_EQ(config.coordinator.manifest->array()[0], 0x88);
  EXPECT_EQ(FormatRfc3339(config.coordinator.not_before), "2026-11-21T00:00:00Z");
  EXPECT_EQ(config.marble, "server");
  EXPECT_EQ(config.kind, ProgramKind::kForeign);
  EXPECT_EQ(config.program, "/bin/app");
  EXPECT_THAT(config.argv, ElementsAre("app", "--x"));
  EXPECT_EQ(config.env.at("A"), "b");
  EXPECT_THAT(config.pass_env, ElementsAre("TZ"));
  EXPECT_EQ(config.credential_files.private_key, "/run/k");
  EXPECT_EQ(config.run_folder, "/run/x");
}

TEST(ParseConfig, TakesTheSmallestFile) {
  ASSERT_OK_AND_ASSIGN(const AgentConfig config,
                       ParseConfig(R"({"format": "strongroom-agent/1", "kind": "strongroom",
      "program": "/usr/bin/app",
      "coordinator": {"root_sha256": "7777777777777777777777777777777777777777777777777777777777777777"}})"));
  EXPECT_FALSE(config.coordinator.by_identity);
  EXPECT_THAT(config.argv, ElementsAre("app"));
  EXPECT_EQ(config.kind, ProgramKind::kStrongroom);
  EXPECT_EQ(config.run_folder, "/run/strongroom/agent");
  EXPECT_EQ(config.coordinator.policy.accepted_statuses.size(), 1U) << "UpToDate only";
}

struct Row {
  const char* name;
  const char* from;
  const char* to;
  Code code;
  const char* text;
};

class BadConfig : public ::testing::TestWithParam<Row> {};

TEST_P(BadConfig, IsRefused) {
  EXPECT_THAT(ParseConfig(Replace(kGood, GetParam().from, GetParam().to)),
              Fails(GetParam().code, GetParam().text));
}

constexpr Row kRows[] = {
    {"NotJson", "{", "", Code::kMalformed, "not JSON"},
    {"OtherFormat", "agent/1", "agent-1", Code::kMalformed, "wanted \"strongroom-agent/1\""},
    {"NoFormat", R"("format": "strongroom-agent/1",)", "", Code::kMalformed, "format is \"\""},
    {"UnknownMember", R"("marble")", R"("marbles")", Code::kMalformed, "marbles is not known"},
    {"UnknownCoordinatorMember", R"("mrsigner")", R"("signer")", Code::kMalformed,
     "coordinator.signer is not known"},
    {"NoCoordinator", R"("coordinator": {)", R"("credential_files": {}, "x": {)", Code::kMalformed,
     ""},
    {"SignerWithoutProduct", R"("product_id": 3,)", "", Code::kMalformed, "names a signer only"},
    {"SignerWithoutVersion", R"("product_id": 3, "security_version": 2,)", R"("product_id": 3,)",
     Code::kMalformed, "names a signer only"},
    {"HugeProduct", R"("product_id": 3)", R"("product_id": 65536)", Code::kMalformed,
     "at most 65535"},
    {"ShortSigner", "5555", "55", Code::kMalformed, "wanted 32"},
    {"SignerNotHex", "5555", "xx55", Code::kMalformed, "foreign character"},
    {"UnknownStatus", "SWHardeningNeeded", "Fine", Code::kMalformed, "accepted_tcb_statuses[0]"},
    {"ShortAnchor", "6666", "66", Code::kMalformed, "trust_anchors[0]"},
    {"NotBeforeIsNoTime", "2026-11-21T", "2026-11-21 ", Code::kMalformed, "not_before"},
    {"NotBeforeIsNoText", R"("2026-11-21T00:00:00Z")", "1", Code::kMalformed, "not_before"},
    {"AnyManifestBesidesAPin", R"("not_before")", R"("accept_any_manifest": true, "not_before")",
     Code::kMalformed, "wanted one of both"},
    {"AnyManifestAsText", R"("not_before")", R"("accept_any_manifest": "true", "not_before")",
     Code::kMalformed, "accept_any_manifest"},
    {"NoKind", R"("kind": "foreign",)", "", Code::kMalformed, "kind is missing"},
    {"UnknownKind", R"("foreign")", R"("other")", Code::kMalformed, "wanted strongroom or foreign"},
    {"NoProgram", R"("program": "/bin/app",)", "", Code::kMalformed, "program is missing"},
    {"RelativeProgram", "/bin/app", "bin/app", Code::kMalformed, "wanted an absolute path"},
    {"NumberInArgv", R"("--x")", "1", Code::kMalformed, "argv[1]"},
    {"NulInArgv", R"("--x")", R"("a\u0000")", Code::kMalformed, "zero byte"},
    {"LoaderVariable", R"("A": "b")", R"("LD_PRELOAD": "b")", Code::kDenied,
     "LD_PRELOAD steers the loader"},
    {"PassedLoaderVariable", R"(["TZ"])", R"(["GLIBC_TUNABLES"])", Code::kDenied,
     "GLIBC_TUNABLES steers the loader"},
    {"PassedOpensslConfiguration", R"(["TZ"])", R"(["OPENSSL_CONF"])", Code::kDenied,
     "OPENSSL_CONF"},
    {"VariableWithEquals", R"("A": "b")", R"("A=B": "b")", Code::kMalformed,
     "no name of a variable"},
    {"RelativeCredential", "/run/k", "k", Code::kMalformed, "wanted an absolute path"},
    {"RelativeRunFolder", "/run/x", "x", Code::kMalformed, "wanted an absolute path"},
};

INSTANTIATE_TEST_SUITE_P(Rows, BadConfig, ::testing::ValuesIn(kRows),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(ParseConfig, RefusesEveryTruncationAndSurvivesAFlippedByteAnywhere) {
  strongroom::testing::ForEachTruncation(AsBytes(kGood), [](ByteView mutated, std::size_t offset) {
    EXPECT_FALSE(ParseConfig(AsText(mutated)).has_value()) << offset;
  });
  strongroom::testing::ForEachFlippedByte(AsBytes(kGood), [](ByteView mutated, std::size_t) {
    static_cast<void>(ParseConfig(AsText(mutated)));  // sanitizers watch
  });
}

TEST(ParseConfig, RefusesAFileThatNamesNoCoordinator) {
  EXPECT_THAT(
      ParseConfig(R"({"format": "strongroom-agent/1", "kind": "strongroom", "program": "/a"})"),
      Fails(Code::kMalformed, "must know whom to trust"));
  EXPECT_THAT(
      ParseConfig(
          R"({"format": "strongroom-agent/1", "kind": "strongroom", "program": "/a", "coordinator": {}})"),
      Fails(Code::kMalformed, "names nobody"));
  EXPECT_THAT(
      ParseConfig(
          R"({"format": "strongroom-agent/1", "kind": "strongroom", "program": "/a", "coordinator":
      {"manifest_sha256": "8888888888888888888888888888888888888888888888888888888888888888"}})"),
      Fails(Code::kMalformed, "names nobody"));
}

std::string ByIdentity(std::string_view more) {
  return fmt::format(R"({{"format": "strongroom-agent/1", "kind": "strongroom", "program": "/a",
      "coordinator": {{"mrenclave": "{}"{}}}}})",
                     std::string(64, '5'), more);
}

TEST(ParseConfig, WantsAWordOnTheManifestOfACoordinatorKnownByItsCode) {
  EXPECT_THAT(ParseConfig(ByIdentity("")), Fails(Code::kMalformed, "names no manifest"));
  EXPECT_THAT(ParseConfig(ByIdentity(R"(, "accept_any_manifest": false)")),
              Fails(Code::kMalformed, "names no manifest"));
  EXPECT_OK(ParseConfig(ByIdentity(R"(, "accept_any_manifest": true)")));
  for (const char* pin : {"root_sha256", "manifest_sha256"}) {
    EXPECT_OK(ParseConfig(ByIdentity(fmt::format(R"(, "{}": "{}")", pin, std::string(64, '7')))))
        << pin;
  }
}

}  // namespace
}  // namespace strongroom::agent
