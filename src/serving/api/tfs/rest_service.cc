#include "serving/api/tfs/rest_service.h"

#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/json.h"
#include "base/model_layout.h"
#include "net/status_map.h"
#include "serving/api/tfs/metadata.h"
#include "serving/api/tfs/predict.h"
#include "serving/api/tfs/rest_messages.h"
#include "serving/api/tfs/tensor_proto.h"

namespace strongroom::serving::api::tfs {
namespace {

constexpr std::string_view kDialect = "tfs_rest";

net::Response ErrorResponse(const Error& error) {
  JsonWriter json;
  json.Object().Key("error").String(error.message()).End();
  const int status = error.code() == Code::kPrecondition ? 400 : net::ToHttpStatus(error.code());
  return net::Response::Json(status, json.text());
}

Result<ModelSpec> SpecOf(const net::Request& request) {
  ModelSpec spec;
  spec.name = request.Param("model").value_or("");
  spec.label = request.Param("label");
  if (const auto text = request.Param("version")) {
    spec.version = ParseModelVersion(*text);
    if (!spec.version)
      return Malformed(fmt::format("Malformed request: {} {}", request.method, request.path));
  }
  return spec;
}

Caller CallerOf(const net::Request& request) {
  return {.certificate = request.connection->peer_certificate()};
}

// REST has its own words for a signature that is not there.
Status CheckRestSignature(std::string_view name) {
  if (CheckSignatureName(name)) return {};
  return Malformed(fmt::format("Serving signature name: \"{}\" not found in signature def", name));
}

Result<std::string> PredictWith(const Servable& servable, std::string_view body) {
  const Signature& signature = servable.loaded->signature();
  ASSIGN_OR_RETURN(const RestPredict request, ParsePredict(body, signature, kMaxRequestBytes));
  RETURN_IF_ERROR(CheckRestSignature(request.signature));
  std::vector<TensorView> views;
  for (std::size_t i = 0; i < request.inputs.size(); ++i) {
    views.push_back(request.inputs[i].view(signature.inputs[i].dtype));
  }
  ASSIGN_OR_RETURN(const auto wanted, ChooseOutputs(signature, {}));
  ASSIGN_OR_RETURN(const std::vector<Tensor> outputs, servable.loaded->Infer(views, wanted));
  return WritePredictions(request.format, signature.outputs, outputs);
}

Result<std::string> Predict(const Frontend& frontend, const net::Request& request,
                            const ModelSpec& spec) {
  ASSIGN_OR_RETURN(const Handle servable, AcquireSpec(frontend, CallerOf(request), spec));
  return PredictWith(*servable, AsText(request.body.view()));
}

Result<std::string> ModelStatus(const Frontend& frontend, const net::Request& request,
                                const ModelSpec& spec) {
  RETURN_IF_ERROR(frontend.access.Check(spec.name, CallerOf(request).certificate));
  if (spec.label)
    return Malformed(fmt::format("Unrecognized servable version label: {}", *spec.label));
  ASSIGN_OR_RETURN(const auto statuses, StatusesOf(frontend.manager, spec.name, spec.version));
  JsonWriter json;
  json.Object().Key("model_version_status").Array();
  for (const VersionStatus& status : statuses) {
    const net::GrpcStatus code =
        status.error ? net::ToGrpcStatus(status.error->code()) : net::GrpcStatus::kOk;
    json.Object().Key("version").String(std::to_string(status.version));
    json.Key("state").String(VersionStateName(status.state));
    json.Key("status").Object().Key("error_code").String(net::GrpcStatusName(code));
    json.Key("error_message").String(status.error ? status.error->message() : "").End().End();
  }
  json.End().End();
  return std::move(json).Finish();
}

void WriteInfos(JsonWriter& json, std::string_view key, const std::vector<TensorSpec>& specs) {
  json.Key(key).Object();
  for (const TensorSpec& spec : specs) {
    json.Key(spec.name).Object().Key("dtype").String(TfTypeName(spec.dtype));
    json.Key("tensor_shape").Object().Key("dim").Array();
    for (const std::int64_t dim : spec.declared_shape()) {
      json.Object().Key("size").String(std::to_string(dim)).Key("name").String("").End();
    }
    json.End().Key("unknown_rank").Bool(false).End();
    json.Key("name").String(spec.name).End();
  }
  json.End();
}

Result<std::string> Metadata(const Frontend& frontend, const net::Request& request,
                             const ModelSpec& spec) {
  ASSIGN_OR_RETURN(const Handle servable, AcquireSpec(frontend, CallerOf(request), spec));
  JsonWriter json;
  json.Object().Key("model_spec").Object().Key("name").String(servable->model);
  json.Key("signature_name")
      .String("")
      .Key("version")
      .String(std::to_string(servable->version))
      .End();
  json.Key("metadata").Object().Key("signature_def").Object().Key("signature_def").Object();
  json.Key(kServingDefault).Object();
  WriteInfos(json, "inputs", servable->loaded->signature().inputs);
  WriteInfos(json, "outputs", servable->loaded->signature().outputs);
  json.Key("method_name").String("tensorflow/serving/predict").Key("defaults").Object().End();
  json.End().End().End().End().End();
  return std::move(json).Finish();
}

// A call by the ModelSpec in its path, answered as JSON and metered.
template <class F>
net::SyncHandler Bind(const Frontend& frontend, std::string_view method, F call) {
  return [&frontend, method, call](const net::Request& request) {
    std::string model(request.Param("model").value_or(""));
    const auto answer = Metered(frontend, kDialect, method, model, [&]() -> Result<std::string> {
      ASSIGN_OR_RETURN(const ModelSpec spec, SpecOf(request));
      return call(frontend, request, spec);
    });
    return answer ? net::Response::Json(200, *answer) : ErrorResponse(answer.error());
  };
}

}  // namespace

void AddRoutes(net::Router& router, const Frontend& frontend) {
  const net::RouteOptions large{.max_body_bytes = kMaxRequestBytes};
  for (const std::string model : {"/v1/models/{model}", "/v1/models/{model}/versions/{version}",
                                  "/v1/models/{model}/labels/{label}"}) {
    router.Handle("POST", model + ":predict", Bind(frontend, "predict", Predict), large);
    router.Handle("GET", model, Bind(frontend, "status", ModelStatus));
    router.Handle("GET", model + "/metadata", Bind(frontend, "metadata", Metadata));
  }
  router.Handle("GET", "/v1/models", [](const net::Request&) {
    return ErrorResponse(Error(Code::kMalformed, "Missing model name in request."));
  });
}

net::Response MalformedRequest(const net::Request& request) {
  return ErrorResponse(Error(
      Code::kMalformed, fmt::format("Malformed request: {} {}", request.method, request.path)));
}

}  // namespace strongroom::serving::api::tfs
