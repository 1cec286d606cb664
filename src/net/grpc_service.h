#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http.h"
#include "net/status_map.h"

namespace strongroom::net {

// One unary call as its handler sees it. The message (a serialised protobuf) starts at a 64-byte
// boundary unless it came compressed.
struct GrpcCall {
  std::string method = {};  // "/pkg.Service/Method"
  Headers metadata = {};    // request headers, names in lower case
  std::shared_ptr<const ConnectionInfo> connection = {};
  std::optional<SteadyTime> deadline = std::nullopt;  // of grpc-timeout
  CancelToken cancel = {};
};

// The right to finish one call, once, from any thread. Dropped: INTERNAL.
class GrpcResponder {
 public:
  using Deliver = std::function<void(Result<Bytes>)>;
  explicit GrpcResponder(Deliver deliver) : deliver_(std::move(deliver)) {}
  GrpcResponder(GrpcResponder&& other) noexcept
      : deliver_(std::exchange(other.deliver_, nullptr)) {}
  GrpcResponder& operator=(GrpcResponder&&) = delete;
  ~GrpcResponder();

  // The reply message, or an error that the service's table turns into a status. Further calls do
  // nothing.
  void Finish(Result<Bytes> reply);

 private:
  Deliver deliver_;
};

using GrpcHandler = std::function<Result<Bytes>(const GrpcCall& call, ByteView message)>;
// `message` owns the bytes; its view() is the message.
class GrpcMessage;
using AsyncGrpcHandler =
    std::function<void(GrpcCall call, GrpcMessage message, GrpcResponder responder)>;

// A received message and the memory it lies in.
class GrpcMessage {
 public:
  GrpcMessage(Buffer memory, std::size_t offset) : memory_(std::move(memory)), offset_(offset) {}
  ByteView view() const { return memory_.view().subspan(offset_); }

 private:
  Buffer memory_;
  std::size_t offset_;
};

struct GrpcMethodOptions {
  RunOn run_on = RunOn::kWorkers;
  std::size_t max_message_bytes =
      4 << 20;  // as sent and, when compressed, as unpacked; larger: RESOURCE_EXHAUSTED
};

// A set of unary methods under one status table. Filled before the server starts, then immutable.
// Messages are accepted as identity and gzip; replies are packed with gzip when `gzip_replies_from`
// is set and the client accepts it. Other encodings: UNIMPLEMENTED. Streaming is not served.
class GrpcService {
 public:
  struct Options {
    GrpcStatusOverrides status_overrides = {};
    // Replies of at least this size are sent gzip-packed to clients that list it in
    // grpc-accept-encoding.
    std::optional<std::size_t> gzip_replies_from;
  };

  GrpcService() = default;
  explicit GrpcService(Options options) : options_(std::move(options)) {}

  // `method` is the full path, "/strongroom.v1.Coordinator/Activate". Registering one twice aborts.
  GrpcService& Handle(std::string method, GrpcHandler handler, GrpcMethodOptions options = {});
  GrpcService& HandleAsync(std::string method, AsyncGrpcHandler handler,
                           GrpcMethodOptions options = {});

  struct Method {
    AsyncGrpcHandler handler;
    GrpcMethodOptions options;
  };
  const std::map<std::string, Method, std::less<>>& methods() const { return methods_; }
  GrpcStatus StatusOf(Code code) const;
  const Options& options() const { return options_; }

 private:
  std::map<std::string, Method, std::less<>> methods_;
  Options options_;
};

// grpc.health.v1.Health/Check over `serving`, which is asked with the service's name ("" is the
// whole server): true SERVING, false NOT_SERVING, none NOT_FOUND. Must not block.
void AddHealthService(GrpcService& service,
                      std::function<std::optional<bool>(std::string_view)> serving);

}  // namespace strongroom::net
