// A server for foreign clients to try: `net_echo_server FOLDER [require]` writes its certificate
// (server.pem) and a client's (client.pem, client.key) into FOLDER, prints "tls PORT plain PORT"
// and serves until standard input ends.

#include <cstdio>
#include <cstring>
#include <thread>

#include <fmt/format.h>

#include "base/files.h"
#include "net/net_testing.h"
#include "net/server.h"

namespace strongroom::net {
namespace {

std::shared_ptr<const Router> EchoRouter() {
  auto router = std::make_shared<Router>();
  router->Handle(
      "GET", "/hello/{name}",
      [](const Request& request) {
        return Response::Text(
            200, fmt::format("hello {} over HTTP/{} {}\n", *request.Param("name"),
                             request.http_major, TlsVersionName(request.connection->tls.version)));
      },
      {.run_on = RunOn::kLoop});
  router->Handle("GET", "/big",
                 [](const Request&) { return Response{.body = Bytes(40 << 20, 'x')}; });
  router->Handle("POST", "/echo",
                 [](const Request& request) {
                   return Response{.headers = {{"content-type", "application/octet-stream"}},
                                   .body = ToBytes(request.body.view())};
                 },
                 {.max_body_bytes = 64 << 20});
  router->Handle("GET", "/peer", [](const Request& request) {
    return Response::Text(
        200, request.connection->peer_certificate() == nullptr ? "nobody\n" : "somebody\n");
  });
  return router;
}

std::shared_ptr<const GrpcService> EchoService() {
  auto service = std::make_shared<GrpcService>(GrpcService::Options{.gzip_replies_from = 1 << 20});
  service->Handle(
      "/test.Echo/Echo",
      [](const GrpcCall&, ByteView message) -> Result<Bytes> { return ToBytes(message); },
      {.run_on = RunOn::kLoop, .max_message_bytes = 16 << 20});
  service->Handle("/test.Echo/Refuse", [](const GrpcCall&, ByteView) -> Result<Bytes> {
    return Denied("50 % of \xc3\xa4ll\n");
  });
  service->HandleAsync("/test.Echo/Never",
                       [](const GrpcCall& call, const GrpcMessage&, GrpcResponder responder) {
                         while (!call.cancel.cancelled())
                           std::this_thread::sleep_for(Milliseconds(5));
                         std::printf("cancelled\n");
                         std::fflush(stdout);
                         responder.Finish(Cancelled("given up"));
                       });
  service->Handle("/test.Echo/Metadata", [](const GrpcCall& call, ByteView) -> Result<Bytes> {
    return ToBytes(fmt::format("{} {}", call.metadata.Get("x-test").value_or("none"),
                               call.deadline.has_value()));
  });
  AddHealthService(*service, [](std::string_view name) -> std::optional<bool> {
    if (name.empty()) return true;
    if (name == "resting") return false;
    return std::nullopt;
  });
  return service;
}

Status Run(const std::string& folder, bool require) {
  const TestIdentity server = MakeTestIdentity("localhost");
  const TestIdentity client = MakeTestIdentity("client");
  RETURN_IF_ERROR(WriteFileAtomic(folder + "/server.pem", AsBytes(server.certificate_pem), 0644));
  RETURN_IF_ERROR(WriteFileAtomic(folder + "/client.pem", AsBytes(client.certificate_pem), 0644));
  RETURN_IF_ERROR(WriteFileAtomic(folder + "/client.key", client.key_pem.Reveal(), 0600));
  const TlsServerOptions tls{
      .credentials = server.credentials,
      .client_certificate = require ? ClientCertificate::kRequired : ClientCertificate::kOptional};
  const Listener secure{.address = "127.0.0.1:0",
                        .tls = tls,
                        .router = EchoRouter(),
                        .grpc_services = {EchoService()}};
  const Listener plain{
      .address = "127.0.0.1:0", .router = EchoRouter(), .grpc_services = {EchoService()}};
  ASSIGN_OR_RETURN(const auto running, Server::Start({.listeners = {secure, plain}}));
  std::printf("tls %u plain %u\n", unsigned{running->port(0)}, unsigned{running->port(1)});
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return {};
}

}  // namespace
}  // namespace strongroom::net

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const bool require = argc > 2 && std::strcmp(argv[2], "require") == 0;
  const auto status = strongroom::net::Run(argv[1], require);
  if (!status) std::fprintf(stderr, "%s\n", status.error().ToString().c_str());
  return status ? 0 : 1;
}
