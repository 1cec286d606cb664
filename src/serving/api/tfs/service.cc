#include "serving/api/tfs/service.h"

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "serving/api/tfs/messages.h"
#include "serving/api/tfs/metadata.h"
#include "serving/api/tfs/predict.h"
#include "serving/api/tfs/tensor_proto.h"

namespace strongroom::serving::api::tfs {
namespace {

constexpr std::string_view kDialect = "tfs_grpc";

// The request's tensors in the signature's order.
Result<std::vector<DecodedTensor>> DecodeInputs(const PredictRequest& request,
                                                const Signature& signature,
                                                std::size_t message_bytes) {
  std::vector<std::string_view> names;
  for (const auto& [name, proto] : request.inputs) names.push_back(name);
  RETURN_IF_ERROR(CheckInputNames(signature, names));
  std::vector<DecodedTensor> out(signature.inputs.size());
  for (const auto& [name, proto] : request.inputs) {
    auto decoded = DecodeTensorProto(proto, MaxTensorBytes(message_bytes));
    if (!decoded)
      return std::unexpected(decoded.error().In(fmt::format("input \"{:.100}\"", name)));
    out[static_cast<std::size_t>(IndexOf(signature.inputs, name))] = std::move(*decoded);
  }
  return out;
}

Result<Bytes> PredictWith(const Servable& servable, const PredictRequest& request,
                          std::size_t message_bytes) {
  const Signature& signature = servable.loaded->signature();
  RETURN_IF_ERROR(CheckSignatureName(request.spec.signature));
  ASSIGN_OR_RETURN(const std::vector<DecodedTensor> inputs,
                   DecodeInputs(request, signature, message_bytes));
  ASSIGN_OR_RETURN(const std::vector<std::size_t> wanted,
                   ChooseOutputs(signature, request.output_filter));
  std::vector<TensorView> views;
  for (const DecodedTensor& input : inputs) views.push_back(input.view);
  ASSIGN_OR_RETURN(const std::vector<Tensor> outputs, servable.loaded->Infer(views, wanted));
  std::vector<std::pair<std::string_view, TensorView>> named;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    named.emplace_back(signature.outputs[wanted[i]].name, outputs[i].view());
  }
  return EncodePredictResponse(
      {.name = servable.model, .version = servable.version, .signature = kServingDefault}, named);
}

Error Shortened(const Error& error) {
  if (error.message().size() <= kMaxErrorText) return error;
  return Error(error.code(), error.message().substr(0, kMaxErrorText) + "...TRUNCATED",
               error.finding());
}

// A core call as net wants it.
template <class F>
net::GrpcHandler Bind(const Frontend& frontend, F call) {
  return [&frontend, call](const net::GrpcCall& grpc, ByteView message) -> Result<Bytes> {
    if (grpc.cancel.cancelled()) return Cancelled("the client no longer waits");
    auto answer =
        call(frontend, Caller{.certificate = grpc.connection->peer_certificate()}, message);
    if (!answer) return std::unexpected(Shortened(answer.error()));
    return answer;
  };
}

}  // namespace

Result<Bytes> Predict(const Frontend& frontend, const Caller& caller, ByteView message) {
  std::string model;
  return Metered(frontend, kDialect, "Predict", model, [&]() -> Result<Bytes> {
    ASSIGN_OR_RETURN(const PredictRequest request, DecodePredictRequest(message));
    model = request.spec.name;
    ASSIGN_OR_RETURN(const Handle servable, AcquireSpec(frontend, caller, request.spec));
    return PredictWith(*servable, request, message.size());
  });
}

Result<Bytes> GetModelMetadata(const Frontend& frontend, const Caller& caller, ByteView message) {
  std::string model;
  return Metered(frontend, kDialect, "GetModelMetadata", model, [&]() -> Result<Bytes> {
    ASSIGN_OR_RETURN(const SpecRequest request, DecodeSpecRequest(message));
    model = request.spec.name;
    RETURN_IF_ERROR(CheckMetadataFields(request.texts));
    ASSIGN_OR_RETURN(const Handle servable, AcquireSpec(frontend, caller, request.spec));
    return EncodeModelMetadata(*servable);
  });
}

Result<Bytes> GetModelStatus(const Frontend& frontend, const Caller& caller, ByteView message) {
  std::string model;
  return Metered(frontend, kDialect, "GetModelStatus", model, [&]() -> Result<Bytes> {
    ASSIGN_OR_RETURN(const SpecRequest request, DecodeSpecRequest(message));
    model = request.spec.name;
    RETURN_IF_ERROR(frontend.access.Check(model, caller.certificate));
    ASSIGN_OR_RETURN(const auto statuses,
                     StatusesOf(frontend.manager, model, request.spec.version));
    return EncodeModelStatus(statuses);
  });
}

void AddServices(net::GrpcService& service, const Frontend& frontend) {
  const std::string prediction = "/tensorflow.serving.PredictionService/";
  service.Handle(prediction + "Predict", Bind(frontend, Predict),
                 {.max_message_bytes = kMaxRequestBytes});
  service.Handle(prediction + "GetModelMetadata", Bind(frontend, GetModelMetadata));
  service.Handle("/tensorflow.serving.ModelService/GetModelStatus", Bind(frontend, GetModelStatus));
}

}  // namespace strongroom::serving::api::tfs
