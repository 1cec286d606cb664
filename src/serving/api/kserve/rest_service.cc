#include "serving/api/kserve/rest_service.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"
#include "net/status_map.h"
#include "serving/api/kserve/infer.h"
#include "serving/api/kserve/rest_messages.h"

namespace strongroom::serving::api::kserve {
namespace {

constexpr std::string_view kDialect = "kserve_rest";
constexpr std::string_view kJsonLengthHeader = "inference-header-content-length";

Caller CallerOf(const net::Request& request) {
  return {.certificate = request.connection->peer_certificate()};
}

std::string_view Param(const net::Request& request, std::string_view name) {
  return request.Param(name).value_or("");
}

net::Response Answer(Result<net::Response> result) {
  return result ? std::move(*result) : ErrorResponse(result.error());
}

Result<std::optional<std::size_t>> JsonLength(const net::Request& request) {
  const auto text = request.headers.Get(kJsonLengthHeader);
  if (!text) return std::nullopt;
  const auto value = ParseDecimal<std::size_t>(*text);
  if (!value) return Malformed("Inference-Header-Content-Length is no number");
  return value;
}

Result<RestInferRequest> ReadRequest(const net::Request& request, const Signature& signature) {
  ASSIGN_OR_RETURN(const auto json_bytes, JsonLength(request));
  if (json_bytes && *json_bytes == 0) return RawInferRequest(request.body.view(), signature);
  return ParseInferRequest(request.body.view(), json_bytes);
}

bool IsBinary(const RestInferRequest& request, std::size_t position) {
  if (request.outputs.empty()) return request.binary_by_default;
  return request.outputs[position].binary.value_or(request.binary_by_default);
}

Result<net::Response> InferWith(const Servable& servable, const net::Request& http) {
  const Signature& signature = servable.loaded->signature();
  ASSIGN_OR_RETURN(const RestInferRequest request, ReadRequest(http, signature));
  std::vector<std::string_view> names;
  for (const RestInput& input : request.inputs) names.push_back(input.name);
  ASSIGN_OR_RETURN(const auto places, PlaceInputs(signature, names, servable.model));
  std::vector<std::string_view> outputs_asked;
  for (const RestOutput& output : request.outputs) outputs_asked.push_back(output.name);
  ASSIGN_OR_RETURN(const auto wanted, ChooseOutputs(signature, outputs_asked, servable.model));

  std::vector<DecodedTensor> decoded(places.size());
  std::vector<TensorView> views(places.size());
  for (std::size_t i = 0; i < places.size(); ++i) {
    ASSIGN_OR_RETURN(decoded[i],
                     DecodeRestInput(request.inputs[i], MaxTensorBytes(http.body.size())));
    views[places[i]] = decoded[i].view;
  }
  ASSIGN_OR_RETURN(const std::vector<Tensor> outputs, servable.loaded->Infer(views, wanted));
  RestAnswer answer{
      .model = servable.model, .version = servable.version, .id = request.id, .outputs = {}};
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    answer.outputs.push_back({.name = signature.outputs[wanted[i]].name,
                              .tensor = outputs[i].view(),
                              .binary = IsBinary(request, i)});
  }
  ASSIGN_OR_RETURN(RestBody body, WriteInferAnswer(answer));
  net::Response response{
      .status = 200, .headers = {}, .body = std::move(body.bytes), .trailers = {}};
  response.headers.Set("content-type",
                       body.json_bytes ? "application/octet-stream" : "application/json");
  if (body.json_bytes) response.headers.Set(kJsonLengthHeader, std::to_string(*body.json_bytes));
  return response;
}

net::Response Infer(const Frontend& frontend, const net::Request& request) {
  std::string model(Param(request, "model"));
  return Answer(Metered(frontend, kDialect, "infer", model, [&]() -> Result<net::Response> {
    ASSIGN_OR_RETURN(const Handle servable,
                     AcquireVersion(frontend, CallerOf(request), model, Param(request, "version")));
    return InferWith(*servable, request);
  }));
}

void WriteTensors(JsonWriter& json, std::string_view key, const std::vector<TensorSpec>& specs) {
  json.Key(key).Array();
  for (const TensorSpec& spec : specs) {
    json.Object()
        .Key("name")
        .String(spec.name)
        .Key("datatype")
        .String(DTypeName(spec.dtype))
        .Key("shape")
        .Array();
    for (const std::int64_t dim : spec.declared_shape()) json.Int(dim);
    json.End().End();
  }
  json.End();
}

net::Response Metadata(const Frontend& frontend, const net::Request& request) {
  std::string model(Param(request, "model"));
  return Answer(Metered(frontend, kDialect, "metadata", model, [&]() -> Result<net::Response> {
    ASSIGN_OR_RETURN(const Handle servable,
                     AcquireVersion(frontend, CallerOf(request), model, Param(request, "version")));
    JsonWriter json;
    json.Object().Key("name").String(servable->model).Key("versions").Array();
    for (const std::int64_t version : AvailableVersions(frontend.manager, servable->model)) {
      json.String(std::to_string(version));
    }
    json.End().Key("platform").String(servable->loaded->platform());
    WriteTensors(json, "inputs", servable->loaded->signature().inputs);
    WriteTensors(json, "outputs", servable->loaded->signature().outputs);
    json.End();
    return net::Response::Json(200, json.text());
  }));
}

net::Response ModelReady(const Frontend& frontend, const net::Request& request) {
  const auto servable = AcquireVersion(frontend, CallerOf(request), Param(request, "model"),
                                       Param(request, "version"));
  if (!servable) return ErrorResponse(servable.error());
  JsonWriter json;
  json.Object().Key("name").String((*servable)->model).Key("ready").Bool(true).End();
  return net::Response::Json(200, json.text());
}

net::Response ServerMetadata(std::string_view version) {
  JsonWriter json;
  json.Object().Key("name").String(kServerName).Key("version").String(version);
  json.Key("extensions").Array().String("binary_tensor_data").End().End();
  return net::Response::Json(200, json.text());
}

int StatusOf(Code code) {
  // Triton says 400 to whatever it has no word for.
  return code == Code::kPrecondition || code == Code::kConflict ? 400 : net::ToHttpStatus(code);
}

}  // namespace

net::Response ErrorResponse(const Error& error) {
  JsonWriter json;
  json.Object().Key("error").String(error.message()).End();
  return net::Response::Json(StatusOf(error.code()), json.text());
}

void AddRoutes(net::Router& router, const Frontend& frontend, std::string_view version) {
  const auto bind = [&frontend](auto call) {
    return [&frontend, call](const net::Request& request) { return call(frontend, request); };
  };
  const net::RouteOptions large{.max_body_bytes = kMaxRequestBytes};
  for (const std::string model : {"/v2/models/{model}", "/v2/models/{model}/versions/{version}"}) {
    router.Handle("POST", model + "/infer", bind(Infer), large);
    router.Handle("GET", model, bind(Metadata));
    router.Handle("GET", model + "/ready", bind(ModelReady));
  }
  router.Handle("GET", "/v2", [text = std::string(version)](const net::Request&) {
    return ServerMetadata(text);
  });
  // Probes must not wait behind inferences.
  const net::RouteOptions quick{.run_on = net::RunOn::kLoop};
  router.Handle(
      "GET", "/v2/health/live",
      [](const net::Request&) { return net::Response::Json(200, R"({"live":true})"); }, quick);
  router.Handle(
      "GET", "/v2/health/ready",
      [&frontend](const net::Request&) {
        return frontend.manager.Ready() ? net::Response::Json(200, R"({"ready":true})")
                                        : net::Response::Json(503, R"({"ready":false})");
      },
      quick);
}

}  // namespace strongroom::serving::api::kserve
