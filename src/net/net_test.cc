// The server and the clients of this room, talking to each other over real sockets.

#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <thread>

#include <fmt/format.h>

#include "base/files.h"
#include "net/address.h"
#include "net/client.h"
#include "net/grpc_client.h"
#include "net/net_testing.h"
#include "net/server.h"
#include "net/transport.h"
#include "testing/result_matchers.h"

namespace strongroom::net {
namespace {

using testing::Fails;

constexpr std::string_view kLabel = "EXPORTER-net-test";

class NetTest : public ::testing::Test {
 protected:
  void Serve(ClientCertificate wanted, Limits limits = {}) {
    auto router = std::make_shared<Router>();
    router->Handle("GET", "/hello/{name}", [](const Request& request) {
      return Response::Text(200, "hello " + std::string(*request.Param("name")) + "\n");
    });
    router->Handle("POST", "/echo",
                   [](const Request& request) {
                     return Response{.headers = {{"content-type", "application/octet-stream"}},
                                     .body = ToBytes(request.body.view())};
                   },
                   {.max_body_bytes = 64 << 20});
    router->Handle("GET", "/big",
                   [](const Request&) { return Response{.body = Bytes(40 << 20, 'x')}; });
    router->Handle("GET", "/peer", [](const Request& request) {
      const Bytes* const peer = request.connection->peer_certificate();
      return Response{.body = peer == nullptr ? Bytes{} : *peer};
    });
    auto service = std::make_shared<GrpcService>();
    service->Handle(
        "/test.Echo/Echo",
        [](const GrpcCall&, ByteView message) -> Result<Bytes> { return ToBytes(message); },
        {.max_message_bytes = 32 << 20});
    service->Handle("/test.Echo/Exporter", [](const GrpcCall& call, ByteView) -> Result<Bytes> {
      return call.connection->tls.Exporter(kLabel);
    });
    service->Handle("/test.Echo/Refuse", [](const GrpcCall&, ByteView) -> Result<Bytes> {
      return Denied("50 % of \xc3\xa4ll");
    });
    service->HandleAsync("/test.Echo/Never",
                         [this](GrpcCall call, GrpcMessage, GrpcResponder responder) {
                           const std::lock_guard lock(mutex_);
                           pending_.emplace_back(std::move(call), std::move(responder));
                         });
    server_identity_ = MakeTestIdentity("localhost");
    client_identity_ = MakeTestIdentity("client");
    ASSERT_OK_AND_ASSIGN(
        server_,
        Server::Start(
            {.listeners = {{.address = "127.0.0.1:0",
                            .tls = TlsServerOptions{.credentials = server_identity_->credentials,
                                                    .client_certificate = wanted,
                                                    .exporter_labels = {std::string(kLabel)}},
                            .router = router,
                            .grpc_services = {service}}},
             .event_loops = 2,
             .limits = limits,
             .access_log = access_log_.get(),
             .metrics = &metrics_}));
  }
  TlsClientOptions Pinned(bool with_certificate = false) {
    return {.trust = TrustPinned{server_identity_->credentials.leaf()},
            .credentials = with_certificate
                               ? std::make_shared<const Credentials>(client_identity_->credentials)
                               : nullptr,
            .exporter_labels = {std::string(kLabel)}};
  }
  std::string Url(std::string_view path) {
    return fmt::format("https://127.0.0.1:{}{}", server_->port(), path);
  }
  std::string Address() { return fmt::format("127.0.0.1:{}", server_->port()); }

  Metrics metrics_;
  std::unique_ptr<Log> access_log_;  // none, unless a test makes one
  std::mutex mutex_;
  std::vector<std::pair<GrpcCall, GrpcResponder>> pending_;
  std::optional<TestIdentity> server_identity_;
  std::optional<TestIdentity> client_identity_;
  std::unique_ptr<Server> server_;
};

TEST_F(NetTest, BothHttpVersionsAnswerOnOnePort) {
  Serve(ClientCertificate::kOptional);
  for (const bool http2 : {false, true}) {
    HttpsClient client({.tls = Pinned(), .allow_http2 = http2});
    for (int i = 0; i < 3; ++i) {
      ASSERT_OK_AND_ASSIGN(const ClientResponse response, client.Get(Url("/hello/w%C3%B6rld?x=1")));
      EXPECT_EQ(response.status, 200);
      EXPECT_EQ(ToText(response.body), "hello w\xc3\xb6rld\n");
      EXPECT_EQ(response.connection->tls.alpn, http2 ? "h2" : "http/1.1");
    }
    ASSERT_OK_AND_ASSIGN(const ClientResponse missing, client.Get(Url("/nothing")));
    EXPECT_EQ(missing.status, 404);
    ASSERT_OK_AND_ASSIGN(const ClientResponse method,
                         client.Post(Url("/hello/x"), "text/plain", {}));
    EXPECT_EQ(method.status, 405);
  }
}

TEST_F(NetTest, LargeBodiesGoBothWays) {
  Serve(ClientCertificate::kOptional);
  Bytes body(30 << 20);
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<std::uint8_t>(i * 31 >> 3);
  for (const bool http2 : {false, true}) {
    HttpsClient client({.tls = Pinned(), .max_response_bytes = 64 << 20, .allow_http2 = http2});
    ASSERT_OK_AND_ASSIGN(const ClientResponse response,
                         client.Post(Url("/echo"), "application/octet-stream", body));
    EXPECT_TRUE(Equal(response.body, body));
    ASSERT_OK_AND_ASSIGN(const ClientResponse big, client.Get(Url("/big")));
    EXPECT_EQ(big.body.size(), 40U << 20);
  }
}

TEST_F(NetTest, HandlersSeeTheClientsCertificate) {
  Serve(ClientCertificate::kRequired);
  HttpsClient client({.tls = Pinned(true)});
  ASSERT_OK_AND_ASSIGN(const ClientResponse response, client.Get(Url("/peer")));
  EXPECT_EQ(response.body, client_identity_->credentials.leaf());
  HttpsClient stranger({.tls = Pinned(false)});
  EXPECT_THAT(stranger.Get(Url("/peer")), Fails(Code::kUnavailable, "certificate required"));
}

// In TLS 1.3 a client has shaken hands before the server has seen that it showed no certificate,
// and may be writing: reset, it would never read why.
TEST_F(NetTest, WhoIsRefusedMayFinishItsSentence) {
  Serve(ClientCertificate::kRequired);
  ASSERT_OK_AND_ASSIGN(const auto context, TlsContext::ForClient(Pinned(false), false, true));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  ASSERT_OK_AND_ASSIGN(const UniqueFd fd, ConnectTo({"127.0.0.1", server_->port()}, deadline));
  ASSERT_OK_AND_ASSIGN(const auto transport, context->NewTransport(fd.get(), "127.0.0.1"));
  const auto wait = [&] {
    ASSERT_OK(transport->Flush());
    pollfd readable{fd.get(), POLLIN, 0};
    ASSERT_EQ(::poll(&readable, 1, 5000), 1);
  };
  for (auto progress = transport->Handshake(); progress != Progress::kDone;
       progress = transport->Handshake()) {
    ASSERT_OK(progress);
    wait();
  }
  wait();  // the alert
  for (int word = 0; word < 3; ++word) {
    ASSERT_OK(transport->Write(AsBytes("and another thing")));
    EXPECT_OK(transport->Flush()) << "reset at word " << word;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  Bytes answer(1000);
  std::size_t n = 0;
  EXPECT_THAT(transport->Read(answer, n), Fails(Code::kUnavailable, "certificate required"));
}

TEST_F(NetTest, TheCallersCheckDecides) {
  Serve(ClientCertificate::kOptional);
  HttpsClient client(
      {.tls = TlsClientOptions{.trust = TrustCheck{[](std::string_view host,
                                                      const std::vector<Bytes>& chain) -> Status {
                                 EXPECT_EQ(host, "127.0.0.1");
                                 EXPECT_EQ(chain.size(), 1U);
                                 return Untrusted("mrenclave is another");
                               }}}});
  EXPECT_THAT(client.Get(Url("/peer")), Fails(Code::kUntrusted, "mrenclave is another"));
}

TEST_F(NetTest, TheCallersCheckMustAgreeWithTheRoots) {
  Serve(ClientCertificate::kOptional);
  int asked = 0;
  Status verdict = {};
  const auto get = [&](Bytes root, std::string host) {
    TrustRoots trust{.roots = {std::move(root)},
                     .also = [&](std::string_view, const std::vector<Bytes>& chain) {
                       ++asked;
                       EXPECT_EQ(chain.size(), 1U);
                       return verdict;
                     }};
    HttpsClient client(
        {.tls = TlsClientOptions{.trust = std::move(trust), .server_name = std::move(host)}});
    return client.Get(Url("/peer"));
  };
  const Bytes& root = server_identity_->credentials.leaf();
  EXPECT_OK(get(root, "localhost"));
  EXPECT_EQ(asked, 1);
  EXPECT_THAT(get(root, "other.example"), Fails(Code::kUntrusted, "ostname"));
  EXPECT_THAT(get(client_identity_->credentials.leaf(), "localhost"), Fails(Code::kUntrusted, ""));
  EXPECT_EQ(asked, 1) << "asked about servers that the roots do not vouch for";
  verdict = Untrusted("another marble");
  EXPECT_THAT(get(root, "localhost"), Fails(Code::kUntrusted, "another marble"));
}

TEST(ServerTest, TellsWhichConnectionClosed) {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::uint64_t> closed;
  std::shared_ptr<const ConnectionInfo> seen;
  auto router = std::make_shared<Router>();
  router->Handle("GET", "/", [&](const Request& request) {
    const std::lock_guard lock(mutex);
    seen = request.connection;
    return Response::Text(200, "");
  });
  const auto on_closed = [&](const ConnectionInfo& connection) {
    EXPECT_TRUE(connection.closed.cancelled());
    const std::lock_guard lock(mutex);
    closed.push_back(connection.id);
    changed.notify_all();
  };
  ASSERT_OK_AND_ASSIGN(
      const auto server,
      Server::Start(
          {.listeners = {{.address = "127.0.0.1:0", .router = router, .on_closed = on_closed}}}));
  const std::string url = fmt::format("http://127.0.0.1:{}/", server->port());
  std::uint64_t first = 0;
  {
    HttpsClient client({});
    ASSERT_OK(client.Get(url));
    const std::lock_guard lock(mutex);
    EXPECT_FALSE(seen->closed.cancelled());
    EXPECT_TRUE(closed.empty());
    first = seen->id;
  }
  std::unique_lock lock(mutex);
  ASSERT_TRUE(changed.wait_for(lock, std::chrono::seconds(20), [&] { return !closed.empty(); }));
  EXPECT_EQ(closed, std::vector<std::uint64_t>{first});
  EXPECT_TRUE(seen->closed.cancelled());
}

TEST_F(NetTest, EveryRequestIsALineOfTheAccessLogAndCounted) {
  ASSERT_OK_AND_ASSIGN(const TemporaryFolder folder, TemporaryFolder::Make("access-log"));
  const auto path = folder.path() / "log";
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  access_log_ = Log::ToFd("net_test", LogLevel::kInfo, LogFormat::kText, file.get());
  Serve(ClientCertificate::kNone);
  HttpsClient client({.tls = Pinned(), .allow_http2 = false});
  ASSERT_OK(client.Get(Url("/hello/you?token=hidden")));
  ASSERT_OK(client.Post(Url("/echo"), "text/plain", Bytes(3, 'x')));
  ASSERT_OK(client.Get(Url("/nothing")));
  ASSERT_OK_AND_ASSIGN(const auto channel,
                       GrpcChannel::Connect({.address = Address(), .tls = Pinned()}));
  EXPECT_THAT(channel->Call("/test.Echo/Refuse", {}), Fails(Code::kDenied, ""));
  server_->Stop();

  ASSERT_OK_AND_ASSIGN(const std::string log, ReadTextFile(path, 1 << 20));
  EXPECT_EQ(std::ranges::count(log, '\n'), 4) << log;
  const std::string peer = "request listener=default peer=127\\.0\\.0\\.1:[0-9]+ ";
  for (const char* line :
       {"protocol=http/1.1 method=GET path=/hello/you outcome=200 ms=[0-9.]+ in=0 out=10",
        "protocol=http/1.1 method=POST path=/echo outcome=200 ms=[0-9.]+ in=3 out=3",
        "protocol=http/1.1 method=GET path=/nothing outcome=404 ms=[0-9.]+ in=0 out=[0-9]+",
        "protocol=h2 method=POST path=/test.Echo/Refuse outcome=\"?grpc 7\"? ms=[0-9.]+ "
        "in=5"}) {
    EXPECT_THAT(log, ::testing::ContainsRegex(peer + line));
  }
  EXPECT_THAT(log, ::testing::Not(::testing::HasSubstr("hidden")));

  const std::string metrics = metrics_.Render();
  for (const char* series :
       {R"(requests_total{listener="default",outcome="200",route="/hello/{name}"} 1)",
        R"(requests_total{listener="default",outcome="200",route="/echo"} 1)",
        R"(requests_total{listener="default",outcome="404",route="unknown"} 1)",
        R"(requests_total{listener="default",outcome="grpc 7",route="/test.Echo/Refuse"} 1)",
        R"(request_seconds_count{listener="default",route="/echo"} 1)",
        R"(received_bytes_total{listener="default"} 8)", R"(connections{listener="default"} 0)"}) {
    EXPECT_THAT(metrics, ::testing::HasSubstr(std::string("strongroom_http_") + series));
  }
}

TEST_F(NetTest, GrpcCallsShareOneConnection) {
  Serve(ClientCertificate::kRequired);
  ASSERT_OK_AND_ASSIGN(const auto channel,
                       GrpcChannel::Connect({.address = Address(), .tls = Pinned(true)}));
  ASSERT_OK_AND_ASSIGN(const Bytes exporter, channel->Call("/test.Echo/Exporter", {}));
  ASSERT_OK_AND_ASSIGN(const Bytes ours, channel->connection().tls.Exporter(kLabel));
  EXPECT_EQ(exporter.size(), 32U);
  EXPECT_THAT(channel->connection().tls.Exporter("EXPORTER-other"),
              Fails(Code::kPrecondition, "EXPORTER-other"));
  EXPECT_EQ(exporter, ours);
  const Bytes message(600 * 1024, 7);
  for (const bool gzip : {false, true}) {
    ASSERT_OK_AND_ASSIGN(const Bytes reply,
                         channel->Call("/test.Echo/Echo", message, {.gzip = gzip}));
    EXPECT_TRUE(Equal(reply, message));
  }
  EXPECT_THAT(channel->Call("/test.Echo/Refuse", {}), Fails(Code::kDenied, "50 % of \xc3\xa4ll"));
  EXPECT_THAT(channel->Call("/test.Echo/Nothing", {}), Fails(Code::kUnsupported, "no method"));
  EXPECT_THAT(channel->Call("/test.Echo/Never", {}, {.timeout = Milliseconds(50)}),
              Fails(Code::kDeadline, ""));
  EXPECT_TRUE(channel->alive());
}

TEST_F(NetTest, ManyThreadsCallAtOnce) {
  Serve(ClientCertificate::kOptional);
  ASSERT_OK_AND_ASSIGN(const auto channel,
                       GrpcChannel::Connect({.address = Address(), .tls = Pinned()}));
  std::atomic<int> good{0};
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) {
        const Bytes message(static_cast<std::size_t>(16 + i), static_cast<std::uint8_t>(t));
        const auto reply = channel->Call("/test.Echo/Echo", message);
        if (reply && *reply == message) ++good;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(good, 2000);
}

TEST_F(NetTest, CertificatesChangeForNewHandshakesOnly) {
  Serve(ClientCertificate::kOptional);
  ASSERT_OK_AND_ASSIGN(const auto channel,
                       GrpcChannel::Connect({.address = Address(), .tls = Pinned()}));
  const TestIdentity next = MakeTestIdentity("next");
  ASSERT_OK(server_->SetCertificate(0, next.credentials));
  EXPECT_OK(channel->Call("/test.Echo/Echo", Bytes{1}));
  HttpsClient old({.tls = Pinned()});
  EXPECT_THAT(old.Get(Url("/peer")), Fails(Code::kUntrusted, "pinned"));
  HttpsClient fresh({.tls = TlsClientOptions{.trust = TrustPinned{next.credentials.leaf()}}});
  EXPECT_OK(fresh.Get(Url("/peer")));
}

TEST_F(NetTest, StopLetsRequestsInFlightFinish) {
  Serve(ClientCertificate::kOptional);
  ASSERT_OK_AND_ASSIGN(const auto channel,
                       GrpcChannel::Connect({.address = Address(), .tls = Pinned()}));
  Result<Bytes> reply = Internal("not called");
  std::jthread caller([&] { reply = channel->Call("/test.Echo/Never", {}); });
  for (;;) {
    const std::lock_guard lock(mutex_);
    if (!pending_.empty()) break;
  }
  std::jthread stopper([&] { server_->Stop(); });
  // It has begun when it takes no newcomers.
  while (GrpcChannel::Connect({.address = Address(), .tls = Pinned()}).has_value()) {
  }
  {
    const std::lock_guard lock(mutex_);
    pending_.front().second.Finish(Bytes{42});
  }
  caller.join();
  stopper.join();
  ASSERT_OK(reply);
  EXPECT_EQ(*reply, Bytes{42});
  EXPECT_THAT(channel->Call("/test.Echo/Echo", {}), Fails(Code::kUnavailable, ""));
}

}  // namespace
}  // namespace strongroom::net
