#include "net/grpc_call.h"

#include <fmt/format.h>

#include "base/text.h"
#include "net/grpc_codec.h"

namespace strongroom::net {
namespace {

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

}  // namespace

Result<OutgoingRequest> FrameGrpcCall(std::string_view authority, bool tls, std::string_view method,
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

Result<GrpcOutcome> ReadGrpcOutcome(IncomingResponse response, std::size_t max) {
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
  const auto number = ParseDecimal<unsigned>(*text);
  const bool known = number && *number <= static_cast<unsigned>(GrpcStatus::kUnauthenticated);
  out.status = known ? static_cast<GrpcStatus>(*number) : GrpcStatus::kUnknown;
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

}  // namespace strongroom::net
