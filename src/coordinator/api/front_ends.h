#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/log.h"
#include "base/metrics.h"
#include "coordinator/core/coordinator.h"
#include "net/limits.h"

namespace strongroom::coordinator {

struct FrontEndOptions {
  std::string client_address = {};   // REST, "127.0.0.1:4433"
  std::string mesh_address = {};     // gRPC, both dialects
  std::string metrics_address = {};  // plain HTTP /metrics, /healthz, /readyz; empty: none
  net::Limits limits = {.max_buffered_bytes = 64 << 20,
                        .max_buffered_bytes_per_connection = 16 << 20};
  bool access_log = false;
};

// The coordinator's listeners. Client API: the certificate shown is the self-signed root itself.
// Mesh: the self-signed marble root. Client certificates are asked for and judged by the handlers.
class FrontEnds {
 public:
  // All borrowed for life. Errors of net::Server::Start.
  static Result<std::unique_ptr<FrontEnds>> Start(Coordinator& core, const FrontEndOptions& options,
                                                  Log& log, Metrics& metrics);
  virtual ~FrontEnds() = default;

  virtual std::uint16_t client_port() const = 0;
  virtual std::uint16_t mesh_port() const = 0;
  virtual std::uint16_t metrics_port() const = 0;  // 0: none

  // Lets requests in flight finish for a while, then ends.
  virtual void Stop() = 0;
};

}  // namespace strongroom::coordinator
