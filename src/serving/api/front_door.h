#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "net/grpc_service.h"
#include "net/router.h"
#include "serving/api/frontend.h"

namespace strongroom::serving::api {

// All that the model server speaks, ready to be given to a listener: gRPC of TensorFlow Serving,
// KServe v2 and grpc.health.v1; REST of KServe v2 and TensorFlow Serving; /metrics, where a client
// sees the models that it may ask.
class FrontDoor {
 public:
  // What `frontend` refers to, and the door itself, must outlive the server that uses it. `version`
  // is the program's.
  FrontDoor(const Frontend& frontend, std::string_view version);

  std::shared_ptr<const net::Router> router() const { return router_; }
  // For a port that anyone may ask without TLS: /healthz, /readyz, and /metrics summed over all
  // models, so that no model is named.
  std::shared_ptr<const net::Router> health_router() const { return health_router_; }
  const std::vector<std::shared_ptr<const net::GrpcService>>& grpc_services() const {
    return services_;
  }

 private:
  std::unique_ptr<const Frontend> frontend_;  // at an address that stays when the door moves
  std::shared_ptr<const net::Router> router_;
  std::shared_ptr<const net::Router> health_router_;
  std::vector<std::shared_ptr<const net::GrpcService>> services_;
};

}  // namespace strongroom::serving::api
