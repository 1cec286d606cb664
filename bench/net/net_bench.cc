// Server processor time of one unary gRPC call over TLS 1.3 (AES-128-GCM, P-256): ours against a
// bare OpenSSL read/write loop and against gRPC C++. One connection, one call at a time, requests
// of 600 KB and 16 bytes that nobody decodes, and a PredictRequest of 602 KB that both decode;
// replies of 4 KB. gRPC C++ and we are asked by gRPC C++'s client, as by the clients of TensorFlow
// Serving, and for the bare messages once more by ours, which sends as fast as the bare loop's.

#include <tensorflow_serving.pb.h>

#include <cstdio>
#include <functional>

#include "net/grpc_client.h"
#include "net/net_testing.h"
#include "net/server.h"
#include "peers.h"
#include "server_process.h"
#include "serving/api/tfs/messages.h"
#include "serving/api/tfs/tensor_proto.h"

namespace strongroom::bench {
namespace {

constexpr int kRounds = 11;

Result<std::uint16_t> ServeOurs(const net::TestIdentity& identity) {
  auto service = std::make_shared<net::GrpcService>();
  service->Handle(
      kMethod,
      [](const net::GrpcCall&, ByteView) -> Result<Bytes> { return Bytes(kReplyBytes, 'r'); },
      {.run_on = net::RunOn::kLoop});
  service->Handle(
      kPredict,
      [](const net::GrpcCall&, ByteView message) -> Result<Bytes> {
        ASSIGN_OR_RETURN(const auto request, serving::api::tfs::DecodePredictRequest(message));
        ASSIGN_OR_RETURN(const auto tensor, serving::api::tfs::DecodeTensorProto(
                                                request.inputs.front().second, 2 * kImageBytes));
        if (tensor.view.bytes.size() != kImageBytes) return Internal("another image");
        return Bytes(kReplyBytes, 'r');
      },
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

Bytes PredictMessage() {
  tensorflow::serving::PredictRequest request;
  request.mutable_model_spec()->set_name("resnet");
  auto& x = (*request.mutable_inputs())[kImageInput];
  x.set_dtype(tensorflow::DT_FLOAT);
  for (const std::int64_t dim : {1, 224, 224, 3})
    x.mutable_tensor_shape()->add_dim()->set_size(dim);
  x.set_tensor_content(std::string(kImageBytes, 'x'));
  return ToBytes(request.SerializeAsString());
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
    ASSIGN_OR_RETURN(const Bytes reply, shared->Call(kMethod, message));
    return reply.size() == kReplyBytes ? Status{} : Status(Internal("the reply has another size"));
  };
}

Result<Caller> GrpcPeerCaller(std::uint16_t port, const PemIdentity& identity,
                              const std::string& method) {
  ASSIGN_OR_RETURN(std::shared_ptr<GrpcPeerClient> client,
                   GrpcPeerClient::Connect(port, identity.certificate));
  return [client, method](ByteView message) { return client->Call(method, message); };
}

void Print(const char* load, const char* figure, int round, double ours, double peer, double ratio,
           const char* limit) {
  std::printf("net.%s.%s\t%d\t%.1f\t%.1f\tus/call\t%.3f\t%s\n", load, figure, round, ours, peer,
              ratio, limit);
  std::fflush(stdout);
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
  ASSIGN_OR_RETURN(const Caller grpc_calls_ours, GrpcPeerCaller(ours.port(), pem, kMethod));
  ASSIGN_OR_RETURN(const Caller grpc_calls_grpc, GrpcPeerCaller(grpc.port(), pem, kMethod));
  ASSIGN_OR_RETURN(const Caller predict_by_ours, GrpcPeerCaller(ours.port(), pem, kPredict));
  ASSIGN_OR_RETURN(const Caller predict_by_grpc, GrpcPeerCaller(grpc.port(), pem, kPredict));

  const auto compare = [&](const char* load, const char* figure, int round, const Caller& our_call,
                           const Caller& grpc_call, ByteView message, int calls) -> Status {
    ASSIGN_OR_RETURN(const double our_cost, Cost(ours, our_call, message, calls));
    ASSIGN_OR_RETURN(const double grpc_cost, Cost(grpc, grpc_call, message, calls));
    if (round != 0) Print(load, figure, round, our_cost, grpc_cost, grpc_cost / our_cost, ">=2");
    return {};
  };
  const struct {
    const char* name;
    Bytes message;
    int calls;
  } loads[] = {{"600KB", Bytes(600 * 1024, 'm'), 150}, {"16B", Bytes(16, 'm'), 2000}};
  const Bytes image = PredictMessage();
  for (int round = 0; round <= kRounds; ++round) {  // the first warms up
    for (const auto& load : loads) {
      ASSIGN_OR_RETURN(const double our_cost, Cost(ours, call_ours, load.message, load.calls));
      ASSIGN_OR_RETURN(const double raw_cost, Cost(raw, call_raw, load.message, load.calls));
      if (round != 0)
        Print(load.name, "over_raw_tls", round, our_cost, raw_cost, our_cost / raw_cost, "<=2.2");
      ASSIGN_OR_RETURN(const double grpc_cost,
                       Cost(grpc, grpc_calls_grpc, load.message, load.calls));
      if (round != 0)  // what no server over OpenSSL can better
        Print(load.name, "grpc_over_raw_tls", round, raw_cost, grpc_cost, grpc_cost / raw_cost, "");
      RETURN_IF_ERROR(compare(load.name, "grpc_over_ours", round, grpc_calls_ours, grpc_calls_grpc,
                              load.message, load.calls));
      RETURN_IF_ERROR(compare(load.name, "grpc_over_ours.our_client", round, call_ours, call_grpc,
                              load.message, load.calls));
    }
    RETURN_IF_ERROR(
        compare("predict", "grpc_over_ours", round, predict_by_ours, predict_by_grpc, image, 150));
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
