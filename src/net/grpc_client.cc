#include "net/grpc_client.h"

#include <charconv>

#include <fmt/format.h>

#include "net/client_connection.h"
#include "net/grpc_codec.h"

namespace strongroom::net {
namespace {

using Clock = std::chrono::steady_clock;

Result<OutgoingRequest> Frame(std::string_view authority, bool tls, std::string_view method,
                              ByteView message, const GrpcCallOptions& options) {
  OutgoingRequest request{.method = "POST",
                          .scheme = tls ? "https" : "http",
                          .authority = std::string(authority),
                          .target = std::string(method),
                          .send_body_always = true};
  request.headers = {{"content-type", "application/grpc"},
                     {"te", "trailers"},
                     {"grpc-timeout", FormatGrpcTimeout(options.timeout)},
                     {"grpc-accept-encoding", "identity,gzip"},
                     {"user-agent", "strongroom"}};
  for (const auto& [name, value] : options.metadata) request.headers.Add(name, value);
  Bytes packed;
  if (options.gzip) {
    ASSIGN_OR_RETURN(packed, GzipPack(message));
    message = packed;
    request.headers.Add("grpc-encoding", "gzip");
  }
  const auto prefix = GrpcPrefix(options.gzip, message.size());
  request.body.reserve(prefix.size() + message.size());
  request.body.insert(request.body.end(), prefix.begin(), prefix.end());
  request.body.insert(request.body.end(), message.begin(), message.end());
  return request;
}

// The table that gRPC gives for answers without a status of its own
// (grpc/doc/http-grpc-status-mapping.md).
GrpcStatus FromPlainHttp(int status) {
  switch (status) {
    case 400: return GrpcStatus::kInternal;
    case 401: return GrpcStatus::kUnauthenticated;
    case 403: return GrpcStatus::kPermissionDenied;
    case 404: return GrpcStatus::kUnimplemented;
    case 429:
    case 502:
    case 503:
    case 504: return GrpcStatus::kUnavailable;
    default: return GrpcStatus::kUnknown;
  }
}

Result<GrpcOutcome> Unframe(IncomingResponse response, std::size_t max) {
  GrpcOutcome out;
  const auto type = response.headers.Get("content-type");
  const Headers& fields =
      response.trailers.Get("grpc-status") ? response.trailers : response.headers;
  const auto text = fields.Get("grpc-status");
  if (!text || !type || !IsGrpcContentType(*type)) {
    out.status = FromPlainHttp(response.status);
    out.message = fmt::format("answer without a gRPC status, HTTP {}", response.status);
    return out;
  }
  unsigned number = 0;
  const auto parsed = std::from_chars(text->data(), text->data() + text->size(), number);
  const bool known =
      parsed.ec == std::errc() && number <= static_cast<unsigned>(GrpcStatus::kUnauthenticated);
  out.status = known ? static_cast<GrpcStatus>(number) : GrpcStatus::kUnknown;
  out.message = DecodeGrpcMessage(fields.Get("grpc-message").value_or(""));
  if (out.status == GrpcStatus::kOk) {
    const std::string encoding(response.headers.Get("grpc-encoding").value_or("identity"));
    ASSIGN_OR_RETURN(const GrpcMessage message,
                     In("reply", UnpackGrpcBody(std::move(response.body), encoding, max)));
    out.reply = ToBytes(message.view());
  }
  out.trailers = std::move(response.trailers);
  return out;
}

class Channel final : public GrpcChannel {
 public:
  Channel(GrpcChannelOptions options) : options_(std::move(options)) {}
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
  ASSIGN_OR_RETURN(OutgoingRequest request,
                   Frame(options_.address, options_.tls.has_value(), method, message, options));
  auto outcome = connection_->Call(std::move(request), deadline);
  if (!outcome.response) return std::unexpected(outcome.response.error().In(method));
  return Unframe(*std::move(outcome.response), options_.max_message_bytes);
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
