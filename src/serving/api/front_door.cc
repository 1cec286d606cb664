#include "serving/api/front_door.h"

#include <utility>

#include "serving/api/kserve/grpc_service.h"
#include "serving/api/kserve/rest_service.h"
#include "serving/api/tfs/rest_service.h"
#include "serving/api/tfs/service.h"

namespace strongroom::serving::api {
namespace {

net::Response RenderMetrics(const Frontend& frontend, const net::Request& request) {
  const Status allowed = frontend.access.Check("", request.connection->peer_certificate());
  if (!allowed) return kserve::ErrorResponse(allowed.error());
  net::Response response = net::Response::Text(200, frontend.metrics.Render());
  response.headers.Set("content-type", "text/plain; version=0.0.4; charset=utf-8");
  return response;
}

net::Response UnknownPath(const net::Request& request) {
  if (request.path.starts_with("/v1/")) return tfs::MalformedRequest(request);
  return kserve::ErrorResponse(Error(Code::kNotFound, "Not Found"));
}

net::Response UnknownMethod(const net::Request& request) {
  if (request.path.starts_with("/v1/")) return tfs::MalformedRequest(request);
  return net::Response::Json(405, R"({"error":"Method Not Allowed"})");
}

std::shared_ptr<const net::Router> MakeRouter(const Frontend& frontend, std::string_view version) {
  net::Router router;
  kserve::AddRoutes(router, frontend, version);
  tfs::AddRoutes(router, frontend);
  const auto metrics = [&frontend](const net::Request& request) {
    return RenderMetrics(frontend, request);
  };
  router.Handle("GET", "/metrics", metrics);
  router.Handle("GET", "/monitoring/prometheus/metrics",
                metrics);  // where TensorFlow Serving has them
  router.OnUnknownPath(UnknownPath);
  router.OnUnknownMethod(UnknownMethod);
  return std::make_shared<const net::Router>(std::move(router));
}

}  // namespace

FrontDoor::FrontDoor(const Frontend& frontend, std::string_view version)
    : frontend_(std::make_unique<const Frontend>(frontend)),
      router_(MakeRouter(*frontend_, version)) {
  auto service = std::make_shared<net::GrpcService>();
  tfs::AddServices(*service, *frontend_);
  kserve::AddService(*service, *frontend_, version);
  net::AddHealthService(
      *service, [manager = &frontend_->manager](std::string_view name) -> std::optional<bool> {
        if (name.empty() || name == "PredictionService" || name == "ModelService")
          return manager->Ready();
        return std::nullopt;
      });
  services_.push_back(std::move(service));
}

}  // namespace strongroom::serving::api
