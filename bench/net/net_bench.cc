// Server processor time of one unary gRPC call over TLS 1.3 (AES-128-GCM, P-256): ours against a
// bare OpenSSL read/write loop and against gRPC C++. One connection, one call at a time, requests
// of 600 KB and 16 bytes, replies of 4 KB. All clients but the bare loop's are ours.

#include <cstdio>
#include <functional>

#include "net/grpc_client.h"
#include "net/net_testing.h"
#include "net/server.h"
#include "peers.h"
#include "server_process.h"

namespace strongroom::bench {
namespace {

constexpr int kRounds = 11;

Result<std::uint16_t> ServeOurs(const net::TestIdentity& identity) {
  auto service = std::make_shared<net::GrpcService>();
  service->Handle(
      "/bench.Service/Call",
      [](const net::GrpcCall&, ByteView) -> Result<Bytes> { return Bytes(kReplyBytes, 'r'); },
      {.run_on = net::RunOn::kLoop});
  static std::unique_ptr<net::Server> server;  // for the rest of the process
  ASSIGN_OR_RETURN(
      server, net::Server::Start(
                  {.listeners = {{.address = "127.0.0.1:0",
                                  .tls = net::TlsServerOptions{.credentials = identity.credentials},
                                  .grpc_services = {service}}},
                   .event_loops = 1}));
  return server->port();
}

using Caller = std::function<Status(ByteView)>;

// Microseconds of the server's processor time for each call.
Result<double> Cost(ServerProcess& server, const Caller& call, ByteView message, int calls) {
  ASSIGN_OR_RETURN(const std::int64_t before, server.CpuMicroseconds());
  for (int i = 0; i < calls; ++i) RETURN_IF_ERROR(call(message));
  ASSIGN_OR_RETURN(const std::int64_t after, server.CpuMicroseconds());
  return static_cast<double>(after - before) / calls;
}

Result<Caller> GrpcCaller(std::uint16_t port, const net::TestIdentity& identity) {
  ASSIGN_OR_RETURN(
      auto channel,
      net::GrpcChannel::Connect(
          {.address = "127.0.0.1:" + std::to_string(port),
           .tls = net::TlsClientOptions{.trust = net::TrustPinned{identity.credentials.leaf()}}}));
  std::fprintf(stderr, "# %s\n", channel->connection().tls.cipher.c_str());
  // shared: std::function wants to be copied
  const std::shared_ptr<net::GrpcChannel> shared = std::move(channel);
  return [shared](ByteView message) -> Status {
    ASSIGN_OR_RETURN(const Bytes reply, shared->Call("/bench.Service/Call", message));
    return reply.size() == kReplyBytes ? Status{} : Status(Internal("the reply has another size"));
  };
}

Status Run() {
  const net::TestIdentity identity = net::MakeTestIdentity("localhost");
  const PemIdentity pem{identity.certificate_pem, ToText(identity.key_pem.Reveal())};
  // All children are forked before this process has threads.
  ASSIGN_OR_RETURN(ServerProcess ours, ServerProcess::Start([&] { return ServeOurs(identity); }));
  ASSIGN_OR_RETURN(ServerProcess raw, ServerProcess::Start([&] { return ServeRawPeer(pem); }));
  ASSIGN_OR_RETURN(ServerProcess grpc, ServerProcess::Start([&] { return ServeGrpcPeer(pem); }));
  ASSIGN_OR_RETURN(const Caller call_ours, GrpcCaller(ours.port(), identity));
  ASSIGN_OR_RETURN(const Caller call_grpc, GrpcCaller(grpc.port(), identity));
  ASSIGN_OR_RETURN(const std::shared_ptr<RawClient> raw_client, RawClient::Connect(raw.port()));
  const Caller call_raw = [raw_client](ByteView message) { return raw_client->Call(message); };
  const struct {
    const char* name;
    std::size_t size;
    int calls;
  } loads[] = {{"600KB", 600 * 1024, 150}, {"16B", 16, 2000}};
  for (int round = 0; round <= kRounds; ++round) {
    for (const auto& load : loads) {
      const Bytes message(load.size, 'm');
      ASSIGN_OR_RETURN(const double our_cost, Cost(ours, call_ours, message, load.calls));
      ASSIGN_OR_RETURN(const double raw_cost, Cost(raw, call_raw, message, load.calls));
      ASSIGN_OR_RETURN(const double grpc_cost, Cost(grpc, call_grpc, message, load.calls));
      if (round == 0) continue;  // warms up
      std::printf("net.%s.over_raw_tls\t%d\t%.1f\t%.1f\tus/call\t%.3f\t<=2.2\n", load.name, round,
                  our_cost, raw_cost, our_cost / raw_cost);
      std::printf("net.%s.grpc_over_ours\t%d\t%.1f\t%.1f\tus/call\t%.3f\t>=2\n", load.name, round,
                  our_cost, grpc_cost, grpc_cost / our_cost);
    }
    std::fflush(stdout);
  }
  return {};
}

}  // namespace
}  // namespace strongroom::bench

int main() {
  const auto status = strongroom::bench::Run();
  if (!status) std::fprintf(stderr, "net_bench: %s\n", status.error().ToString().c_str());
  return status ? 0 : 1;
}
