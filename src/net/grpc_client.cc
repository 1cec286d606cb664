#include "net/grpc_client.h"

#include <fmt/format.h>

#include "net/client_connection.h"
#include "net/grpc_call.h"
#include "net/grpc_codec.h"

namespace strongroom::net {
namespace {

using Clock = std::chrono::steady_clock;

class Channel final : public GrpcChannel {
 public:
  explicit Channel(GrpcChannelOptions options) : options_(std::move(options)) {}
  ~Channel() override {
    if (connection_) connection_->Close();
  }

  Status Open();
  Result<GrpcOutcome> CallForOutcome(std::string_view method, ByteView message,
                                     const GrpcCallOptions& options) override;
  const ConnectionInfo& connection() const override { return *connection_->info(); }
  bool alive() const override { return connection_->alive(); }

 private:
  const GrpcChannelOptions options_;
  ClientLoop loop_;
  std::shared_ptr<ClientConnection> connection_;
};

Status Channel::Open() {
  const SteadyTime deadline = Clock::now() + options_.connect_timeout;
  ClientConnection::Options wired{
      .server_name = options_.tls ? options_.tls->server_name : "",
      .http2_without_tls = true,
      .limits = {.max_body_bytes = options_.max_message_bytes + kGrpcPrefix, .lead = kGrpcPrefix}};
  ASSIGN_OR_RETURN(wired.target, ParseHostPort(options_.address));
  if (options_.tls) {
    ASSIGN_OR_RETURN(wired.tls, TlsContext::ForClient(*options_.tls, true, false));
  }
  ASSIGN_OR_RETURN(connection_, ClientConnection::Open(loop_.loop(), std::move(wired), deadline));
  if (options_.tls && connection_->info()->tls.alpn != "h2") {
    return Unsupported(fmt::format("{} chose ALPN \"{}\", wanted h2", options_.address,
                                   connection_->info()->tls.alpn));
  }
  return {};
}

Result<GrpcOutcome> Channel::CallForOutcome(std::string_view method, ByteView message,
                                            const GrpcCallOptions& options) {
  const SteadyTime deadline = Clock::now() + options.timeout;
  ASSIGN_OR_RETURN(
      OutgoingRequest request,
      FrameGrpcCall(options_.address, options_.tls.has_value(), method, message, options));
  auto outcome = connection_->Call(std::move(request), deadline);
  if (!outcome.response) return std::unexpected(outcome.response.error().In(method));
  return ReadGrpcOutcome(*std::move(outcome.response), options_.max_message_bytes);
}

}  // namespace

Result<std::unique_ptr<GrpcChannel>> GrpcChannel::Connect(GrpcChannelOptions options) {
  auto channel = std::make_unique<Channel>(std::move(options));
  RETURN_IF_ERROR(channel->Open());
  return channel;
}

Result<Bytes> GrpcChannel::Call(std::string_view method, ByteView message,
                                const GrpcCallOptions& options) {
  ASSIGN_OR_RETURN(GrpcOutcome outcome, CallForOutcome(method, message, options));
  if (outcome.status == GrpcStatus::kOk) return std::move(outcome.reply);
  return std::unexpected(
      Error(FromGrpcStatus(outcome.status),
            fmt::format("{}: {}: {}", method, GrpcStatusName(outcome.status), outcome.message)));
}

}  // namespace strongroom::net
