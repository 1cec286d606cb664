#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/metrics.h"
#include "net/grpc_service.h"
#include "net/limits.h"
#include "net/router.h"
#include "net/tls.h"

namespace strongroom::net {

// One port and what it serves. With TLS, ALPN chooses HTTP/2 or HTTP/1.1; without, the client's
// first bytes do (HTTP/2 with prior knowledge). REST and gRPC share the port: a POST of
// content-type application/grpc goes to the services.
struct Listener {
  std::string address = {};  // "127.0.0.1:0", "[::]:4433", "0.0.0.0:2001"; names are not resolved
  std::optional<TlsServerOptions> tls = std::nullopt;  // none: plaintext
  std::shared_ptr<const Router> router = {};           // null: every path is 404
  std::vector<std::shared_ptr<const GrpcService>> grpc_services = {};
  std::string name = "default";  // in logs and metrics
  // Called once for each connection that ended, on its event loop: it must return within
  // microseconds. Requests of the connection may still be worked on; ConnectionInfo::closed tells
  // them.
  std::function<void(const ConnectionInfo& connection)> on_closed = nullptr;
};

struct ServerOptions {
  std::vector<Listener> listeners = {};
  int event_loops = 0;  // 0: one for each core this process may use
  int workers = 0;  // threads for handlers of RunOn::kWorkers; 0: twice the cores, at least four
  Limits limits = {};
  Milliseconds drain_timeout{10'000};
  // Borrowed for the server's life. Null: none. The log gets one line a request ("request", with
  // method, path, status, milliseconds, bytes, peer), metrics are strongroom_http_*
  // (docs/protocols/limits.md names them).
  Log* access_log = nullptr;
  Metrics* metrics = nullptr;
};

// A running server with threads of its own. All methods are safe from any thread but a handler's.
class Server {
 public:
  // Binds and listens before it returns. kMalformed: an address; kConflict: in use; kDenied: a
  // privileged port.
  static Result<std::unique_ptr<Server>> Start(ServerOptions options);
  virtual ~Server() = default;  // stops

  // The port listener `index` is bound to, also where 0 was asked for.
  virtual std::uint16_t port(std::size_t index = 0) const = 0;

  // New handshakes of that listener use these from now on; established connections stay as they
  // are.
  virtual Status SetTls(std::size_t index, TlsServerOptions options) = 0;
  // The same, changing only what the server shows.
  virtual Status SetCertificate(std::size_t index, Credentials credentials) = 0;

  // Stops accepting, tells clients to go (GOAWAY, connection: close), lets requests in flight
  // finish for at most the drain timeout, closes the rest and joins all threads. Handlers that
  // ignore their cancel token are waited for.
  virtual void Stop() = 0;
};

}  // namespace strongroom::net
