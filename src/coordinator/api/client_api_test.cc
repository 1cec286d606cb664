#include "coordinator/api/client_api.h"

#include <fmt/format.h>

#include "attest/quote.h"
#include "base/encoding.h"
#include "coordinator/api/testing_clients.h"
#include "ratls/activation_binding.h"
#include "testing/result_matchers.h"

namespace strongroom::coordinator {
namespace {

using ::testing::HasSubstr;
using testing::ParseAnswer;
using testing::ServedStage;

class ClientApiTest : public ::testing::Test {
 protected:
  std::string Text(const std::string& path, const testing::TestUser* user = nullptr) {
    auto client = served_.Client(user);
    const net::ClientResponse response = served_.Get(*client, path);
    return fmt::format("{} {}", response.status, AsText(response.body));
  }
  std::string Send(const std::string& path, const std::string& body,
                   const testing::TestUser* user = nullptr) {
    auto client = served_.Client(user);
    const net::ClientResponse response = served_.Post(*client, path, body);
    return fmt::format("{} {}", response.status, AsText(response.body));
  }
  std::string ManifestBody() {
    return "{\"manifest\":\"" + Base64Encode(AsBytes(served_.stage.manifest())) + "\"}";
  }
  const testing::TestUser* owner() { return &served_.stage.owner; }

  ServedStage served_;
};

TEST_F(ClientApiTest, TellsItsState) {
  EXPECT_THAT(Text("/api/v2/status"),
              HasSubstr(R"(200 {"status":"success","data":{"code":2,"message":"Ready to accept)"));
  EXPECT_THAT(Text("/status"), HasSubstr(R"("data":{"StatusCode":2,"StatusMessage":"Ready)"));
  EXPECT_THAT(Text("/readyz"), HasSubstr("503 Ready to accept a manifest"));
  EXPECT_EQ(Text("/healthz"), "200 alive\n");
  served_.stage.WithManifest();
  const std::string status = Text("/api/v2/status");
  EXPECT_THAT(status, HasSubstr("\"code\":3"));
  EXPECT_THAT(status, HasSubstr(HexEncode(testing::TestWorld().anchor().view())));
  EXPECT_THAT(status, HasSubstr("TrustAnchors: trusts 1 more root"));
  EXPECT_THAT(Text("/readyz"), HasSubstr("200 A manifest is set"));
}

TEST_F(ClientApiTest, AnswersUnknownPathsAndMethodsAsOldClientsWantIt) {
  auto client = served_.Client();
  for (const char* path : {"/", "/api/v2/nothing", "/api/v3/status", "/statusx"}) {
    const net::ClientResponse response = served_.Get(*client, path);
    EXPECT_EQ(response.status, 405) << path;
    EXPECT_EQ(AsText(response.body), "{\"status\":\"error\",\"data\":null}\n");
    EXPECT_EQ(response.headers.Get("content-type"), "text/plain; charset=utf-8");
    EXPECT_EQ(response.headers.Get("x-content-type-options"), "nosniff");
  }
  EXPECT_EQ(served_.Post(*client, "/api/v2/status", "").status, 405);
}

TEST_F(ClientApiTest, SaysPlainlyWhatItDoesNotDoYet) {
  EXPECT_THAT(Send("/api/v2/recover", "{}"),
              HasSubstr(R"(501 {"status":"error","data":null,"message":"recovery is not)"));
  EXPECT_THAT(Text("/api/v2/update"), HasSubstr("501 "));
  EXPECT_THAT(Send("/api/v2/sign-quote", "{}"), HasSubstr("403 "));
  EXPECT_THAT(Send("/recover", "{}"), HasSubstr("410 "));
}

// The rest of MarbleRun's first API: its clients must not take this for an older server.
TEST_F(ClientApiTest, SaysSoInTheFirstApiToo) {
  for (const char* path : {"/update", "/update-manifest"}) {
    EXPECT_THAT(Text(path), HasSubstr("501 {\"status\":\"error\"")) << path;
    EXPECT_THAT(Text(path), HasSubstr("updates of the manifest are not supported")) << path;
    EXPECT_THAT(Send(path, "{}"), HasSubstr("501 ")) << path;
  }
  EXPECT_THAT(Send("/update-cancel", ""), HasSubstr("501 "));
  EXPECT_THAT(Text("/secrets?s=key"), HasSubstr("501 "));
  EXPECT_THAT(Send("/secrets", "{}"), HasSubstr("use /api/v2/secrets"));
}

TEST_F(ClientApiTest, TakesAndShowsTheManifest) {
  EXPECT_THAT(Text("/api/v2/manifest"),
              HasSubstr(R"(500 {"status":"error","data":null,"message":)"));
  EXPECT_THAT(Text("/manifest"), HasSubstr(R"("ManifestSignature":"","Manifest":"")"));
  EXPECT_EQ(Send("/api/v2/manifest", ManifestBody()),
            R"(200 {"status":"success","data":{"RecoverySecrets":null}})");
  auto client = served_.Client();
  ASSERT_OK_AND_ASSIGN(const JsonDocument answer,
                       ParseAnswer(served_.Get(*client, "/api/v2/manifest")));
  const Json& data = *answer.root().Find("data");
  EXPECT_EQ(*data.GetString("manifest"), Base64Encode(AsBytes(served_.stage.manifest())));
  EXPECT_EQ(*data.GetString("manifestFingerprint"),
            HexEncode(manifest::Fingerprint(served_.stage.manifest()).view()));
  ASSERT_OK_AND_ASSIGN(const Bytes signature,
                       Base64Decode(*data.GetString("manifestSignatureRootECDSA")));
  ASSERT_OK_AND_ASSIGN(const auto root, served_.stage.core().authorities().root.public_key());
  EXPECT_OK(root.Verify(crypto::SignatureScheme::kEcdsaSha256, AsBytes(served_.stage.manifest()),
                        signature));
  EXPECT_THAT(Send("/api/v2/manifest", ManifestBody()), HasSubstr("500 "));
  EXPECT_THAT(Send("/manifest", served_.stage.manifest()), HasSubstr("400 "));
}

TEST_F(ClientApiTest, TakesARawManifestTheOldWay) {
  EXPECT_EQ(Send("/manifest", served_.stage.manifest()), R"(200 {"status":"success","data":null})");
  EXPECT_THAT(Text("/manifest"),
              HasSubstr(HexEncode(manifest::Fingerprint(served_.stage.manifest()).view())));
}

TEST_F(ClientApiTest, RefusesBodiesThatAreNoManifest) {
  for (const char* body : {"", "{", "[]", "{}", R"({"manifest":5})", R"({"manifest":"***"})",
                           R"({"manifest":"e30=","manifest":"e30="})"}) {
    EXPECT_THAT(Send("/api/v2/manifest", body), HasSubstr("400 ")) << body;
  }
  EXPECT_THAT(Send("/api/v2/manifest", R"({"manifest":"e30="})"), HasSubstr("500 "))
      << "an empty manifest is well-formed JSON and no manifest";
  EXPECT_THAT(Send("/api/v2/manifest", std::string(8 << 20, ' ')), HasSubstr("413 "));
}

TEST_F(ClientApiTest, ProvesItselfOverRootAndNonce) {
  auto client = served_.Client();
  const crypto::Certificate& root = served_.stage.core().authorities().root;
  const auto quote_of = [&](const std::string& path) -> Bytes {
    const auto answer = ParseAnswer(served_.Get(*client, path));
    EXPECT_OK(answer);
    const Json& data = *answer->root().Find("data");
    EXPECT_EQ(*data.GetString("cert"),
              served_.stage.core().authorities().intermediate.Pem() + root.Pem());
    const auto evidence = Base64Decode(*data.GetString("quote"));
    EXPECT_OK(evidence);
    const auto quote = ratls::UnwrapOpenEnclave(*evidence);
    EXPECT_OK(quote);
    return ToBytes(*quote);
  };
  const Bytes nonce = {0xfb, 0xff, 1, 2, 3};
  for (const std::string& text : {Base64UrlEncode(nonce), Base64UrlEncode(nonce) + "="}) {
    const Bytes quote = quote_of("/api/v2/quote?nonce=" + PercentEncode(text));
    ASSERT_OK_AND_ASSIGN(const attest::Quote parsed, attest::ParseQuote(quote));
    EXPECT_EQ(parsed.body.report_data, ratls::QuoteEndpointReportData(root.der(), nonce));
  }
  const Bytes plain = quote_of("/api/v2/quote");
  ASSERT_OK_AND_ASSIGN(const attest::Quote parsed, attest::ParseQuote(plain));
  EXPECT_EQ(parsed.body.report_data, ratls::QuoteEndpointReportData(root.der(), {}));
  EXPECT_EQ(quote_of("/api/v2/quote"), plain) << "kept, because it is always the same";
  EXPECT_THAT(Text("/api/v2/quote?nonce=***"), HasSubstr("400 "));
  EXPECT_THAT(Text("/quote"), HasSubstr("\"Quote\":"));
}

TEST_F(ClientApiTest, TooManyQuotesForStrangersAreRefused) {
  auto client = served_.Client();
  const auto status = [&] { return served_.Get(*client, "/api/v2/quote?nonce=AAAA").status; };
  EXPECT_THAT(Text("/api/v2/quote"), HasSubstr("200 ")) << "costs one, and is kept";
  for (int i = 1; i < QuoteLimits().quote_burst; ++i) ASSERT_EQ(status(), 200) << i;
  EXPECT_EQ(status(), 429);
  EXPECT_THAT(Text("/api/v2/quote?nonce=AAAA"),
              HasSubstr("asked for too many quotes, wanted at most 50 at once and 10 a second"));
  EXPECT_THAT(Text("/api/v2/quote"), HasSubstr("200 "));
  EXPECT_OK(served_.stage.core().Prove({})) << "workloads ask by another way";
  served_.stage.clock.Set(testing::kStageTime + 1);
  for (int i = 0; i < QuoteLimits().quotes_per_second; ++i) ASSERT_EQ(status(), 200) << i;
  EXPECT_EQ(status(), 429);
}

TEST_F(ClientApiTest, KnowsUsersByTheirCertificate) {
  EXPECT_THAT(Text("/api/v2/secrets?s=shared", owner()), HasSubstr("500 ")) << "no manifest yet";
  served_.stage.WithManifest();
  EXPECT_THAT(Text("/api/v2/secrets?s=shared"), HasSubstr("401 "));
  EXPECT_THAT(Text("/api/v2/secrets?s=shared", &served_.stage.stranger), HasSubstr("401 "));
  EXPECT_THAT(Text("/api/v2/secrets?s=shared", &served_.stage.client), HasSubstr("500 "));
  EXPECT_THAT(Text("/api/v2/secrets", owner()), HasSubstr("400 "));
  EXPECT_THAT(Text("/api/v2/secrets?s=", owner()), HasSubstr("400 "));
  const std::string answer = Text("/api/v2/secrets?s=shared&s=kept", owner());
  EXPECT_THAT(answer, HasSubstr(R"("shared":{"Type":"symmetric-key","Size":256,"Shared":true,)"
                                R"("UserDefined":false,"Cert":null,"ValidFor":0,"Private":")"));
  EXPECT_THAT(answer, HasSubstr(R"("kept":{"Type":"cert-ecdsa","Size":384)"));
}

TEST_F(ClientApiTest, TakesSecretsForTheManifestThatIsMeant) {
  served_.stage.WithManifest();
  const std::string key = Base64Encode(Bytes(16, 9));
  const auto body = [&](const std::string& fingerprint) {
    return fmt::format(R"({{"secrets":{{"key":{{"key":"{}"}}}}{}}})", key, fingerprint);
  };
  const std::string mine = HexEncode(manifest::Fingerprint(served_.stage.manifest()).view());
  EXPECT_THAT(Send("/api/v2/secrets", body(""), nullptr), HasSubstr("401 "));
  EXPECT_THAT(Send("/api/v2/secrets", body(""), &served_.stage.client), HasSubstr("500 "));
  EXPECT_THAT(Send("/api/v2/secrets",
                   body(R"(,"manifestFingerprint":")" + std::string(64, '0') + "\""), owner()),
              HasSubstr("409 "));
  EXPECT_THAT(Send("/api/v2/secrets", body(R"(,"manifestFingerprint":"00")"), owner()),
              HasSubstr("400 "));
  EXPECT_THAT(Send("/api/v2/secrets",
                   body(R"(,"manifestfingerprint":")" + std::string(64, '0') + "\""), owner()),
              HasSubstr("400 "))
      << "misspelt is not absent";
  EXPECT_EQ(Send("/api/v2/secrets", body(R"(,"manifestFingerprint":")" + mine + "\""), owner()),
            R"(200 {"status":"success","data":null})");
  EXPECT_EQ(Send("/api/v2/secrets", body(""), owner()), R"(200 {"status":"success","data":null})");
  EXPECT_THAT(Text("/api/v2/secrets?s=key", owner()), HasSubstr(key));
  for (const char* bad :
       {"", "{}", R"({"secrets":[]})", R"({"secrets":{"key":{"Key":"*"}}})",
        R"({"secrets":{"key":{"Other":"AA=="}}})", R"({"secrets":{"key":{"Key":"AAAA"}}})"}) {
    EXPECT_THAT(Send("/api/v2/secrets", bad, owner()), HasSubstr("400 ")) << bad;
  }
}

TEST_F(ClientApiTest, ShowsTheAuditLogToUsers) {
  served_.stage.WithManifest();
  EXPECT_THAT(Text("/api/v2/audit"), HasSubstr("401 "));
  EXPECT_THAT(Text("/api/v2/audit?from=x", owner()), HasSubstr("400 "));
  const std::string page = Text("/api/v2/audit?from=1&limit=5", owner());
  EXPECT_THAT(page, HasSubstr(R"(\"event\":\"manifest-set\")"));
  EXPECT_THAT(page, HasSubstr(R"("head":{"seq":1,"sha256":")"));
}

TEST_F(ClientApiTest, OffersMetricsOnBothListeners) {
  static_cast<void>(Text("/api/v2/status"));
  EXPECT_THAT(Text("/metrics"), HasSubstr("strongroom_http_requests_total"));
  net::HttpsClient plain(net::HttpsClientOptions{});
  const auto response =
      plain.Get(fmt::format("http://127.0.0.1:{}/metrics", served_.front_ends().metrics_port()));
  ASSERT_OK(response);
  EXPECT_EQ(response->status, 200);
  const auto nothing = plain.Get(
      fmt::format("http://127.0.0.1:{}/api/v2/status", served_.front_ends().metrics_port()));
  ASSERT_OK(nothing);
  EXPECT_EQ(nothing->status, 404);
}

}  // namespace
}  // namespace strongroom::coordinator
