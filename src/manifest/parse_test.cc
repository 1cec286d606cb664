#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "manifest/manifest.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::manifest {
namespace {

using strongroom::testing::Fails;
using ::testing::AnyOf;
using ::testing::ElementsAre;

constexpr std::string_view kWhole = R"({
  "Packages": {
    "server": {"UniqueID": "AA11", "Debug": true, "AcceptedTCBStatuses": ["SWHardeningNeeded"],
               "AcceptedAdvisories": ["INTEL-SA-00615"],
               "TrustAnchors": ["00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"],
               "MinimumTCBEvaluationDataNumber": 19, "MinimumTCBDate": "2026-05-14"},
    "other": {"SignerID": "bb", "ProductID": 7, "SecurityVersion": 2, "MinimumTCBDate": "2026-05-14T01:02:03Z"}
  },
  "Infrastructures": {"cloud": {"CPUSVN": [1, 2, 255], "QESVN": 3, "PCESVN": 65535, "RootCA": "AQI="}},
  "Marbles": {
    "model-server": {
      "Package": "server", "MaxActivations": 3, "TLS": ["web"], "DisableSecretBinding": true,
      "Models": ["digits"], "Activation": "strongroom", "SANs": ["model.example", "10.0.0.1"],
      "Parameters": {
        "Argv": ["server", "--port", "1"],
        "Files": {"/a": "plain", "/b": {"Data": "AAEC", "Encoding": "Base64", "NoTemplates": true}},
        "Env": {"H": {"Data": "6869", "Encoding": "HEX"}, "S": {"Data": "x", "Encoding": "string"}}
      }
    }
  },
  "Users": {"owner": {"Certificate": "no pem", "Roles": ["writer"]}},
  "Roles": {"writer": {"ResourceType": "Secrets", "ResourceNames": ["key"], "Actions": ["WriteSecret"]}},
  "Secrets": {
    "key": {"Type": "symmetric-key", "Size": 128, "UserDefined": true},
    "cert": {"Type": "cert-ecdsa", "Size": 256, "Shared": true, "ValidFor": 7,
             "Cert": {"Subject": {"CommonName": "c", "Organization": ["o"]}, "DNSNames": ["d"],
                      "IPAddresses": ["1.2.3.4"], "KeyUsage": 5, "ExtKeyUsage": [1, 2],
                      "NotAfter": "2030-01-01T00:00:00Z", "IsCA": true, "URIs": null, "Version": 0}}
  },
  "TLS": {"web": {"Outgoing": [{"Addr": "h", "Port": "1"}],
                  "Incoming": [{"Port": "2", "Cert": "cert", "DisableClientAuth": true}]}},
  "RecoveryKeys": {"r": "pem"},
  "Config": {"SealMode": "UniqueKey", "FeatureGates": ["SignQuoteEndpoint"], "UpdateThreshold": 1,
             "RecoveryThreshold": 2, "RotateRootSecret": true},
  "Models": {"digits": {"Key": "key", "EmbeddedPrefix": "p", "Clients": ["owner"],
    "Files": {"1/model.bin": "0000000000000000000000000000000000000000000000000000000000000001"}}}
})";

TEST(ParseManifest, ReadsEveryFieldOfTheLanguage) {
  ASSERT_OK_AND_ASSIGN(const Manifest m, ParseManifest(kWhole));
  EXPECT_TRUE(m.unknown.empty());

  const Package& server = m.packages.at("server");
  EXPECT_EQ(server.unique_id, "aa11") << "measurements are compared in any case";
  EXPECT_TRUE(server.debug);
  EXPECT_THAT(server.accepted_tcb_statuses, ElementsAre("SWHardeningNeeded"));
  EXPECT_THAT(server.accepted_advisories, ElementsAre("INTEL-SA-00615"));
  ASSERT_EQ(server.trust_anchors.size(), 1U);
  EXPECT_EQ(server.trust_anchors[0].array()[31], 0xff);
  EXPECT_EQ(server.min_evaluation_number, 19U);
  EXPECT_EQ(FormatRfc3339(server.min_tcb_date.value()), "2026-05-14T00:00:00Z");
  EXPECT_EQ(FormatRfc3339(m.packages.at("other").min_tcb_date.value()), "2026-05-14T01:02:03Z");
  EXPECT_EQ(m.packages.at("other").product_id, 7U);
  EXPECT_EQ(m.packages.at("other").security_version, 2U);

  const Infrastructure& cloud = m.infrastructures.at("cloud");
  EXPECT_EQ(cloud.cpu_svn, (Bytes{1, 2, 255}));
  EXPECT_EQ(cloud.qe_svn, 3);
  EXPECT_EQ(cloud.pce_svn, 65535);
  EXPECT_EQ(cloud.root_ca, (Bytes{1, 2}));

  const Marble& marble = m.marbles.at("model-server");
  EXPECT_EQ(marble.package, "server");
  EXPECT_EQ(marble.max_activations, 3U);
  EXPECT_THAT(marble.argv, ElementsAre("server", "--port", "1"));
  EXPECT_EQ(marble.files.at("/a").data, "plain");
  EXPECT_FALSE(marble.files.at("/a").no_templates);
  EXPECT_EQ(marble.files.at("/b").data, std::string("\0\1\2", 3));
  EXPECT_TRUE(marble.files.at("/b").no_templates);
  EXPECT_EQ(marble.env.at("H").data, "hi");
  EXPECT_EQ(marble.env.at("S").data, "x");
  EXPECT_THAT(marble.tls, ElementsAre("web"));
  EXPECT_TRUE(marble.disable_secret_binding);
  EXPECT_THAT(marble.models, ElementsAre("digits"));
  EXPECT_EQ(marble.activation, Dialect::kStrongroom);
  EXPECT_THAT(marble.sans, ElementsAre("model.example", "10.0.0.1"));

  EXPECT_THAT(m.users.at("owner").roles, ElementsAre("writer"));
  EXPECT_TRUE(m.users.at("owner").certificate_der.empty());
  EXPECT_EQ(m.roles.at("writer").resource_type, "Secrets");
  EXPECT_THAT(m.roles.at("writer").resource_names, ElementsAre("key"));
  EXPECT_THAT(m.roles.at("writer").actions, ElementsAre("WriteSecret"));

  const Secret& cert = m.secrets.at("cert");
  EXPECT_EQ(cert.type, SecretType::kCertEcdsa);
  EXPECT_EQ(cert.size, 256U);
  EXPECT_TRUE(cert.shared);
  EXPECT_EQ(cert.valid_for, 7U);
  EXPECT_EQ(cert.cert.subject.common_name, "c");
  EXPECT_THAT(cert.cert.subject.organization, ElementsAre("o"));
  EXPECT_THAT(cert.cert.dns_names, ElementsAre("d"));
  EXPECT_THAT(cert.cert.ip_addresses, ElementsAre("1.2.3.4"));
  EXPECT_EQ(cert.cert.key_usage, 5U);
  EXPECT_THAT(cert.cert.ext_key_usage, ElementsAre(1, 2));
  EXPECT_EQ(cert.cert.not_after, "2030-01-01T00:00:00Z");
  EXPECT_TRUE(cert.cert.is_ca);
  EXPECT_TRUE(m.secrets.at("key").user_defined);

  EXPECT_EQ(m.tls.at("web").outgoing.at(0).addr, "h");
  EXPECT_EQ(m.tls.at("web").incoming.at(0).cert, "cert");
  EXPECT_TRUE(m.tls.at("web").incoming.at(0).disable_client_auth);
  EXPECT_EQ(m.recovery_keys.at("r"), "pem");
  EXPECT_EQ(m.config.seal_mode, SealMode::kUniqueKey);
  EXPECT_THAT(m.config.feature_gates, ElementsAre("SignQuoteEndpoint"));
  EXPECT_EQ(m.config.update_threshold, 1U);
  EXPECT_EQ(m.config.recovery_threshold, 2U);
  EXPECT_TRUE(m.config.rotate_root_secret);

  const Model& model = m.models.at("digits");
  EXPECT_EQ(model.key, "key");
  EXPECT_EQ(model.embedded_prefix, "p");
  EXPECT_THAT(model.clients, ElementsAre("owner"));
  EXPECT_EQ(model.files.at("1/model.bin").array()[31], 1);
}

TEST(ParseManifest, MatchesFieldNamesInAnyCaseAndMapKeysExactly) {
  ASSERT_OK_AND_ASSIGN(const Manifest m,
                       ParseManifest(R"({"PACKAGES": {"A": {"uniqueid": "00"}, "a": {}},
      "marbles": {"M": {"package": "A", "parameters": {"ARGV": ["x"]}}},
      "Secret\u017f": {"k": {"type": "plain"}}, "\u212aey": 1})"));
  EXPECT_EQ(m.packages.size(), 2U);
  EXPECT_EQ(m.packages.at("A").unique_id, "00");
  EXPECT_EQ(m.marbles.at("M").argv.size(), 1U);
  EXPECT_EQ(m.secrets.count("k"), 1U) << "Go folds the long s, too";
  ASSERT_EQ(m.unknown.size(), 1U);
}

TEST(ParseManifest, TakesNullForUnset) {
  ASSERT_OK_AND_ASSIGN(const Manifest m,
                       ParseManifest(R"({"Packages": {"p": {"UniqueID": null, "ProductID": null,
      "Debug": null, "AcceptedTCBStatuses": null, "TrustAnchors": null}, "q": null}, "Marbles": null, "Config": null,
      "Users": {"u": null}, "Secrets": {}, "Infrastructures": {"i": {"CPUSVN": null, "QESVN": null}}})"));
  EXPECT_EQ(m.packages.at("p").product_id, std::nullopt);
  EXPECT_EQ(m.packages.size(), 2U);
  EXPECT_TRUE(m.users.at("u").roles.empty());
  EXPECT_EQ(m.infrastructures.at("i").qe_svn, std::nullopt);
}

TEST(ParseManifest, CollectsUnknownFieldsWithTheirPlace) {
  ASSERT_OK_AND_ASSIGN(const Manifest m,
                       ParseManifest(R"({"Pakages": {}, "Packages": {"p": {"UniqueIDs": "a"}},
      "Config": {"X": 1}})"));
  std::vector<std::string> paths;
  for (const Remark& remark : m.unknown) {
    EXPECT_EQ(remark.id, "unknown-field");
    paths.push_back(remark.path);
  }
  EXPECT_THAT(paths,
              ::testing::UnorderedElementsAre("Pakages", "Packages.p.UniqueIDs", "Config.X"));
}

struct BadRow {
  const char* name;
  const char* json;
  Code code;
  const char* text;
};

class BadManifest : public ::testing::TestWithParam<BadRow> {};

TEST_P(BadManifest, IsRefused) {
  EXPECT_THAT(ParseManifest(GetParam().json), Fails(GetParam().code, GetParam().text));
}

constexpr BadRow kBadRows[] = {
    {"Empty", "", Code::kMalformed, "not JSON"},
    {"Array", "[]", Code::kMalformed, "no JSON object"},
    {"Null", "null", Code::kMalformed, "no JSON object"},
    {"TrailingBytes", "{} x", Code::kMalformed, "not JSON"},
    {"DuplicateField", R"({"Packages": {}, "Packages": {}})", Code::kMalformed, "twice"},
    {"DuplicateInOtherCase", R"({"Packages": {}, "packages": {}})", Code::kMalformed,
     "in different case"},
    {"DuplicateByFolding", R"({"Secrets": {}, "\u017fecrets": {}})", Code::kMalformed,
     "in different case"},
    {"DuplicateInnerField", R"({"Packages": {"p": {"Debug": true, "debug": false}}})",
     Code::kMalformed, "in different case"},
    {"DuplicateNullField", R"({"Packages": {"p": {"Debug": true, "debug": null}}})",
     Code::kMalformed, "in different case"},
    {"DuplicateUnknownField", R"({"foo": 1, "FOO": 2})", Code::kMalformed, "in different case"},
    {"DuplicateMapKey", R"({"Packages": {"p": {}, "p": {}}})", Code::kMalformed, "twice"},
    {"PackagesAsArray", R"({"Packages": []})", Code::kMalformed, "Packages is no object"},
    {"PackageAsText", R"({"Packages": {"p": "x"}})", Code::kMalformed, "Packages.p is no object"},
    {"UniqueIdAsNumber", R"({"Packages": {"p": {"UniqueID": 1}}})", Code::kMalformed,
     "Packages.p.UniqueID"},
    {"NegativeProductId", R"({"Packages": {"p": {"ProductID": -1}}})", Code::kMalformed,
     "ProductID"},
    {"FractionalProductId", R"({"Packages": {"p": {"ProductID": 1.5}}})", Code::kMalformed,
     "ProductID"},
    {"ProductIdAsText", R"({"Packages": {"p": {"ProductID": "1"}}})", Code::kMalformed,
     "ProductID"},
    {"DebugAsNumber", R"({"Packages": {"p": {"Debug": 1}}})", Code::kMalformed, "Debug"},
    {"TcbDateIsNone", R"({"Packages": {"p": {"MinimumTCBDate": "2026-05"}}})", Code::kMalformed,
     "MinimumTCBDate"},
    {"TcbDateAsNumber", R"({"Packages": {"p": {"MinimumTCBDate": 2026}}})", Code::kMalformed,
     "MinimumTCBDate"},
    {"EvaluationNumberTooLarge",
     R"({"Packages": {"p": {"MinimumTCBEvaluationDataNumber": 4294967296}}})", Code::kMalformed,
     "MinimumTCBEvaluationDataNumber"},
    {"StatusesAsText", R"({"Packages": {"p": {"AcceptedTCBStatuses": "UpToDate"}}})",
     Code::kMalformed, "no array"},
    {"ShortAnchor", R"({"Packages": {"p": {"TrustAnchors": ["00"]}}})", Code::kMalformed,
     "has 1 bytes, wanted 32"},
    {"AnchorNotHex", R"({"Packages": {"p": {"TrustAnchors": ["zz"]}}})", Code::kMalformed,
     "foreign character"},
    {"ByteOverflow", R"({"Infrastructures": {"i": {"CPUSVN": [256]}}})", Code::kMalformed,
     "wanted at most 255"},
    {"QesvnOverflow", R"({"Infrastructures": {"i": {"QESVN": 65536}}})", Code::kMalformed,
     "wanted at most 65535"},
    {"BadBase64", R"({"Infrastructures": {"i": {"RootCA": "a"}}})", Code::kMalformed, "base64"},
    {"FileAsNumber", R"({"Marbles": {"m": {"Parameters": {"Files": {"/a": 1}}}}})",
     Code::kMalformed, "/a"},
    {"UnknownEncoding",
     R"({"Marbles": {"m": {"Parameters": {"Env": {"A": {"Data": "x", "Encoding": "rot13"}}}}}})",
     Code::kMalformed, "wanted string, base64 or hex"},
    {"BadHexData",
     R"({"Marbles": {"m": {"Parameters": {"Env": {"A": {"Data": "x", "Encoding": "hex"}}}}}})",
     Code::kMalformed, "hex"},
    {"ArgvOfNumbers", R"({"Marbles": {"m": {"Parameters": {"Argv": [1]}}}})", Code::kMalformed,
     "Argv[0]"},
    {"UnknownActivation", R"({"Marbles": {"m": {"Activation": "Strongroom"}}})", Code::kMalformed,
     "Activation"},
    {"SecretWithoutType", R"({"Secrets": {"s": {"Size": 128}}})", Code::kMalformed, "has no Type"},
    {"UnknownSecretType", R"({"Secrets": {"s": {"Type": "cert-dsa"}}})", Code::kMalformed,
     "wanted one of"},
    {"SecretWithValue", R"({"Secrets": {"s": {"Type": "plain", "Private": "AA=="}}})",
     Code::kMalformed, "a definition only"},
    {"UnsupportedCertField", R"({"Secrets": {"s": {"Type": "cert-rsa", "Cert": {"URIs": ["x"]}}}})",
     Code::kUnsupported, "URIs"},
    {"UnsupportedSubjectField",
     R"({"Secrets": {"s": {"Type": "cert-rsa", "Cert": {"Subject": {"Names": [1]}}}}})",
     Code::kUnsupported, "Names"},
    {"UnknownSealMode", R"({"Config": {"SealMode": "productkey"}})", Code::kMalformed, "SealMode"},
    {"PortAsNumber", R"({"TLS": {"t": {"Incoming": [{"Port": 1}]}}})", Code::kMalformed, "Port"},
    {"ShortFileDigest", R"({"Models": {"m": {"Files": {"1/a": "00"}}}})", Code::kMalformed,
     "wanted 32"},
};

INSTANTIATE_TEST_SUITE_P(Rows, BadManifest, ::testing::ValuesIn(kBadRows),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(ParseManifest, RefusesWhatIsTooLargeOrTooDeep) {
  const std::string large = fmt::format(R"({{"x": "{}"}})", std::string(kMaxManifestBytes, 'a'));
  EXPECT_THAT(ParseManifest(large), Fails(Code::kExhausted, "wanted at most"));
  const std::string deep = R"({"x": )" + std::string(40, '[') + std::string(40, ']') + "}";
  EXPECT_THAT(ParseManifest(deep), Fails(Code::kExhausted, "nested deeper"));
}

TEST(ParseManifest, RefusesEveryTruncation) {
  strongroom::testing::ForEachTruncation(AsBytes(kWhole), [](ByteView mutated, std::size_t offset) {
    EXPECT_FALSE(ParseManifest(AsText(mutated)).has_value()) << offset;
  });
}

// Entries of each kind. What a manifest says may change by a byte, but nothing in it gets lost.
std::vector<std::size_t> Entries(const Manifest& manifest) {
  return {manifest.packages.size(), manifest.infrastructures.size(), manifest.marbles.size(),
          manifest.users.size(),    manifest.roles.size(),           manifest.secrets.size(),
          manifest.tls.size(),      manifest.models.size()};
}

TEST(ParseManifest, AFlippedByteIsRefusedOrKeepsEveryEntryOrIsRemarkedOn) {
  ASSERT_OK_AND_ASSIGN(const Manifest whole, ParseManifest(kWhole));
  strongroom::testing::ForEachFlip(AsBytes(kWhole), [&](ByteView mutated, std::size_t offset) {
    const auto manifest = ParseManifest(AsText(mutated));
    if (!manifest) {
      EXPECT_THAT(manifest.error().code(), AnyOf(Code::kMalformed, Code::kUnsupported))
          << offset << manifest.error().ToString();
    } else if (manifest->unknown.size() <= whole.unknown.size()) {
      EXPECT_EQ(Entries(*manifest), Entries(whole)) << offset;
    }
  });
}

TEST(Fingerprint, IsTheSha256OfTheBytesAsUploaded) {
  EXPECT_EQ(HexEncode(Fingerprint("{}").view()),
            "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
  EXPECT_NE(Fingerprint("{}"), Fingerprint("{ }"));
}

TEST(MayActivateBy, DemandsOurDialectForOurAdditions) {
  const auto marble = [](std::string_view json) {
    const auto manifest = ParseManifest(fmt::format(R"({{"Marbles": {{"m": {} }} }})", json));
    EXPECT_OK(manifest);
    return manifest.has_value() ? manifest->marbles.at("m") : Marble{};
  };
  struct Row {
    const char* json;
    bool marblerun;
  };
  constexpr Row rows[] = {{R"({})", true},
                          {R"({"Activation": "marblerun"})", true},
                          {R"({"Activation": "strongroom"})", false},
                          {R"({"Models": ["a"]})", false},
                          {R"({"SANs": ["a"]})", false},
                          {R"({"Activation": "marblerun", "Models": ["a"]})", false},
                          {R"({"Activation": "marblerun", "SANs": ["a"]})", false}};
  for (const Row& row : rows) {
    EXPECT_EQ(MayActivateBy(marble(row.json), Dialect::kMarbleRun), row.marblerun) << row.json;
    EXPECT_TRUE(MayActivateBy(marble(row.json), Dialect::kStrongroom)) << row.json;
  }
}

TEST(SansOf, GivesTheListedNamesOrTheMarblesOwn) {
  Marble marble;
  EXPECT_THAT(SansOf("server", marble), ElementsAre("server", "localhost"));
  marble.sans = {"model.example"};
  EXPECT_THAT(SansOf("server", marble), ElementsAre("model.example"));
}

}  // namespace
}  // namespace strongroom::manifest
