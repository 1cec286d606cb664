#include "net/grpc_service.h"

#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

#include "base/reader.h"

namespace strongroom::net {
namespace {

// HealthCheckRequest is one optional string, field 1; HealthCheckResponse one enum, field 1
// (grpc/health/v1: SERVING 1, NOT_SERVING 2).
constexpr std::uint8_t kServiceField = 0x0a;
constexpr std::uint8_t kStatusField = 0x08;
constexpr std::uint8_t kServing = 1;
constexpr std::uint8_t kNotServing = 2;
constexpr std::size_t kMaxServiceName = 127;  // its length fits one byte of varint

Result<std::string_view> ParseHealthRequest(ByteView message) {
  if (message.empty()) return std::string_view();
  Reader reader(message, "HealthCheckRequest");
  ASSIGN_OR_RETURN(const std::uint8_t tag, reader.U8());
  ASSIGN_OR_RETURN(const std::uint8_t size, reader.U8());
  if (tag != kServiceField || size > kMaxServiceName) {
    return Malformed("HealthCheckRequest: wanted one service name of at most 127 bytes");
  }
  ASSIGN_OR_RETURN(const ByteView name, reader.Take(size));
  RETURN_IF_ERROR(reader.ExpectEnd());
  return AsText(name);
}

}  // namespace

GrpcResponder::~GrpcResponder() { Finish(Internal("the call was dropped without an answer")); }

void GrpcResponder::Finish(Result<Bytes> reply) {
  if (!deliver_) return;
  const Deliver deliver = std::exchange(deliver_, nullptr);
  deliver(std::move(reply));
}

GrpcService& GrpcService::Handle(std::string method, GrpcHandler handler,
                                 GrpcMethodOptions options) {
  return HandleAsync(
      std::move(method),
      [handler = std::move(handler)](const GrpcCall& call, const GrpcMessage& message,
                                     GrpcResponder responder) {
        responder.Finish(handler(call, message.view()));
      },
      options);
}

GrpcService& GrpcService::HandleAsync(std::string method, AsyncGrpcHandler handler,
                                      GrpcMethodOptions options) {
  const auto [it, added] = methods_.emplace(std::move(method), Method{std::move(handler), options});
  if (!added || !it->first.starts_with('/')) {
    fmt::print(stderr, "grpc service: method \"{}\" is registered twice or has no slash\n",
               it->first);
    std::abort();
  }
  return *this;
}

GrpcStatus GrpcService::StatusOf(Code code) const {
  const auto it = options_.status_overrides.find(code);
  return it == options_.status_overrides.end() ? ToGrpcStatus(code) : it->second;
}

void AddHealthService(GrpcService& service,
                      std::function<std::optional<bool>(std::string_view)> serving) {
  service.Handle(
      "/grpc.health.v1.Health/Check",
      [serving = std::move(serving)](const GrpcCall&, ByteView message) -> Result<Bytes> {
        ASSIGN_OR_RETURN(const std::string_view name, ParseHealthRequest(message));
        const std::optional<bool> answer = serving(name);
        if (!answer) return NotFound(fmt::format("no service \"{}\" here", name));
        return Bytes{kStatusField, *answer ? kServing : kNotServing};
      },
      {.run_on = RunOn::kLoop, .max_message_bytes = 4096});
}

}  // namespace strongroom::net
