#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <tensorflow_serving.pb.h>

#include <memory>
#include <string_view>

#include <openssl/conf.h>
#include <openssl/ssl.h>

#include "peers.h"

namespace strongroom::bench {
namespace {

class Reactor final : public grpc::ServerGenericBidiReactor {
 public:
  Reactor(const grpc::Slice& reply, bool predict) : predict_(predict), reply_(&reply, 1) {
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    if (!(predict_ ? Decodes() : IsOnePiece()))
      return Finish(grpc::Status(grpc::StatusCode::INTERNAL, "no message"));
    StartWriteAndFinish(&reply_, {}, grpc::Status::OK);
  }
  void OnDone() override { delete this; }  // how this interface ends a call

 private:
  // Handlers want one contiguous message, as ours get it.
  bool IsOnePiece() {
    grpc::Slice message;
    return request_.DumpToSingleSlice(&message).ok() || request_.TrySingleSlice(&message).ok();
  }

  // As a generated service does.
  bool Decodes() {
    tensorflow::serving::PredictRequest request;
    using Traits = grpc::SerializationTraits<tensorflow::serving::PredictRequest>;
    return Traits::Deserialize(&request_, &request).ok() &&
           request.inputs().at(kImageInput).tensor_content().size() == kImageBytes;
  }

  const bool predict_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer reply_;
};

class Service final : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    return new Reactor(reply_, context->method() == kPredict);
  }

 private:
  const grpc::Slice reply_{std::string(kReplyBytes, 'r')};
};

// gRPC C++ has no setting for the suites of TLS 1.3: it takes OpenSSL's, whose first is AES-256.
Status OfferAes128GcmAlone() {
  static constexpr std::string_view kConfig =
      "openssl_conf = all\n[all]\nssl_conf = tls\n[tls]\nsystem_default = suites\n"
      "[suites]\nCiphersuites = TLS_AES_128_GCM_SHA256\n";
  const std::unique_ptr<BIO, decltype(&BIO_free)> text(
      BIO_new_mem_buf(kConfig.data(), static_cast<int>(kConfig.size())), &BIO_free);
  const std::unique_ptr<CONF, decltype(&NCONF_free)> config(NCONF_new(nullptr), &NCONF_free);
  if (OPENSSL_init_ssl(0, nullptr) != 1 || NCONF_load_bio(config.get(), text.get(), nullptr) <= 0 ||
      CONF_modules_load(config.get(), nullptr, 0) <= 0) {
    return Internal("OpenSSL does not take the bench's configuration");
  }
  return {};
}

class StubClient final : public GrpcPeerClient {
 public:
  explicit StubClient(const std::shared_ptr<grpc::Channel>& channel) : stub_(channel) {}
  ~StubClient() override {
    calls_.Shutdown();
    Next();
  }

  Status Call(const std::string& method, ByteView message) override {
    const grpc::Slice slice(message.data(), message.size(), grpc::Slice::STATIC_SLICE);
    const grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer reply;
    grpc::ClientContext context;
    grpc::Status status;
    const auto call = stub_.PrepareUnaryCall(&context, method, request, &calls_);
    call->StartCall();
    call->Finish(&reply, &status, this);
    if (!Next()) return Internal("the queue of gRPC C++ has ended");
    if (!status.ok()) return Unavailable("gRPC C++: " + status.error_message());
    return reply.Length() == kReplyBytes ? Status{} : Internal("the reply has another size");
  }

 private:
  bool Next() {
    void* tag = nullptr;
    bool ok = false;
    return calls_.Next(&tag, &ok) && ok;
  }

  grpc::GenericStub stub_;
  grpc::CompletionQueue calls_;
};

}  // namespace

Result<std::unique_ptr<GrpcPeerClient>> GrpcPeerClient::Connect(std::uint16_t port,
                                                                const std::string& certificate) {
  RETURN_IF_ERROR(OfferAes128GcmAlone());
  grpc::SslCredentialsOptions trust;
  trust.pem_root_certs = certificate;
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride("localhost");
  return std::make_unique<StubClient>(grpc::CreateCustomChannel(
      "127.0.0.1:" + std::to_string(port), grpc::SslCredentials(trust), arguments));
}

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
