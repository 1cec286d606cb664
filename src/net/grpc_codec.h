#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/grpc_service.h"
#include "net/http.h"

// gRPC over HTTP/2 (grpc/doc/PROTOCOL-HTTP2.md): the parts that client and server share.
namespace strongroom::net {

inline constexpr std::size_t kGrpcPrefix = 5;  // compressed flag, length

// "application/grpc", alone or with "+proto" or parameters; not "application/grpc-web".
bool IsGrpcContentType(std::string_view content_type);

// "100m"; up to eight digits and a unit of HMSmun. kMalformed otherwise.
Result<std::chrono::nanoseconds> ParseGrpcTimeout(std::string_view text);
std::string FormatGrpcTimeout(std::chrono::nanoseconds timeout);

// Status text of grpc-message: everything but printable ASCII, and '%', as %XX. Decoding never
// fails: what is not an escape stays as it is.
std::string EncodeGrpcMessage(std::string_view message);
std::string DecodeGrpcMessage(std::string_view text);

// The five bytes before a message.
std::array<std::uint8_t, kGrpcPrefix> GrpcPrefix(bool compressed, std::size_t size);
// The length that a body's first five bytes announce.
std::size_t GrpcMessageSize(ByteView prefix);

// The one message of a unary body. `encoding` is grpc-encoding. kUnsupported: another than identity
// or gzip; kExhausted: larger than `max`, packed or unpacked; kMalformed: not exactly one message.
Result<GrpcMessage> UnpackGrpcBody(Buffer body, std::string_view encoding, std::size_t max);

Result<Bytes> GzipPack(ByteView bytes);
Result<Buffer> GzipUnpack(ByteView bytes, std::size_t max);

// A response that is nothing but a status.
Response GrpcStatusResponse(GrpcStatus status, std::string_view message);

// Serves one method of a service: body in, framed reply and trailers out. Both are borrowed for the
// handler's life.
AsyncHandler ServeGrpcMethod(std::shared_ptr<const GrpcService> service,
                             const GrpcService::Method& method);

}  // namespace strongroom::net
