#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/grpc_service.h"
#include "net/http.h"
#include "net/limits.h"
#include "net/router.h"

namespace strongroom::net {

// What the head of a request leads to.
struct Plan {
  const AsyncHandler* handler = nullptr;  // null: `refusal` is the answer
  RunOn run_on = RunOn::kLoop;
  std::size_t max_body = 0;
  std::size_t lead = 0;  // bytes of framing before the message in the body
  Milliseconds timeout{0};
  std::string_view route = "none";  // for logs and metrics; lives as long as the dispatcher
  bool grpc = false;
  std::optional<Response> refusal = std::nullopt;

  // An answer of the server itself in the request's own protocol: plain text, or a gRPC status.
  Response Failure(Code code, int http_status, std::string_view message) const;
};

// One listener's router and gRPC services behind one question. Immutable, any thread.
class Dispatcher {
 public:
  Dispatcher(std::shared_ptr<const Router> router,
             std::vector<std::shared_ptr<const GrpcService>> services);

  // Fills in path, query and params from the target.
  Plan Decide(Request& request, const Limits& limits) const;

 private:
  struct GrpcRoute {
    AsyncHandler handler;
    GrpcMethodOptions options;
  };
  Plan DecideGrpc(Request& request, const Limits& limits) const;
  Plan DecideHttp(Request& request, const Limits& limits) const;

  std::shared_ptr<const Router> router_;
  std::vector<std::shared_ptr<const GrpcService>> services_;
  std::map<std::string, GrpcRoute, std::less<>> grpc_routes_;
};

}  // namespace strongroom::net
