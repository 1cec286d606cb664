#include "serving/api/front_door.h"

#include <utility>

#include "serving/api/kserve/grpc_service.h"
#include "serving/api/kserve/rest_service.h"
#include "serving/api/tfs/rest_service.h"
#include "serving/api/tfs/service.h"

namespace strongroom::serving::api {
namespace {

constexpr const char* kModelLabel = "model";

net::Response MetricsText(const std::string& text) {
  net::Response response = net::Response::Text(200, text);
  response.headers.Set("content-type", "text/plain; version=0.0.4; charset=utf-8");
  return response;
}

// What was asked of the models that the client may ask; nothing that sums up over others.
net::Response OwnMetrics(const Frontend& frontend, const net::Request& request) {
  const Bytes* certificate = request.connection->peer_certificate();
  const Status allowed = frontend.access.Check("", certificate);
  if (!allowed) return kserve::ErrorResponse(allowed.error());
  return MetricsText(frontend.metrics.Render([&](const MetricLabels& labels) {
    const auto model = labels.find(kModelLabel);
    return model != labels.end() && !model->second.empty() &&
           frontend.access.Check(model->second, certificate).has_value();
  }));
}

net::Response Ready(const Frontend& frontend) {
  return frontend.manager.Ready() ? net::Response::Text(200, "ready\n")
                                  : net::Response::Text(503, "not every model is loaded\n");
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
    return OwnMetrics(frontend, request);
  };
  router.Handle("GET", "/metrics", metrics);
  router.Handle("GET", "/monitoring/prometheus/metrics",
                metrics);  // where TensorFlow Serving has them
  router.OnUnknownPath(UnknownPath);
  router.OnUnknownMethod(UnknownMethod);
  return std::make_shared<const net::Router>(std::move(router));
}

std::shared_ptr<const net::Router> MakeHealthRouter(const Frontend& frontend) {
  net::Router router;
  router.Handle("GET", "/healthz",
                [](const net::Request&) { return net::Response::Text(200, "alive\n"); });
  router.Handle("GET", "/readyz", [&frontend](const net::Request&) { return Ready(frontend); });
  router.Handle("GET", "/metrics", [&frontend](const net::Request&) {
    return MetricsText(frontend.metrics.RenderWithout(kModelLabel));
  });
  return std::make_shared<const net::Router>(std::move(router));
}

}  // namespace

FrontDoor::FrontDoor(const Frontend& frontend, std::string_view version)
    : frontend_(std::make_unique<const Frontend>(frontend)),
      router_(MakeRouter(*frontend_, version)),
      health_router_(MakeHealthRouter(*frontend_)) {
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
