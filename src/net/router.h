#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http.h"

namespace strongroom::net {

struct RouteOptions {
  RunOn run_on = RunOn::kWorkers;
  std::size_t max_body_bytes = 1 << 20;  // a larger body is answered 413 before it is received
  // How long a handler may take before the client gets 504 and the request is cancelled; none: the
  // server's limit.
  std::optional<Milliseconds> timeout = std::nullopt;
};

// Method and path to handler. A pattern is literal segments and {name}s, which match one non-empty
// segment each; a last segment {name...} matches the rest, slashes included:
// "/v2/models/{model}/versions/{version}/infer". A literal wins over a {name}. A segment may have a
// suffix of its own: "/v1/models/{model}:predict" matches what ends in ":predict". Filled before
// the server starts, then shared and immutable. Registering a pattern twice, or one that does not
// parse, is our own bug and aborts.
class Router {
 public:
  Router& Handle(std::string_view method, std::string_view pattern, SyncHandler handler,
                 RouteOptions options = {});
  Router& HandleAsync(std::string_view method, std::string_view pattern, AsyncHandler handler,
                      RouteOptions options = {});

  // What answers a path, or a method of a known path, that is not registered. Default: 404 "not
  // found", and 405 with `allow`. HEAD is answered by the GET handler without its body unless
  // registered itself.
  Router& OnUnknownPath(SyncHandler handler);
  Router& OnUnknownMethod(SyncHandler handler);

  struct Route {
    AsyncHandler handler;
    RouteOptions options;
    std::string pattern;  // for logs and metrics: bounded, unlike paths
  };
  struct Match {
    const Route* route;  // never null
    std::vector<std::pair<std::string, std::string>> params;
  };
  // `path` is as received, still percent-encoded: an encoded slash stays inside its segment.
  Match Find(std::string_view method, std::string_view path) const;

  Router();
  ~Router();
  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace strongroom::net
