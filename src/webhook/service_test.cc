// The webhook over its socket: status codes, probes, reloads, draining.
#include "webhook/service.h"

#include <thread>

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/files.h"
#include "net/client.h"
#include "net/net_testing.h"
#include "testing/result_matchers.h"
#include "webhook/review.h"
#include "webhook/testing/reviews.h"

namespace strongroom::webhook {
namespace {

using nlohmann::json;
using strongroom::testing::Fails;

constexpr const char* kConfig =
    R"({"format":"strongroom-webhook/1","coordinator_address":"c:2001"})";

class ServiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryFolder::Make("webhook-test");
    ASSERT_OK(folder);
    folder_.emplace(*std::move(folder));
    Write("webhook.json", kConfig);
    WriteIdentity(net::MakeTestIdentity("localhost"));
    Start();
  }
  void TearDown() override {
    if (service_ != nullptr) service_->Stop();
  }

  std::filesystem::path Path(const std::string& name) { return folder_->path() / name; }
  void Write(const std::string& name, std::string_view text) {
    ASSERT_OK(WriteFileAtomic(Path(name), AsBytes(text), 0600));
  }
  void WriteIdentity(const net::TestIdentity& identity) {
    Write("tls.crt", identity.certificate_pem);
    Write("tls.key", AsText(identity.key_pem.Reveal()));
    leaf_ = identity.credentials.leaf();
  }
  Result<std::unique_ptr<Service>> TryStart() {
    return Service::Start({.listen = "127.0.0.1:0",
                           .health_listen = "127.0.0.1:0",
                           .config = Path("webhook.json"),
                           .certificate = Path("tls.crt"),
                           .key = Path("tls.key"),
                           .event_loops = 1},
                          clock_, log_, metrics_);
  }
  void Start() {
    auto service = TryStart();
    ASSERT_OK(service);
    service_ = *std::move(service);
  }

  net::HttpsClient Client() {
    return net::HttpsClient(
        {.tls = net::TlsClientOptions{.trust = net::TrustPinned{leaf_}}, .allow_http2 = false});
  }
  Result<net::ClientResponse> Send(net::HttpsClient& client, std::string method, std::string path,
                                   std::string_view body = {}, std::string type = {}) {
    net::ClientRequest request{.method = std::move(method),
                               .url = fmt::format("https://127.0.0.1:{}{}", service_->port(), path),
                               .body = ToBytes(body)};
    if (!type.empty()) request.headers.Add("content-type", std::move(type));
    return client.Send(std::move(request));
  }
  int StatusOf(std::string method, std::string path, std::string_view body = {},
               std::string type = {}) {
    net::HttpsClient client = Client();
    const auto response = Send(client, std::move(method), std::move(path), body, std::move(type));
    EXPECT_OK(response);
    return response.has_value() ? response->status : 0;
  }
  std::string Metrics() {
    net::HttpsClient client = Client();
    return ToText(Send(client, "GET", "/metrics")->body);
  }

  std::optional<TemporaryFolder> folder_;
  Bytes leaf_;
  SystemClock clock_;
  Log log_{"webhook-test", LogLevel::kError, LogFormat::kText};
  strongroom::Metrics metrics_;
  std::unique_ptr<Service> service_;
};

std::string MarbleReview() {
  return testing::MakeReview(testing::MakePod({{"strongroom.dev/marble", "server"}})).dump();
}

TEST_F(ServiceTest, AnswersAReviewOverAKeptConnection) {
  net::HttpsClient client = Client();
  std::optional<std::uint64_t> connection;
  for (int i = 0; i < 3; ++i) {
    const auto response = Send(client, "POST", "/mutate", MarbleReview(), "application/json");
    ASSERT_OK(response);
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->headers.Get("content-type"), "application/json");
    const json answer = json::parse(AsText(response->body));
    EXPECT_EQ(answer["response"]["allowed"], true);
    EXPECT_EQ(answer["response"]["patchType"], "JSONPatch");
    EXPECT_EQ(connection.value_or(response->connection->id), response->connection->id);
    connection = response->connection->id;
  }
}

TEST_F(ServiceTest, StatusesSayWhatIsWrongWithARequest) {
  const std::string review = MarbleReview();
  const struct {
    const char* name;
    const char* method;
    const char* path;
    std::string body;
    const char* type;
    int status;
  } rows[] = {
      {"a review", "POST", "/mutate", review, "application/json", 200},
      {"with a charset", "POST", "/mutate", review, "application/json; charset=utf-8", 200},
      {"in capitals", "POST", "/validate", review, "Application/JSON", 200},
      {"GET", "GET", "/mutate", "", "", 405},
      {"PUT", "PUT", "/validate", review, "application/json", 405},
      {"no media type", "POST", "/mutate", review, "", 415},
      {"YAML", "POST", "/mutate", review, "application/yaml", 415},
      {"a longer type", "POST", "/mutate", review, "application/json-patch+json", 415},
      {"no JSON", "POST", "/mutate", "{", "application/json", 400},
      {"nothing", "POST", "/mutate", "", "application/json", 400},
      {"another version", "POST", "/mutate", R"({"kind":"AdmissionReview","apiVersion":"v2"})",
       "application/json", 400},
      {"too deep", "POST", "/mutate", std::string(100, '[') + std::string(100, ']'),
       "application/json", 413},
      {"too large", "POST", "/mutate", std::string(kMaxReviewBytes + 1, ' '), "application/json",
       413},
      {"another path", "POST", "/convert", review, "application/json", 404},
      {"alive", "GET", "/healthz", "", "", 200},
      {"ready", "GET", "/readyz", "", "", 200},
      {"metrics", "GET", "/metrics", "", "", 200},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(StatusOf(row.method, row.path, row.body, row.type), row.status);
  }
}

TEST_F(ServiceTest, LargeReviewsAreAnsweredBesideTheLoop) {
  json pod = testing::MakePod({{"strongroom.dev/marble", "server"}});
  pod["metadata"]["annotations"]["note"] = std::string(2 * kMaxReviewOnLoop, 'x');
  EXPECT_EQ(StatusOf("POST", "/mutate", testing::MakeReview(pod).dump(), "application/json"), 200);
}

TEST_F(ServiceTest, ProbesAreThereWithoutTlsToo) {
  net::HttpsClient client({});
  for (const char* path : {"/healthz", "/readyz", "/metrics"}) {
    const auto response =
        client.Get(fmt::format("http://127.0.0.1:{}{}", service_->health_port(), path));
    ASSERT_OK(response);
    EXPECT_EQ(response->status, 200) << path;
  }
  const auto mutate =
      client.Get(fmt::format("http://127.0.0.1:{}/mutate", service_->health_port()));
  EXPECT_EQ(mutate->status, 404);
}

TEST_F(ServiceTest, CountsVerdicts) {
  EXPECT_EQ(StatusOf("POST", "/mutate", MarbleReview(), "application/json"), 200);
  EXPECT_EQ(StatusOf("POST", "/validate", MarbleReview(), "application/json"), 200);
  EXPECT_EQ(StatusOf("POST", "/mutate", "{", "application/json"), 400);
  const std::string metrics = Metrics();
  for (const char* line :
       {R"(strongroom_webhook_reviews_total{endpoint="mutate",verdict="patched"} 1)",
        R"(strongroom_webhook_reviews_total{endpoint="validate",verdict="denied"} 1)",
        R"(strongroom_webhook_reviews_total{endpoint="mutate",verdict="refused"} 1)",
        R"(strongroom_webhook_review_seconds_count{endpoint="mutate"} 2)",
        "strongroom_webhook_certificate_end_seconds"}) {
    EXPECT_NE(metrics.find(line), std::string::npos) << line << "\n" << metrics;
  }
}

TEST_F(ServiceTest, AChangedConfigurationIsTakenOverWhole) {
  Write("webhook.json", R"({"format":"strongroom-webhook/1","coordinator_address":"other:1"})");
  service_->Poll();
  net::HttpsClient client = Client();
  const auto response = Send(client, "POST", "/mutate", MarbleReview(), "application/json");
  const json answer = json::parse(AsText(response->body));
  const auto patch = Base64Decode(answer["response"]["patch"].get<std::string>());
  EXPECT_NE(AsText(*patch).find("other:1"), std::string_view::npos);
}

TEST_F(ServiceTest, ABadConfigurationLeavesTheOldOneInForce) {
  for (const char* bad : {"{", R"({"format":"x"})", ""}) {
    SCOPED_TRACE(bad);
    Write("webhook.json", bad);
    service_->Poll();
    net::HttpsClient client = Client();
    const auto response = Send(client, "POST", "/mutate", MarbleReview(), "application/json");
    const auto patch =
        Base64Decode(json::parse(AsText(response->body))["response"]["patch"].get<std::string>());
    EXPECT_NE(AsText(*patch).find("c:2001"), std::string_view::npos);
  }
  EXPECT_NE(Metrics().find("strongroom_webhook_reload_failures_total{what=\"configuration\"} 3"),
            std::string::npos);
}

TEST_F(ServiceTest, ARenewedCertificateIsShownToNewConnections) {
  net::HttpsClient before = Client();
  ASSERT_OK(Send(before, "GET", "/healthz"));
  WriteIdentity(net::MakeTestIdentity("localhost"));
  service_->Poll();
  EXPECT_EQ(StatusOf("GET", "/readyz"), 200) << "the client pins the new certificate";
  EXPECT_OK(Send(before, "GET", "/healthz")) << "open connections go on";
}

TEST_F(ServiceTest, AKeyOfAnotherCertificateIsNotTakenOverUntilThePairMatches) {
  const Bytes first = leaf_;
  const net::TestIdentity next = net::MakeTestIdentity("localhost");
  Write("tls.crt", next.certificate_pem);
  service_->Poll();
  leaf_ = first;
  EXPECT_EQ(StatusOf("GET", "/readyz"), 200);
  Write("tls.key", AsText(next.key_pem.Reveal()));
  service_->Poll();
  leaf_ = next.credentials.leaf();
  EXPECT_EQ(StatusOf("GET", "/readyz"), 200);
}

TEST_F(ServiceTest, DrainingIsNotReadyAndStillAnswers) {
  service_->BeginDraining();
  EXPECT_EQ(StatusOf("GET", "/readyz"), 503);
  EXPECT_EQ(StatusOf("GET", "/healthz"), 200);
  EXPECT_EQ(StatusOf("POST", "/mutate", MarbleReview(), "application/json"), 200);
}

TEST_F(ServiceTest, DoesNotStartWithoutWhatItServesBy) {
  const struct {
    const char* file;
    const char* text;
    Code code;
  } rows[] = {{"webhook.json", "{}", Code::kMalformed}, {"tls.crt", "x", Code::kMalformed}};
  for (const auto& row : rows) {
    SCOPED_TRACE(row.file);
    const std::string kept = *ReadTextFile(Path(row.file), 1 << 20);
    Write(row.file, row.text);
    EXPECT_THAT(TryStart(), Fails(row.code, ""));
    std::filesystem::remove(Path(row.file));
    EXPECT_THAT(TryStart(), Fails(Code::kNotFound, ""));
    Write(row.file, kept);
  }
}

TEST(Readiness, FollowsTheCertificate) {
  Readiness readiness;
  EXPECT_THAT(readiness.Check(UnixSeconds{100}), Fails(Code::kUnavailable, "no certificate yet"));
  readiness.ShowsCertificateUntil(UnixSeconds{100});
  EXPECT_OK(readiness.Check(UnixSeconds{100}));
  EXPECT_THAT(readiness.Check(UnixSeconds{101}), Fails(Code::kUnavailable, "ended at"));
}

}  // namespace
}  // namespace strongroom::webhook
