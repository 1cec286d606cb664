#include "net/dispatcher.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/encoding.h"
#include "net/grpc_codec.h"

namespace strongroom::net {
namespace {

std::string FormDecode(std::string_view text) {
  std::string spaced(text);
  std::ranges::replace(spaced, '+', ' ');
  auto decoded = PercentDecode(spaced);
  return decoded ? *std::move(decoded) : spaced;
}

std::vector<std::pair<std::string, std::string>> ParseQuery(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> out;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view part = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (part.empty()) continue;
    const std::size_t equals = std::min(part.find('='), part.size());
    out.emplace_back(FormDecode(part.substr(0, equals)),
                     FormDecode(part.substr(std::min(equals + 1, part.size()))));
  }
  return out;
}

Plan Refusal(Code code, int status, std::string_view message) {
  Plan plan;
  plan.refusal = plan.Failure(code, status, message);
  return plan;
}

}  // namespace

Response Plan::Failure(Code code, int http_status, std::string_view message) const {
  if (grpc) return GrpcStatusResponse(ToGrpcStatus(code), message);
  return Response::Text(http_status, fmt::format("{}\n", message));
}

Dispatcher::Dispatcher(std::shared_ptr<const Router> router,
                       std::vector<std::shared_ptr<const GrpcService>> services)
    : router_(router != nullptr ? std::move(router) : std::make_shared<const Router>()),
      services_(std::move(services)) {
  for (const auto& service : services_) {
    for (const auto& [name, method] : service->methods()) {
      grpc_routes_.try_emplace(name, ServeGrpcMethod(service, method), method.options);
    }
  }
}

Plan Dispatcher::Decide(Request& request, const Limits& limits) const {
  if (request.target.size() > limits.max_target_bytes) {
    return Refusal(Code::kMalformed, 414,
                   fmt::format("target of more than {} bytes", limits.max_target_bytes));
  }
  if (!request.target.starts_with('/') && request.target != "*") {
    return Refusal(Code::kMalformed, 400, "the request target must begin with a slash");
  }
  const std::size_t question = std::min(request.target.find('?'), request.target.size());
  request.path = request.target.substr(0, question);
  const auto type = request.headers.Get("content-type");
  if (type && IsGrpcContentType(*type)) return DecideGrpc(request, limits);
  request.query = ParseQuery(
      std::string_view(request.target).substr(std::min(question + 1, request.target.size())));
  return DecideHttp(request, limits);
}

Plan Dispatcher::DecideHttp(Request& request, const Limits& limits) const {
  Router::Match match = router_->Find(request.method, request.path);
  auto decoded = PercentDecode(request.path);
  if (!decoded) return Refusal(Code::kMalformed, 400, "the path has a broken percent-escape");
  request.path = *std::move(decoded);
  request.params = std::move(match.params);
  return {.handler = &match.route->handler,
          .run_on = match.route->options.run_on,
          .max_body = match.route->options.max_body_bytes,
          .timeout = match.route->options.timeout.value_or(limits.handler_timeout),
          .route = match.route->pattern};
}

Plan Dispatcher::DecideGrpc(Request& request, const Limits& limits) const {
  Plan plan{.lead = kGrpcPrefix, .timeout = limits.handler_timeout, .route = "grpc", .grpc = true};
  if (request.http_major != 2 || request.method != "POST") {
    plan.grpc = false;
    plan.refusal = plan.Failure(Code::kMalformed, 405, "gRPC wants POST over HTTP/2");
    return plan;
  }
  const auto it = grpc_routes_.find(request.path);
  if (it == grpc_routes_.end()) {
    plan.refusal =
        plan.Failure(Code::kUnsupported, 404, fmt::format("no method {} here", request.path));
    return plan;
  }
  plan.handler = &it->second.handler;
  plan.run_on = it->second.options.run_on;
  plan.max_body = it->second.options.max_message_bytes + kGrpcPrefix;
  plan.route = it->first;
  if (const auto text = request.headers.Get("grpc-timeout")) {
    const auto timeout = ParseGrpcTimeout(*text);
    if (!timeout) {
      plan.refusal = plan.Failure(Code::kMalformed, 400, timeout.error().message());
      return plan;
    }
    plan.timeout = std::min(plan.timeout, std::chrono::ceil<Milliseconds>(*timeout));
  }
  return plan;
}

}  // namespace strongroom::net
