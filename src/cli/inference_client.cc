#include "cli/inference_client.h"

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/tensor_proto.h"
#include "inference.pb.h"
#include "net/status_map.h"
#include "tensorflow_serving.pb.h"

namespace strongroom::cli {
namespace {

constexpr std::size_t kMaxAnswer = 256 << 20;

Result<std::unique_ptr<net::GrpcChannel>> Connect(const InferenceTarget& target) {
  return In(target.address,
            net::GrpcChannel::Connect(
                {.address = target.address, .tls = target.tls, .max_message_bytes = kMaxAnswer}));
}

template <class Answer, class Question>
Result<Answer> Call(net::GrpcChannel& channel, std::string_view method, const Question& question) {
  ASSIGN_OR_RETURN(const Bytes reply, channel.Call(method, AsBytes(question.SerializeAsString())));
  Answer answer;
  if (!answer.ParseFromArray(reply.data(), static_cast<int>(reply.size()))) {
    return Malformed(fmt::format("the answer to {} cannot be read", method));
  }
  return answer;
}

// Gives a single unnamed input the name of the model's only input.
Status NameInputs(net::GrpcChannel& channel, const InferenceTarget& target, NamedTensors& inputs) {
  bool unnamed = false;
  for (const auto& [name, tensor] : inputs) unnamed = unnamed || name.empty();
  if (!unnamed) return {};
  inference::ModelMetadataRequest question;
  question.set_name(target.model);
  question.set_version(target.version);
  ASSIGN_OR_RETURN(const auto metadata,
                   Call<inference::ModelMetadataResponse>(
                       channel, "/inference.GRPCInferenceService/ModelMetadata", question));
  if (metadata.inputs_size() != 1 || inputs.size() != 1) {
    return Malformed(fmt::format("model \"{}\" has {} inputs; name each as --input NAME=FILE",
                                 target.model, metadata.inputs_size()));
  }
  inputs.front().first = metadata.inputs(0).name();
  return {};
}

// The answer's JSON, or the server's own words.
Result<JsonDocument> RestAnswer(const net::ClientResponse& response) {
  Result<JsonDocument> document = JsonDocument::Parse(
      AsText(response.body), {.max_bytes = kMaxAnswer, .max_depth = 32, .max_values = 50'000'000});
  if (response.status == 200) return document;
  std::string message = fmt::format("status {}", response.status);
  const Json* said = document.has_value() ? document->root().Find("error") : nullptr;
  if (said != nullptr && said->IsString()) message = std::string(said->String().value());
  return std::unexpected(Error(net::FromHttpStatus(response.status), std::move(message)));
}

std::string RestPath(const InferenceTarget& target) {
  std::string path =
      fmt::format("https://{}/v2/models/{}", target.address, PercentEncode(target.model));
  if (!target.version.empty()) path += "/versions/" + PercentEncode(target.version);
  return path;
}

}  // namespace

Result<NamedTensors> InferByTensorFlowServing(const InferenceTarget& target, NamedTensors inputs) {
  ASSIGN_OR_RETURN(const auto channel, Connect(target));
  RETURN_IF_ERROR(NameInputs(*channel, target, inputs));
  tensorflow::serving::PredictRequest question;
  question.mutable_model_spec()->set_name(target.model);
  if (!target.version.empty()) {
    const auto version = ParseDecimal<std::int64_t>(target.version);
    if (!version) return Malformed(fmt::format("version \"{}\", wanted a number", target.version));
    question.mutable_model_spec()->mutable_version()->set_value(*version);
  }
  for (const auto& [name, tensor] : inputs) {
    ASSIGN_OR_RETURN((*question.mutable_inputs())[name], ToTensorProto(tensor));
  }
  ASSIGN_OR_RETURN(const Bytes answer,
                   channel->Call("/tensorflow.serving.PredictionService/Predict",
                                 AsBytes(question.SerializeAsString())));
  return ReadPredictAnswer(answer);
}

Result<NamedTensors> InferByKServeGrpc(const InferenceTarget& target, NamedTensors inputs) {
  ASSIGN_OR_RETURN(const auto channel, Connect(target));
  RETURN_IF_ERROR(NameInputs(*channel, target, inputs));
  inference::ModelInferRequest question;
  question.set_model_name(target.model);
  question.set_model_version(target.version);
  for (const auto& [name, tensor] : inputs) {
    auto& input = *question.add_inputs();
    input.set_name(name);
    input.set_datatype(tensor.datatype);
    for (const std::int64_t dimension : tensor.shape) input.add_shape(dimension);
    question.add_raw_input_contents(ToText(tensor.data));
  }
  ASSIGN_OR_RETURN(const Bytes answer, channel->Call("/inference.GRPCInferenceService/ModelInfer",
                                                     AsBytes(question.SerializeAsString())));
  return ReadModelInferAnswer(answer);
}

Result<NamedTensors> InferByKServeRest(const InferenceTarget& target, NamedTensors inputs) {
  net::HttpsClient client({.tls = target.tls, .max_response_bytes = kMaxAnswer});
  if (inputs.size() == 1 && inputs.front().first.empty()) {
    ASSIGN_OR_RETURN(const net::ClientResponse response,
                     In(target.address, client.Get(RestPath(target))));
    ASSIGN_OR_RETURN(const JsonDocument metadata, RestAnswer(response));
    ASSIGN_OR_RETURN(const Json* declared, metadata.root().Get("inputs"));
    if (declared->items().size() != 1) {
      return Malformed(fmt::format("model \"{}\" has {} inputs; name each as --input NAME=FILE",
                                   target.model, declared->items().size()));
    }
    ASSIGN_OR_RETURN(inputs.front().first, declared->items().front().GetString("name"));
  }
  JsonWriter body;
  body.Object().Key("inputs").Array();
  for (const auto& [name, tensor] : inputs) {
    body.Object()
        .Key("name")
        .String(name)
        .Key("datatype")
        .String(tensor.datatype)
        .Key("shape")
        .Array();
    for (const std::int64_t dimension : tensor.shape) body.Int(dimension);
    ASSIGN_OR_RETURN(const std::string data, DataAsJson(tensor, /*nested=*/false));
    body.End().Key("data").Raw(data).End();
  }
  body.End().End();
  ASSIGN_OR_RETURN(const net::ClientResponse response,
                   In(target.address, client.Post(RestPath(target) + "/infer", "application/json",
                                                  AsBytes(body.text()))));
  ASSIGN_OR_RETURN(const JsonDocument answer, RestAnswer(response));
  return ReadRestAnswer(answer.root());
}

}  // namespace strongroom::cli
