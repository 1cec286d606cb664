#include "net/grpc_codec.h"

#include <array>

#include <fmt/format.h>

#include "base/text.h"

namespace strongroom::net {
namespace {

using std::chrono::nanoseconds;

struct Unit {
  char letter;
  std::int64_t nanoseconds;
};
constexpr std::array<Unit, 6> kUnits = {{{'n', 1},
                                         {'u', 1'000},
                                         {'m', 1'000'000},
                                         {'S', 1'000'000'000},
                                         {'M', 60'000'000'000},
                                         {'H', 3'600'000'000'000}}};
constexpr std::int64_t kLargestTimeout = 99'999'999;

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

GrpcCall CallOf(Request& request) {
  return {.method = request.path,
          .metadata = std::move(request.headers),
          .connection = request.connection,
          .deadline = request.deadline,
          .cancel = request.cancel};
}

bool Accepts(const Headers& metadata, std::string_view encoding) {
  const auto accepted = metadata.Get("grpc-accept-encoding");
  return accepted && accepted->contains(encoding);
}

Response ErrorResponse(const GrpcService& service, const Error& error) {
  return GrpcStatusResponse(service.StatusOf(error.code()), error.message());
}

Response ReplyResponse(Bytes reply, bool pack) {
  Response response{
      .headers = {{"content-type", "application/grpc"}, {"grpc-accept-encoding", "identity,gzip"}},
      .trailers = {{"grpc-status", "0"}}};
  if (pack) {
    if (auto packed = GzipPack(reply)) {
      reply = *std::move(packed);
      response.headers.Add("grpc-encoding", "gzip");
    } else {
      pack = false;
    }
  }
  const auto prefix = GrpcPrefix(pack, reply.size());
  response.body_prefix = AsText(prefix);
  response.body = std::move(reply);
  return response;
}

}  // namespace

bool IsGrpcContentType(std::string_view content_type) {
  constexpr std::string_view kName = "application/grpc";
  if (!content_type.starts_with(kName)) return false;
  return content_type.size() == kName.size() || content_type[kName.size()] == '+' ||
         content_type[kName.size()] == ';';
}

Result<nanoseconds> ParseGrpcTimeout(std::string_view text) {
  if (text.size() >= 2 && text.size() <= 9) {
    const auto value = ParseDecimal<std::uint32_t>(text.substr(0, text.size() - 1));
    for (const Unit& unit : kUnits) {
      if (value && unit.letter == text.back()) {
        // A hundred million hours do not fit; nobody waits for a century.
        constexpr std::int64_t kCentury = 3'155'760'000'000'000'000;
        return nanoseconds(*value > kCentury / unit.nanoseconds ? kCentury
                                                                : *value * unit.nanoseconds);
      }
    }
  }
  return Malformed(
      fmt::format("grpc-timeout \"{}\", wanted up to eight digits and one of HMSmun", text));
}

std::string FormatGrpcTimeout(nanoseconds timeout) {
  const std::int64_t value = std::max<std::int64_t>(timeout.count(), 0);
  for (const Unit& unit : kUnits) {
    if (value / unit.nanoseconds <= kLargestTimeout)
      return fmt::format("{}{}", value / unit.nanoseconds, unit.letter);
  }
  return fmt::format("{}H", kLargestTimeout);
}

std::string EncodeGrpcMessage(std::string_view message) {
  std::string out;
  for (const char c : message) {
    if (c >= 0x20 && c <= 0x7e && c != '%') {
      out.push_back(c);
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string DecodeGrpcMessage(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 &&
        HexDigit(text[i + 2]) >= 0) {
      out.push_back(static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2])));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

std::array<std::uint8_t, kGrpcPrefix> GrpcPrefix(bool compressed, std::size_t size) {
  return {compressed ? std::uint8_t{1} : std::uint8_t{0}, static_cast<std::uint8_t>(size >> 24),
          static_cast<std::uint8_t>(size >> 16), static_cast<std::uint8_t>(size >> 8),
          static_cast<std::uint8_t>(size)};
}

std::size_t GrpcMessageSize(ByteView prefix) {
  return std::size_t{prefix[1]} << 24 | std::size_t{prefix[2]} << 16 | std::size_t{prefix[3]} << 8 |
         prefix[4];
}

Result<GrpcMessage> UnpackGrpcBody(Buffer body, std::string_view encoding, std::size_t max) {
  const ByteView view = body.view();
  if (view.size() < kGrpcPrefix)
    return Malformed(fmt::format("body of {} bytes, wanted one gRPC message", view.size()));
  const std::size_t size = GrpcMessageSize(view);
  if (size > max)
    return Exhausted(fmt::format("message of {} bytes, wanted at most {}", size, max));
  if (size != view.size() - kGrpcPrefix) {
    return Malformed(fmt::format("message says {} bytes and has {}, wanted exactly one", size,
                                 view.size() - kGrpcPrefix));
  }
  if (view[0] == 0) return GrpcMessage(std::move(body), kGrpcPrefix);
  if (view[0] != 1) return Malformed(fmt::format("compressed flag {}, wanted 0 or 1", view[0]));
  if (encoding != "gzip")
    return Unsupported(fmt::format("message packed as \"{}\", wanted gzip or identity", encoding));
  ASSIGN_OR_RETURN(Buffer unpacked, GzipUnpack(view.subspan(kGrpcPrefix), max));
  return GrpcMessage(std::move(unpacked), 0);
}

Response GrpcStatusResponse(GrpcStatus status, std::string_view message) {
  Response response{.headers = {{"content-type", "application/grpc"},
                                {"grpc-status", std::to_string(static_cast<int>(status))}}};
  if (!message.empty()) response.headers.Add("grpc-message", EncodeGrpcMessage(message));
  if (status == GrpcStatus::kUnimplemented)
    response.headers.Add("grpc-accept-encoding", "identity,gzip");
  return response;
}

AsyncHandler ServeGrpcMethod(std::shared_ptr<const GrpcService> service,
                             const GrpcService::Method& method) {
  return [service = std::move(service), &method](Request request, Responder responder) {
    const std::string encoding(request.headers.Get("grpc-encoding").value_or("identity"));
    if (encoding != "identity" && encoding != "gzip") {
      responder.Send(
          GrpcStatusResponse(GrpcStatus::kUnimplemented,
                             "grpc-encoding \"" + encoding + "\", wanted identity or gzip"));
      return;
    }
    auto message =
        UnpackGrpcBody(std::move(request.body), encoding, method.options.max_message_bytes);
    if (!message) {
      // The protocol's own failures keep its own status whatever the service's table says.
      responder.Send(
          GrpcStatusResponse(ToGrpcStatus(message.error().code()), message.error().message()));
      return;
    }
    GrpcCall call = CallOf(request);
    const auto from = service->options().gzip_replies_from;
    const bool may_pack = from && Accepts(call.metadata, "gzip");
    // shared: std::function wants its closure copyable, and there is one responder
    const auto shared = std::make_shared<Responder>(std::move(responder));
    GrpcResponder finish([service, shared, may_pack, from](Result<Bytes> reply) {
      if (!reply) return shared->Send(ErrorResponse(*service, reply.error()));
      const bool pack = may_pack && reply->size() >= *from;
      shared->Send(ReplyResponse(*std::move(reply), pack));
    });
    method.handler(std::move(call), *std::move(message), std::move(finish));
  };
}

}  // namespace strongroom::net
