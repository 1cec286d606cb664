#include "manifest/check.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "crypto/x509.h"
#include "manifest/testing_certificates.h"
#include "testing/result_matchers.h"

namespace strongroom::manifest {
namespace {

using strongroom::testing::Fails;
using ::testing::Contains;
using ::testing::IsEmpty;

const std::string& OwnerPem() {
  static const std::string pem = testing::JsonPem(testing::MakeCertificate("owner"));
  return pem;
}
const std::string& ClientPem() {
  static const std::string pem = testing::JsonPem(testing::MakeCertificate("client"));
  return pem;
}

std::string Replace(std::string text, std::string_view from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

// A manifest without fault; rows put one in.
std::string Good() {
  std::string text = R"({
    "Packages": {"server": {"UniqueID": "<64 digits>"}},
    "Marbles": {"server": {"Package": "server", "Models": ["digits"], "SANs": ["model.example", "::1"],
      "Parameters": {"Files": {"/f": "{{ pem .Secrets.cert.Private }}"}, "Env": {"A": "{{ hex .Secrets.shared }}"}, "Argv": ["s"]}}},
    "Users": {"owner": {"Certificate": <owner>, "Roles": ["writer"]}, "client": {"Certificate": <client>, "Roles": ["askers"]}},
    "Roles": {"writer": {"ResourceType": "Secrets", "ResourceNames": ["key"], "Actions": ["writesecret", "READSECRET"]},
              "askers": {}},
    "Secrets": {"key": {"Type": "symmetric-key", "Size": 128, "UserDefined": true},
                "shared": {"Type": "symmetric-key", "Size": 256, "Shared": true},
                "cert": {"Type": "cert-ecdsa", "Size": 256},
                "text": {"Type": "plain", "UserDefined": true}},
    "Models": {"digits": {"Key": "key", "Clients": ["askers"], "Files": {"1/model.onnx": "<64 digits>"}}}
  })";
  const std::string digits = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
  text = Replace(text, "<64 digits>", digits);
  text = Replace(text, "<64 digits>", digits);
  text = Replace(text, "<owner>", OwnerPem());
  return Replace(text, "<client>", ClientPem());
}

CheckReport Check(const std::string& json) {
  const auto manifest = ParseManifest(json);
  EXPECT_OK(manifest) << json;
  return manifest.has_value() ? CheckManifest(*manifest) : CheckReport{};
}

std::vector<std::string> Ids(const std::vector<Remark>& remarks) {
  std::vector<std::string> out;
  for (const Remark& remark : remarks) out.push_back(remark.id);
  return out;
}

TEST(CheckManifest, PassesAGoodManifestWithoutARemark) {
  const CheckReport report = Check(Good());
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_THAT(report.unsupported, IsEmpty());
  EXPECT_THAT(report.notes, IsEmpty());
  EXPECT_TRUE(report.ok());
  EXPECT_OK(report.ToStatus());
}

struct Row {
  const char* name;
  const char* from;  // replaced in the good manifest
  const char* to;
  const char* id;
};

class Problem : public ::testing::TestWithParam<Row> {};

TEST_P(Problem, IsFound) {
  const CheckReport report = Check(Replace(Good(), GetParam().from, GetParam().to));
  EXPECT_THAT(Ids(report.problems), Contains(GetParam().id));
  EXPECT_FALSE(report.ok());
  EXPECT_THAT(report.ToStatus(), Fails(Code::kMalformed, ""));
}

constexpr const char* kPackage =
    R"({"UniqueID": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"})";
constexpr const char* kArgv = R"("Argv": ["s"])";
constexpr const char* kKey = R"({"Type": "symmetric-key", "Size": 128, "UserDefined": true})";
constexpr const char* kShared = R"({"Type": "symmetric-key", "Size": 256, "Shared": true})";
constexpr const char* kCert = R"({"Type": "cert-ecdsa", "Size": 256})";
constexpr const char* kWriter =
    R"({"ResourceType": "Secrets", "ResourceNames": ["key"], "Actions": ["writesecret", "READSECRET"]})";
constexpr const char* kModel = R"("Key": "key")";
constexpr const char* kEnvEntry = R"("A": "{{ hex .Secrets.shared }}")";
constexpr const char* kEnd = R"("Models": {"digits")";

constexpr Row kProblems[] = {
    {"NoPackages", R"("Packages": {"server")", R"("Config": {"x")", "packages.empty"},
    {"NoMarbles", R"("Marbles": {"server")", R"("Config": {"x")", "marbles.empty"},
    {"NoIdentity", kPackage, "{}", "package.identity"},
    {"SignerWithoutProduct", kPackage,
     R"({"SignerID": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "SecurityVersion": 1})",
     "package.identity"},
    {"SignerWithoutVersion", kPackage,
     R"({"SignerID": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "ProductID": 1})",
     "package.identity"},
    {"OnlyProductAndVersion", kPackage, R"({"ProductID": 1, "SecurityVersion": 1})",
     "package.identity"},
    {"BothIdentities", kPackage,
     R"({"UniqueID": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "SecurityVersion": 1})",
     "package.identity"},
    {"ShortUniqueId", kPackage, R"({"UniqueID": "00"})", "package.measurement"},
    {"UniqueIdNotHex", kPackage,
     R"({"UniqueID": "zz23456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"})",
     "package.measurement"},
    {"ShortSignerInDebug", kPackage, R"({"SignerID": "00", "Debug": true})", "package.measurement"},
    {"HugeProductId", kPackage,
     R"({"SignerID": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "ProductID": 65536, "SecurityVersion": 1})",
     "package.product-id"},
    {"HugeSecurityVersion", kPackage,
     R"({"SignerID": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "ProductID": 1, "SecurityVersion": 65536})",
     "package.security-version"},
    {"UnknownTcbStatus", kPackage,
     R"({"UniqueID": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "AcceptedTCBStatuses": ["uptodate"]})",
     "package.tcb-status"},
    {"UnknownPackage", R"("Package": "server")", R"("Package": "Server")", "marble.package"},
    {"UnknownTag", kArgv, R"("Argv": []}, "TLS": ["web"], "x": {"y": 1)", "marble.tls"},
    {"UnknownModel", R"("Models": ["digits"])", R"("Models": ["Digits"])", "marble.model"},
    {"MarbleRunDialectWithModel", R"("Models": ["digits"],)",
     R"("Models": ["digits"], "Activation": "marblerun",)", "marble.activation"},
    {"MarbleRunDialectWithSans", R"("Models": ["digits"],)", R"("Activation": "marblerun",)",
     "marble.activation"},
    {"SanWithSpace", R"("::1")", R"("a b")", "marble.san"},
    {"EmptySan", R"("::1")", R"("")", "marble.san"},
    {"SanWithEmptyLabel", R"("::1")", R"("a..b")", "marble.san"},
    {"EmptyEnvName", R"("A": )", R"("": )", "marble.env-name"},
    {"EnvNameWithEquals", R"("A": )", R"("A=B": )", "marble.env-name"},
    {"ReservedEnvName", R"("A": )", R"("MARBLE_PREDEFINED_ROOT_CA": )", "marble.env-reserved"},
    {"EmptyFileName", R"("/f": )", R"("": )", "marble.file-name"},
    {"ArgumentWithNul", kArgv, R"("Argv": ["a\u0000b"])", "marble.argv"},
    {"TemplateSyntax", kEnvEntry, R"("A": "{{ hex .Secrets.shared")", "marble.template"},
    {"TemplateOfUnknownSecret", kEnvEntry, R"("A": "{{ hex .Secrets.nope }}")", "marble.template"},
    {"TemplateOfUnknownFunction", kEnvEntry, R"("A": "{{ raw .Secrets.shared }}")",
     "marble.template"},
    {"PrivateKeyInEnvironment", kEnvEntry, R"("A": "{{ pem .Secrets.cert.Private }}")",
     "marble.template"},
    {"MarbleKeyInOurDialect", kEnvEntry, R"("B": "{{ pem .MarbleRun.MarbleCert.Private }}")",
     "marble.template"},
    {"NulInEnvironment", kEnvEntry, R"("A": {"Data": "AA==", "Encoding": "base64"})",
     "marble.template"},
    {"BadUserCertificate", R"("Users": {)",
     R"("Users": {"x": {"Certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}, )",
     "user.certificate"},
    {"NoUserCertificate", R"("Users": {)", R"("Users": {"x": {}, )", "user.certificate"},
    {"UnknownRole", R"("Roles": ["writer"])", R"("Roles": ["Writer"])", "user.role"},
    {"UnknownResourceType", kWriter,
     R"({"ResourceType": "secrets", "ResourceNames": ["key"], "Actions": []})",
     "role.resource-type"},
    {"RoleWithActionsOnly", kWriter, R"({"Actions": ["WriteSecret"]})", "role.resource-type"},
    {"UnknownAction", kWriter,
     R"({"ResourceType": "Secrets", "ResourceNames": ["key"], "Actions": ["Delete"]})",
     "role.action"},
    {"ActionOfOtherResource", kWriter,
     R"({"ResourceType": "Secrets", "ResourceNames": ["key"], "Actions": ["UpdateManifest"]})",
     "role.action"},
    {"UnknownSecretInRole", kWriter,
     R"({"ResourceType": "Secrets", "ResourceNames": ["nope"], "Actions": ["WriteSecret"]})",
     "role.resource"},
    {"UnknownPackageInRole", kWriter,
     R"({"ResourceType": "Packages", "ResourceNames": ["nope"], "Actions": ["UpdateSecurityVersion"]})",
     "role.resource"},
    {"ManifestRoleWithNames", kWriter,
     R"({"ResourceType": "Manifest", "ResourceNames": ["a"], "Actions": ["UpdateManifest"]})",
     "role.resource"},
    {"UnknownModelInRole", kWriter,
     R"({"ResourceType": "Models", "ResourceNames": ["nope"], "Actions": ["Infer"]})",
     "role.resource"},
    {"WriteOfModel", kWriter,
     R"({"ResourceType": "Models", "ResourceNames": ["digits"], "Actions": ["WriteSecret"]})",
     "role.action"},
    {"ClientRoleOfOtherModel", R"("askers": {})",
     R"("askers": {"ResourceType": "Models", "ResourceNames": [], "Actions": ["Infer"]})",
     "model.client"},
    {"ClientRoleWithoutInfer", R"("askers": {})",
     R"("askers": {"ResourceType": "Models", "ResourceNames": ["digits"]})", "model.client"},
    {"WriteOfGeneratedSecret", kWriter,
     R"({"ResourceType": "Secrets", "ResourceNames": ["shared"], "Actions": ["WriteSecret"]})",
     "role.write"},
    {"ReadOfInstanceSecret", kWriter,
     R"({"ResourceType": "Secrets", "ResourceNames": ["cert"], "Actions": ["ReadSecret"]})",
     "role.read"},
    {"KeyOfZeroBits", kShared, R"({"Type": "symmetric-key", "Shared": true})", "secret.size"},
    {"KeyOfOddBits", kShared, R"({"Type": "symmetric-key", "Size": 129, "Shared": true})",
     "secret.size"},
    {"DerivedKeyTooLong", kShared, R"({"Type": "symmetric-key", "Size": 65288})", "secret.size"},
    {"SharedKeyTooLong", kShared, R"({"Type": "symmetric-key", "Size": 80000000, "Shared": true})",
     "secret.size"},
    {"UnknownCurve", kCert, R"({"Type": "cert-ecdsa", "Size": 255})", "secret.size"},
    {"Ed25519WithSize", kCert, R"({"Type": "cert-ed25519", "Size": 256})", "secret.size"},
    {"GeneratedPlain", R"("text": {"Type": "plain", "UserDefined": true})",
     R"("text": {"Type": "plain"})", "secret.plain"},
    {"TwoLifetimes", kCert,
     R"({"Type": "cert-ecdsa", "Size": 256, "ValidFor": 1, "Cert": {"NotAfter": "2030-01-01T00:00:00Z"}})",
     "secret.cert"},
    {"BadNotAfter", kCert,
     R"({"Type": "cert-ecdsa", "Size": 256, "Cert": {"NotAfter": "tomorrow"}})", "secret.cert"},
    {"BadNotBefore", kCert,
     R"({"Type": "cert-ecdsa", "Size": 256, "Cert": {"NotBefore": "2030-13-01T00:00:00Z"}})",
     "secret.cert"},
    {"EndlessCertificate", kCert, R"({"Type": "cert-ecdsa", "Size": 256, "ValidFor": 4000000})",
     "secret.cert"},
    {"UnknownKeyUsage", kCert, R"({"Type": "cert-ecdsa", "Size": 256, "Cert": {"KeyUsage": 512}})",
     "secret.cert"},
    {"UnknownExtKeyUsage", kCert,
     R"({"Type": "cert-ecdsa", "Size": 256, "Cert": {"ExtKeyUsage": [-1]}})", "secret.cert"},
    {"BadDnsName", kCert, R"({"Type": "cert-ecdsa", "Size": 256, "Cert": {"DNSNames": ["a/b"]}})",
     "secret.cert"},
    {"BadIpAddress", kCert,
     R"({"Type": "cert-ecdsa", "Size": 256, "Cert": {"IPAddresses": ["1.2.3"]}})", "secret.cert"},
    {"ModelWithoutKey", kModel, R"("Key": "nope")", "model.key"},
    {"ModelKeyOfOtherSize", kModel, R"("Key": "shared")", "model.key"},
    {"ModelKeyOfOtherType", kModel, R"("Key": "cert")", "model.key"},
    {"ModelKeyPerMarble", kKey, R"({"Type": "symmetric-key", "Size": 128})", "model.key"},
    {"ModelWithoutFiles", R"("Files": {"1/model.onnx")", R"("x": {"1/model.onnx")", "model.files"},
    {"ModelFileWithoutVersion", R"("1/model.onnx")", R"("model.bin")", "model.files"},
    {"ModelFileWithNamedVersion", R"("1/model.onnx")", R"("v1/model.onnx")", "model.files"},
    {"ModelFileAbove", R"("1/model.onnx")", R"("1/../model.bin")", "model.files"},
    {"HalfAnIr", R"("1/model.onnx")", R"("1/model.xml")", "model.files"},
    {"VersionWithoutAModel", R"("1/model.onnx")", R"("1/labels.txt")", "model.files"},
    {"SecondVersionWithoutAModel", R"("1/model.onnx")",
     R"("1/model.onnx": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "2/model.bin")",
     "model.files"},
    {"OneVersionInTwoFolders", R"("1/model.onnx")",
     R"("1/model.onnx": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "01/model.onnx")",
     "model.files"},
    {"VersionBeyond63Bits", R"("1/model.onnx")", R"("9223372036854775808/model.onnx")",
     "model.files"},
    {"ModelFileIsFolder", R"("1/model.onnx")", R"("1/")", "model.files"},
    {"ModelFileAbsolute", R"("1/model.onnx")", R"("/1/model.onnx")", "model.files"},
    {"ModelNameIsPath", kEnd, R"("Models": {"a/b": {}, "digits")", "model.name"},
    {"ModelNameIsParent", kEnd, R"("Models": {"..": {}, "digits")", "model.name"},
    {"PrefixAbove", kModel, R"("Key": "key", "EmbeddedPrefix": "a/../b")", "model.prefix"},
    {"UnknownClient", R"("Clients": ["askers"])", R"("Clients": ["nobody"])", "model.client"},
    {"OutgoingWithoutPort", kEnd,
     R"("TLS": {"t": {"Outgoing": [{"Addr": "a"}]}}, "Models": {"digits")", "tls.outgoing"},
    {"IncomingWithoutPort", kEnd, R"("TLS": {"t": {"Incoming": [{}]}}, "Models": {"digits")",
     "tls.incoming"},
    {"IncomingCertWithAuth", kEnd,
     R"("TLS": {"t": {"Incoming": [{"Port": "1", "Cert": "cert"}]}}, "Models": {"digits")",
     "tls.incoming"},
    {"IncomingNoAuthNoCert", kEnd,
     R"("TLS": {"t": {"Incoming": [{"Port": "1", "DisableClientAuth": true}]}}, "Models": {"digits")",
     "tls.incoming"},
    {"IncomingUnknownCert", kEnd,
     R"("TLS": {"t": {"Incoming": [{"Port": "1", "Cert": "x", "DisableClientAuth": true}]}}, "Models": {"digits")",
     "tls.incoming"},
    {"UnknownFeature", kEnd, R"("Config": {"FeatureGates": ["Fly"]}, "Models": {"digits")",
     "config.feature-gate"},
    {"ThresholdWithoutUpdaters", kEnd, R"("Config": {"UpdateThreshold": 1}, "Models": {"digits")",
     "config.update-threshold"},
    {"RecoveryThresholdOne", kEnd, R"("Config": {"RecoveryThreshold": 1}, "Models": {"digits")",
     "config.recovery-threshold"},
    {"RecoveryThresholdTooHigh", kEnd, R"("Config": {"RecoveryThreshold": 2}, "Models": {"digits")",
     "config.recovery-threshold"},
    {"RecoveryKeyIsNone", kEnd, R"("RecoveryKeys": {"r": "no pem"}, "Models": {"digits")",
     "recovery.key"},
};

INSTANTIATE_TEST_SUITE_P(Rows, Problem, ::testing::ValuesIn(kProblems),
                         [](const auto& row) { return std::string(row.param.name); });

class UnsupportedWish : public ::testing::TestWithParam<Row> {};

TEST_P(UnsupportedWish, IsRefusedAsSuch) {
  const CheckReport report = Check(Replace(Good(), GetParam().from, GetParam().to));
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_THAT(Ids(report.unsupported), Contains(GetParam().id));
  EXPECT_THAT(report.ToStatus(), Fails(Code::kUnsupported, ""));
}

constexpr Row kUnsupported[] = {
    {"TransparentTls", kArgv,
     R"("Argv": []}, "TLS": ["web"]}}, "TLS": {"web": {"Outgoing": [{"Addr": "a", "Port": "1"}]}}, "x": {"y": {"w": {"z": 1)",
     "marble.tls"},
    {"FeatureGate", kEnd,
     R"("Config": {"FeatureGates": ["signquoteendpoint"]}, "Models": {"digits")",
     "config.feature-gate"},
    {"SmallRsa", kCert, R"({"Type": "cert-rsa", "Size": 1024})", "secret.size"},
    {"PreviousSecret", kEnvEntry, R"("A": "{{ hex .Previous.Secrets.shared }}")",
     "marble.template"},
    {"PreviousSecretByIndex", kEnvEntry, R"("A": "{{ index .Previous.Secrets \"shared\" | hex }}")",
     "marble.template"},
    {"TemplateDefinition", kEnvEntry, R"("A": "{{ define \"x\" }}{{ end }}")", "marble.template"},
};

INSTANTIATE_TEST_SUITE_P(Rows, UnsupportedWish, ::testing::ValuesIn(kUnsupported),
                         [](const auto& row) { return std::string(row.param.name); });

class Note : public ::testing::TestWithParam<Row> {};

TEST_P(Note, IsTold) {
  const CheckReport report = Check(Replace(Good(), GetParam().from, GetParam().to));
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_THAT(Ids(report.notes), Contains(GetParam().id));
}

constexpr Row kNotes[] = {
    {"SealMode", kEnd, R"("Config": {"SealMode": "Disabled"}, "Models": {"digits")",
     "config.seal-mode"},
    {"Debug", kPackage,
     R"({"UniqueID": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "Debug": true})",
     "package.debug"},
    {"DebugWithoutIdentity", kPackage, R"({"Debug": true})", "package.identity"},
    {"AnyAdvisory", kPackage,
     R"({"UniqueID": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "AcceptedTCBStatuses": ["SWHardeningNeeded"]})",
     "package.tcb-any-advisory"},
    {"WeakerStatus", kPackage,
     R"({"UniqueID": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "AcceptedTCBStatuses": ["OutOfDate"], "AcceptedAdvisories": ["INTEL-SA-1"]})",
     "package.tcb-weaker"},
    {"Revoked", kPackage,
     R"({"UniqueID": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "AcceptedTCBStatuses": ["Revoked"]})",
     "package.tcb-revoked"},
    {"UselessAdvisories", kPackage,
     R"({"UniqueID": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "AcceptedAdvisories": ["INTEL-SA-1"]})",
     "package.advisories-unused"},
    {"TrustAnchors", kPackage,
     R"({"UniqueID": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "TrustAnchors": ["0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"]})",
     "package.trust-anchors"},
    {"UnusedPackage", R"("Packages": {)", R"("Packages": {"x": {}, )", "package.unused"},
    {"Infrastructures", kEnd, R"("Infrastructures": {"i": {}}, "Models": {"digits")",
     "infrastructure.ignored"},
    {"MarbleRunDialect", R"("Marbles": {)", R"("Marbles": {"m": {"Package": "server"}, )",
     "marble.marblerun-dialect"},
    {"PrivateKeyInUndeclaredEnvironment", R"("Marbles": {)",
     R"("Marbles": {"m": {"Package": "server", "Parameters": {"Env": {"K": "{{ pem .Secrets.cert.Private }}"}}}, )",
     "marble.private-key-env"},
    {"ModelKeyByTemplate", R"("Marbles": {)",
     R"("Marbles": {"m": {"Package": "server", "Parameters": {"Files": {"/k": "{{ raw .Secrets.key }}"}}}, )",
     "marble.model-key"},
    {"NoClients", R"("Clients": ["askers"])", R"("Clients": [])", "model.no-clients"},
    {"UnusedModel", R"("Models": ["digits"])", R"("Models": [])", "model.unused"},
    {"CertificateAuthority", kCert,
     R"({"Type": "cert-ecdsa", "Size": 256, "Cert": {"IsCA": true}})", "secret.ca"},
    {"CertOfKey", kShared,
     R"({"Type": "symmetric-key", "Size": 256, "Shared": true, "Cert": {"IsCA": true}})",
     "secret.cert-unused"},
    {"UpdateRole", kWriter, R"({"ResourceType": "Manifest", "Actions": ["UpdateManifest"]})",
     "role.update"},
    {"InferRoleThatNoModelNames", kWriter,
     R"({"ResourceType": "Models", "ResourceNames": ["digits"], "Actions": ["infer"]})",
     "role.infer-unused"},
    {"RotateRootSecret", kEnd, R"("Config": {"RotateRootSecret": true}, "Models": {"digits")",
     "config.rotate"},
    {"UnknownField", kEnd, R"("Modells": {}, "Models": {"digits")", "unknown-field"},
};

INSTANTIATE_TEST_SUITE_P(Rows, Note, ::testing::ValuesIn(kNotes),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(CheckManifest, PassesAClientRoleThatAllowsInference) {
  const CheckReport report = Check(Replace(
      Good(), R"("askers": {})",
      R"("askers": {"ResourceType": "Models", "ResourceNames": ["digits"], "Actions": ["Infer"]})"));
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_THAT(report.notes, IsEmpty());
}

TEST(CheckManifest, TakesADeclarationForWhatItSaysOfPrivateKeys) {
  const CheckReport report = Check(Replace(
      Good(), R"("Marbles": {)",
      R"("Marbles": {"m": {"Package": "server", "Activation": "marblerun", "Parameters": {"Env": {"K": "{{ pem .Secrets.cert.Private }}"}}}, )"));
  EXPECT_THAT(report.problems, IsEmpty());
  // Our dialect gives a declared marble the same environment.
  EXPECT_THAT(Ids(report.notes), ::testing::Not(Contains("marble.private-key-env")));
}

TEST(CheckManifest, RefusesTwoUsersWithOneCertificate) {
  const CheckReport report = Check(Replace(Good(), ClientPem(), OwnerPem()));
  ASSERT_THAT(Ids(report.problems), Contains("user.certificate"));
}

TEST(CheckValidity, NamesUsersWhoseCertificatesAreNotValidForLong) {
  ASSERT_OK_AND_ASSIGN(const Manifest manifest, ParseManifest(Good()));
  const auto owner = crypto::Certificate::FromDer(manifest.users.at("owner").certificate_der);
  ASSERT_OK(owner);
  const UnixSeconds begin = owner->fields().not_before, end = owner->fields().not_after;
  const auto texts = [&](UnixSeconds now) {
    std::string all;
    for (const Remark& remark : CheckValidity(manifest, now)) all += remark.ToString() + "\n";
    return all;
  };
  const std::string user = "Users.owner.Certificate: ";
  EXPECT_THAT(texts(begin + -1),
              ::testing::HasSubstr(user + "is valid from " + FormatRfc3339(begin)));
  EXPECT_THAT(texts(end + 1), ::testing::HasSubstr(user + "ended at " + FormatRfc3339(end)));
  EXPECT_THAT(texts(end + -60), ::testing::HasSubstr(user + "ends at " + FormatRfc3339(end)));
  EXPECT_EQ(texts(end + -31 * 86'400), "");
}

TEST(CheckManifest, RefusesAClientNameThatIsUserAndRole) {
  const CheckReport report =
      Check(Replace(Replace(Good(), R"("askers": {})", R"("askers": {}, "client": {})"),
                    R"("Clients": ["askers"])", R"("Clients": ["client"])"));
  EXPECT_THAT(Ids(report.problems), Contains("model.client"));
}

TEST(CheckManifest, TakesRecoveryKeysForUnsupportedAndTheirTypeForAProblem) {
  const auto json_pem = [](const Result<crypto::PrivateKey>& key) {
    std::string pem = key->public_key().Pem();
    for (std::size_t at = 0; (at = pem.find('\n', at)) != std::string::npos; at += 2)
      pem.replace(at, 1, "\\n");
    return pem;
  };
  const auto with = [&](const std::string& pem) {
    return Check(
        Replace(Good(), kEnd, fmt::format(R"("RecoveryKeys": {{"r": "{}"}}, {})", pem, kEnd)));
  };
  const CheckReport rsa = with(json_pem(crypto::PrivateKey::GenerateRsa(2048)));
  EXPECT_THAT(rsa.problems, IsEmpty());
  EXPECT_THAT(Ids(rsa.unsupported), Contains("recovery"));
  const CheckReport ec = with(json_pem(crypto::PrivateKey::Generate(crypto::KeyType::kP256)));
  EXPECT_THAT(Ids(ec.problems), Contains("recovery.key"));
}

TEST(CheckManifest, ChecksOnlyPackagesThatAMarbleUses) {
  EXPECT_TRUE(Check(Replace(Good(), R"("Packages": {)",
                            R"("Packages": {"x": {"UniqueID": "00", "SignerID": "1"}, )"))
                  .ok());
}

TEST(CheckReport, NamesTheFirstProblemAndCountsTheOthers) {
  CheckReport report;
  report.unsupported.push_back({"b", "P", "is not done"});
  EXPECT_THAT(report.ToStatus(), Fails(Code::kUnsupported, "P: is not done"));
  report.problems.push_back({"a", "Q", "is wrong"});
  report.problems.push_back({"a", "R", "is wrong"});
  EXPECT_THAT(report.ToStatus(), Fails(Code::kMalformed, "Q: is wrong (and 1 more)"));
}

}  // namespace
}  // namespace strongroom::manifest
