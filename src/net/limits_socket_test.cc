// The rows of docs/protocols/limits.md that concern connections and threads.

#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <latch>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "crypto/cert_builder.h"
#include "net/address.h"
#include "net/client.h"
#include "net/net_testing.h"
#include "net/server.h"
#include "testing/result_matchers.h"

namespace strongroom::net {
namespace {

using std::chrono::steady_clock;

SteadyTime Soon() { return steady_clock::now() + Milliseconds(10'000); }

// What the peer says until it closes; kDeadline when it does not close.
Result<std::string> ReadAll(int fd) {
  const timeval patience{.tv_sec = 10, .tv_usec = 0};
  if (::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0)
    return Internal("setsockopt");
  // Connections are made non-blocking; this test waits.
  std::string out;
  for (const SteadyTime until = Soon(); steady_clock::now() < until;) {
    std::array<char, 4096> some{};
    const ssize_t n = ::recv(fd, some.data(), some.size(), 0);
    if (n > 0) out.append(some.data(), static_cast<std::size_t>(n));
    if (n == 0 || (n < 0 && errno == ECONNRESET)) return out;
    if (n < 0) std::this_thread::sleep_for(Milliseconds(1));
  }
  return DeadlineExceeded("the peer did not close the connection");
}

class LimitsSocketTest : public ::testing::Test {
 protected:
  void Serve(Limits limits, bool tls = false, int workers = 0,
             ClientCertificate wanted = ClientCertificate::kNone) {
    auto router = std::make_shared<Router>();
    router->Handle("GET", "/hello", [](const Request&) { return Response::Text(200, "hello"); },
                   {.run_on = RunOn::kLoop});
    router->Handle("POST", "/hello", [](const Request&) { return Response::Text(200, "hello"); },
                   {.run_on = RunOn::kLoop});
    router->Handle("GET", "/big",
                   [](const Request&) { return Response{.body = Bytes(64 << 20, 'x')}; });
    router->Handle("GET", "/block", [this](const Request&) {
      ++blocked_;
      release_.wait();
      return Response::Text(200, "released");
    });
    std::optional<TlsServerOptions> options;
    if (tls)
      options =
          TlsServerOptions{.credentials = identity_.credentials, .client_certificate = wanted};
    ASSERT_OK_AND_ASSIGN(
        server_,
        Server::Start({.listeners = {{.address = "127.0.0.1:0", .tls = options, .router = router}},
                       .event_loops = 1,
                       .workers = workers,
                       .limits = limits,
                       .metrics = &metrics_}));
  }
  UniqueFd Connect() {
    auto fd = ConnectTo({"127.0.0.1", server_->port()}, Soon());
    EXPECT_OK(fd);
    return *std::move(fd);
  }
  std::string Ask(const UniqueFd& fd, std::string_view path) {
    const std::string request =
        fmt::format("GET {} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", path);
    EXPECT_OK(WriteAll(fd.get(), AsBytes(request), "request"));
    return ReadAll(fd.get()).value_or("");
  }

  TestIdentity identity_ = MakeTestIdentity("localhost");
  std::atomic<int> blocked_{0};
  std::latch release_{1};
  Metrics metrics_;
  std::unique_ptr<Server> server_;
};

TEST_F(LimitsSocketTest, HandshakeTimeout) {
  Serve({.handshake_timeout = Milliseconds(100)}, true);
  const UniqueFd silent = Connect();
  EXPECT_OK(ReadAll(silent.get()));
  const UniqueFd slow = Connect();
  ASSERT_OK(WriteAll(slow.get(), AsBytes("\x16\x03\x01"), "a beginning"));
  EXPECT_OK(ReadAll(slow.get()));
}

// A client that shows `count` certificates of some 12 KB.
Credentials ClientChain(std::size_t count) {
  crypto::CertificateSpec spec;
  spec.subject = {{"CN", "client"}};
  spec.not_before = UnixSeconds{1'700'000'000};
  spec.not_after = UnixSeconds{4'000'000'000};
  spec.extra_extensions = {
      {.oid = "1.3.6.1.4.1.99999.1", .critical = false, .value = Bytes(12'000, 0x04)}};
  const auto key = crypto::PrivateKey::Generate(crypto::KeyType::kP256).value();
  const Bytes certificate = ToBytes(crypto::SelfSign(spec, key).value().der());
  return Credentials::FromDer(std::vector<Bytes>(count, certificate), key.Pkcs8Der()).value();
}

TEST_F(LimitsSocketTest, ClientChains) {
  Serve({}, true, 0, ClientCertificate::kOptional);
  for (const std::size_t certificates : {1U, 8U, 9U}) {
    HttpsClient client({.tls = TlsClientOptions{.trust = TrustPinned{identity_.credentials.leaf()},
                                                .credentials = std::make_shared<const Credentials>(
                                                    ClientChain(certificates))}});
    const auto answer = client.Get(fmt::format("https://localhost:{}/hello", server_->port()));
    EXPECT_EQ(answer.has_value(), certificates * 12'000 < 100 * 1024) << certificates;
  }
}

TEST_F(LimitsSocketTest, SilentPlainConnections) {
  Serve({.handshake_timeout = Milliseconds(100)});
  const UniqueFd silent = Connect();
  EXPECT_OK(ReadAll(silent.get()));
}

TEST_F(LimitsSocketTest, ConnectionsFromOneAddress) {
  Serve({.max_connections_per_address = 3});
  std::vector<UniqueFd> open;
  for (int i = 0; i < 3; ++i) open.push_back(Connect());
  const UniqueFd fourth = Connect();
  EXPECT_EQ(ReadAll(fourth.get()).value_or("none"), "");
  EXPECT_NE(Ask(open[0], "/hello").find("hello"), std::string::npos);
  EXPECT_EQ(metrics_
                .CounterOf("strongroom_http_refused_connections_total", "",
                           {{"listener", "default"}, {"limit", "connections"}})
                .value(),
            1);
}

TEST_F(LimitsSocketTest, ConnectionsInAll) {
  Serve({.max_connections = 2});
  std::vector<UniqueFd> open;
  for (int i = 0; i < 2; ++i) open.push_back(Connect());
  const UniqueFd third = Connect();
  EXPECT_EQ(ReadAll(third.get()).value_or("none"), "");
  // A place that is left is free again.
  EXPECT_NE(Ask(open[0], "/hello").find("hello"), std::string::npos);
  open[0].Reset();
  std::string answer;
  for (const SteadyTime until = Soon(); answer.empty() && steady_clock::now() < until;)
    answer = Ask(Connect(), "/hello");
  EXPECT_NE(answer.find("hello"), std::string::npos);
}

TEST_F(LimitsSocketTest, QueuedRequests) {
  Serve({.max_queued_requests = 1}, false, 1);
  const std::string_view request = "GET /block HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
  const UniqueFd running = Connect();
  ASSERT_OK(WriteAll(running.get(), AsBytes(request), "request"));
  while (blocked_ == 0) std::this_thread::yield();
  std::vector<UniqueFd> more;
  for (int i = 0; i < 3; ++i) {
    more.push_back(Connect());
    ASSERT_OK(WriteAll(more.back().get(), AsBytes(request), "request"));
  }
  // One of the three waits for the worker, two are told to come later; on a single loop they are
  // read in some order.
  HttpsClient client({});
  ASSERT_OK_AND_ASSIGN(const auto refused,
                       client.Get(fmt::format("http://127.0.0.1:{}/block", server_->port())));
  EXPECT_EQ(refused.status, 503);
  const Gauge& in_flight = metrics_.GaugeOf("strongroom_http_requests_in_flight", "");
  EXPECT_EQ(in_flight.value(), 2);  // one runs, one waits
  release_.count_down();
  EXPECT_NE(ReadAll(running.get()).value_or("").find("released"), std::string::npos);
  unsigned later = 0;
  for (const UniqueFd& fd : more)
    later += ReadAll(fd.get()).value_or("").contains(" 503 ") ? 1U : 0U;
  EXPECT_EQ(later, 2U);
  server_.reset();
  EXPECT_EQ(in_flight.value(), 0);
}

TEST_F(LimitsSocketTest, MaxConnectionAge) {
  Serve({.max_connection_age = Milliseconds(50)}, true);
  HttpsClient client({.tls = TlsClientOptions{.trust = TrustPinned{identity_.credentials.leaf()}}});
  std::set<std::string> connections;
  // No request fails while one connection takes the place of another, be it safe to repeat or not.
  const std::string url = fmt::format("https://localhost:{}/hello", server_->port());
  for (const SteadyTime until = Soon(); connections.size() < 4 && steady_clock::now() < until;) {
    ASSERT_OK(client.Post(url, "text/plain", {}));
    ASSERT_OK_AND_ASSIGN(const auto answer, client.Get(url));
    ASSERT_EQ(answer.status, 200);
    connections.insert(answer.connection->local_address);
  }
  EXPECT_EQ(connections.size(), 4U);
}

TEST_F(LimitsSocketTest, PeersThatTakeNothing) {
  Serve({.write_timeout = Milliseconds(200)});
  const UniqueFd fd = Connect();
  ASSERT_OK(WriteAll(fd.get(), AsBytes("GET /big HTTP/1.1\r\nhost: x\r\n\r\n"), "request"));
  // Reads nothing: the server must let go of connection and answer by itself, which frees the only
  // place.
  for (const SteadyTime until = Soon(); steady_clock::now() < until;) {
    int error = 0;
    socklen_t size = sizeof error;
    std::this_thread::sleep_for(Milliseconds(5));
    if (::send(fd.get(), "x", 1, MSG_NOSIGNAL) < 0) return;  // reset
    ASSERT_EQ(::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size), 0);
    if (error != 0) return;
  }
  FAIL() << "the connection is still open";
}

}  // namespace
}  // namespace strongroom::net
