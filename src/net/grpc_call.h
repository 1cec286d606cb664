#pragma once

#include <cstddef>
#include <string_view>

#include "net/client_session.h"
#include "net/grpc_client.h"

// A unary call as one HTTP/2 request and its response, without the connection.
namespace strongroom::net {

// The request of a call. kInternal when packing fails.
Result<OutgoingRequest> FrameGrpcCall(std::string_view authority, bool tls, std::string_view method,
                                      ByteView message, const GrpcCallOptions& options);

// What a response says. One without a gRPC status gets the status that gRPC maps its HTTP status
// to. Errors as UnpackGrpcBody, with `max` bytes of message.
Result<GrpcOutcome> ReadGrpcOutcome(IncomingResponse response, std::size_t max);

}  // namespace strongroom::net
