#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http.h"
#include "net/status_map.h"
#include "net/tls.h"

namespace strongroom::net {

struct GrpcChannelOptions {
  std::string address = {};  // "coordinator:2001", "127.0.0.1:2001", "[::1]:2001"
  std::optional<TlsClientOptions> tls =
      std::nullopt;  // none: plaintext HTTP/2 with prior knowledge
  std::size_t max_message_bytes = 64 << 20;
  Milliseconds connect_timeout{10'000};
};

struct GrpcCallOptions {
  Milliseconds timeout{30'000};  // also told to the server
  Headers metadata = {};
  bool gzip = false;  // pack the request
};

// What the server answered beside the message.
struct GrpcOutcome {
  GrpcStatus status = GrpcStatus::kOk;
  std::string message = {};  // decoded grpc-message
  Bytes reply = {};          // when the status is kOk
  Headers trailers = {};
};

// One connection with any number of calls on it at once. Never reconnects: once lost, every call
// fails with kUnavailable, and a caller that has state bound to the connection knows it is gone.
// Any thread. It has a background thread.
class GrpcChannel {
 public:
  // Connects and shakes hands. Errors as HttpsClient::Send.
  static Result<std::unique_ptr<GrpcChannel>> Connect(GrpcChannelOptions options);
  virtual ~GrpcChannel() = default;  // calls in flight fail with kCancelled

  // One unary call. A status other than OK becomes an error by FromGrpcStatus with the server's
  // message.
  Result<Bytes> Call(std::string_view method, ByteView message,
                     const GrpcCallOptions& options = {});
  // The same with the status as the server gave it; only failures of the connection, the deadline
  // and limits are errors.
  virtual Result<GrpcOutcome> CallForOutcome(std::string_view method, ByteView message,
                                             const GrpcCallOptions& options = {}) = 0;

  // Exporters and the server's certificates. Valid for the channel's life.
  virtual const ConnectionInfo& connection() const = 0;
  virtual bool alive() const = 0;
};

}  // namespace strongroom::net
