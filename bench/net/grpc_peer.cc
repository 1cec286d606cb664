#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <memory>

#include "peers.h"

namespace strongroom::bench {
namespace {

class Reactor final : public grpc::ServerGenericBidiReactor {
 public:
  explicit Reactor(const grpc::Slice& reply) : reply_(&reply, 1) { StartRead(&request_); }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    // Handlers want one contiguous message, as ours get it.
    grpc::Slice message;
    if (!request_.DumpToSingleSlice(&message).ok() && !request_.TrySingleSlice(&message).ok()) {
      return Finish(grpc::Status(grpc::StatusCode::INTERNAL, "no message"));
    }
    StartWriteAndFinish(&reply_, {}, grpc::Status::OK);
  }
  void OnDone() override { delete this; }  // how this interface ends a call

 private:
  grpc::ByteBuffer request_;
  grpc::ByteBuffer reply_;
};

class Service final : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext*) override {
    return new Reactor(reply_);
  }

 private:
  const grpc::Slice reply_{std::string(kReplyBytes, 'r')};
};

}  // namespace

Result<std::uint16_t> ServeGrpcPeer(const PemIdentity& identity) {
  static Service service;                       // for the rest of the process
  static std::unique_ptr<grpc::Server> server;  // the same
  grpc::SslServerCredentialsOptions tls;
  tls.pem_key_cert_pairs.push_back({identity.key, identity.certificate});
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(tls), &port);
  builder.RegisterCallbackGenericService(&service);
  server = builder.BuildAndStart();
  if (!server) return Unavailable("gRPC C++ did not start");
  return static_cast<std::uint16_t>(port);
}

}  // namespace strongroom::bench
