#include "serving/api/kserve/grpc_service.h"

#include <inference.pb.h>

#include <string>
#include <utility>
#include <vector>

#include "serving/api/kserve/infer.h"
#include "serving/api/kserve/messages.h"

namespace strongroom::serving::api::kserve {
namespace {

constexpr std::string_view kDialect = "kserve_grpc";

Bytes Serialized(const google::protobuf::MessageLite& message) {
  return ToBytes(message.SerializeAsString());
}

template <class Message>
Result<Message> Parse(ByteView bytes) {
  Message message;
  if (bytes.size() > 4096 ||
      !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Malformed("request does not parse");
  }
  return message;
}

Result<Bytes> InferWith(const Servable& servable, const InferRequest& request,
                        std::size_t message_bytes) {
  const Signature& signature = servable.loaded->signature();
  std::vector<std::string_view> names;
  for (const InferInput& input : request.inputs) names.push_back(input.name);
  ASSIGN_OR_RETURN(const auto places, PlaceInputs(signature, names, request.model));
  ASSIGN_OR_RETURN(const auto wanted, ChooseOutputs(signature, request.outputs, request.model));
  std::vector<DecodedTensor> decoded(places.size());
  std::vector<TensorView> views(places.size());
  for (std::size_t i = 0; i < places.size(); ++i) {
    ASSIGN_OR_RETURN(decoded[i], DecodeInput(request, i, MaxTensorBytes(message_bytes)));
    views[places[i]] = decoded[i].view;
  }
  ASSIGN_OR_RETURN(const std::vector<Tensor> outputs, servable.loaded->Infer(views, wanted));
  InferAnswer answer{
      .model = servable.model, .version = servable.version, .id = request.id, .outputs = {}};
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    answer.outputs.emplace_back(signature.outputs[wanted[i]].name, outputs[i].view());
  }
  return EncodeInferResponse(answer, !request.raw.empty());
}

void FillTensor(const TensorSpec& spec, inference::ModelMetadataResponse::TensorMetadata& out) {
  out.set_name(spec.name);
  out.set_datatype(std::string(DTypeName(spec.dtype)));
  for (const std::int64_t dim : spec.declared_shape()) out.add_shape(dim);
}

template <class F>
net::GrpcHandler Bind(const Frontend& frontend, F call) {
  return [&frontend, call](const net::GrpcCall& grpc, ByteView message) -> Result<Bytes> {
    if (grpc.cancel.cancelled()) return Cancelled("the client no longer waits");
    return call(frontend, Caller{.certificate = grpc.connection->peer_certificate()}, message);
  };
}

}  // namespace

Result<Bytes> ModelInfer(const Frontend& frontend, const Caller& caller, ByteView message) {
  std::string model;
  return Metered(frontend, kDialect, "ModelInfer", model, [&]() -> Result<Bytes> {
    ASSIGN_OR_RETURN(const InferRequest request, DecodeInferRequest(message));
    model = request.model;
    ASSIGN_OR_RETURN(const Handle servable,
                     AcquireVersion(frontend, caller, request.model, request.version));
    return InferWith(*servable, request, message.size());
  });
}

Result<Bytes> ModelMetadata(const Frontend& frontend, const Caller& caller, ByteView message) {
  std::string model;
  return Metered(frontend, kDialect, "ModelMetadata", model, [&]() -> Result<Bytes> {
    ASSIGN_OR_RETURN(const auto request, Parse<inference::ModelMetadataRequest>(message));
    model = request.name();
    ASSIGN_OR_RETURN(const Handle servable,
                     AcquireVersion(frontend, caller, request.name(), request.version()));
    inference::ModelMetadataResponse response;
    response.set_name(servable->model);
    for (const std::int64_t version : AvailableVersions(frontend.manager, servable->model)) {
      response.add_versions(std::to_string(version));
    }
    response.set_platform(std::string(servable->loaded->platform()));
    for (const TensorSpec& spec : servable->loaded->signature().inputs)
      FillTensor(spec, *response.add_inputs());
    for (const TensorSpec& spec : servable->loaded->signature().outputs)
      FillTensor(spec, *response.add_outputs());
    return Serialized(response);
  });
}

Result<Bytes> ModelReady(const Frontend& frontend, const Caller& caller, ByteView message) {
  ASSIGN_OR_RETURN(const auto request, Parse<inference::ModelReadyRequest>(message));
  const auto servable = AcquireVersion(frontend, caller, request.name(), request.version());
  if (!servable && servable.error().code() != Code::kNotFound)
    return std::unexpected(servable.error());
  inference::ModelReadyResponse response;
  response.set_ready(servable.has_value());
  return Serialized(response);
}

void AddService(net::GrpcService& service, const Frontend& frontend, std::string_view version) {
  const std::string prefix = "/inference.GRPCInferenceService/";
  service.Handle(prefix + "ModelInfer", Bind(frontend, ModelInfer),
                 {.max_message_bytes = kMaxRequestBytes});
  service.Handle(prefix + "ModelMetadata", Bind(frontend, ModelMetadata));
  service.Handle(prefix + "ModelReady", Bind(frontend, ModelReady));
  // Probes must not wait behind inferences.
  const net::GrpcMethodOptions quick{.run_on = net::RunOn::kLoop};
  service.Handle(
      prefix + "ServerLive",
      [](const net::GrpcCall&, ByteView) -> Result<Bytes> {
        inference::ServerLiveResponse response;
        response.set_live(true);
        return Serialized(response);
      },
      quick);
  service.Handle(
      prefix + "ServerReady",
      [&frontend](const net::GrpcCall&, ByteView) -> Result<Bytes> {
        inference::ServerReadyResponse response;
        response.set_ready(frontend.manager.Ready());
        return Serialized(response);
      },
      quick);
  service.Handle(
      prefix + "ServerMetadata",
      [text = std::string(version)](const net::GrpcCall&, ByteView) -> Result<Bytes> {
        inference::ServerMetadataResponse response;
        response.set_name(std::string(kServerName));
        response.set_version(text);
        response.add_extensions("binary_tensor_data");
        return Serialized(response);
      },
      quick);
}

}  // namespace strongroom::serving::api::kserve
