#include "cli/inference_answers.h"

#include <fmt/format.h>

#include "cli/tensor_proto.h"
#include "inference.pb.h"
#include "tensorflow_serving.pb.h"

namespace strongroom::cli {
namespace {

template <class Answer>
Result<Answer> Parsed(ByteView message, std::string_view what) {
  Answer answer;
  if (!answer.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
    return Malformed(fmt::format("the answer is no {}", what));
  }
  return answer;
}

Result<Tensor> FromJsonOutput(const Json& output) {
  Tensor tensor;
  ASSIGN_OR_RETURN(tensor.datatype, output.GetString("datatype"));
  ASSIGN_OR_RETURN(const Json* shape, output.Get("shape"));
  if (!shape->IsArray()) return Malformed("\"shape\" is no array");
  for (const Json& dimension : shape->items()) {
    ASSIGN_OR_RETURN(const std::int64_t size, dimension.Int());
    tensor.shape.push_back(size);
  }
  ASSIGN_OR_RETURN(const std::size_t count, ElementCount(tensor.shape));
  ASSIGN_OR_RETURN(const Json* data, output.Get("data"));
  if (!data->IsArray()) return Malformed("\"data\" is no array");
  ASSIGN_OR_RETURN(tensor.data, DataFromJson(data->raw(), tensor.datatype, count));
  RETURN_IF_ERROR(CheckLength(tensor));
  return tensor;
}

// An output is named in what is wrong with it.
std::string Named(std::string_view name) {
  return fmt::format("output \"{}\"", name.substr(0, 80));
}

}  // namespace

Result<NamedTensors> ReadPredictAnswer(ByteView message) {
  ASSIGN_OR_RETURN(const auto answer,
                   Parsed<tensorflow::serving::PredictResponse>(message, "PredictResponse"));
  NamedTensors outputs;
  for (const auto& [name, proto] : answer.outputs()) {
    ASSIGN_OR_RETURN(Tensor tensor, In(Named(name), FromTensorProto(proto)));
    outputs.emplace_back(name, std::move(tensor));
  }
  return outputs;
}

Result<NamedTensors> ReadModelInferAnswer(ByteView message) {
  ASSIGN_OR_RETURN(const auto answer,
                   Parsed<inference::ModelInferResponse>(message, "ModelInferResponse"));
  if (answer.raw_output_contents_size() != answer.outputs_size()) {
    return Malformed(fmt::format("{} outputs with {} raw contents, wanted as many",
                                 answer.outputs_size(), answer.raw_output_contents_size()));
  }
  NamedTensors outputs;
  for (int i = 0; i < answer.outputs_size(); ++i) {
    const auto& output = answer.outputs(i);
    Tensor tensor{.datatype = output.datatype(),
                  .shape = {output.shape().begin(), output.shape().end()},
                  .data = ToBytes(std::string_view(answer.raw_output_contents(i)))};
    RETURN_IF_ERROR(In(Named(output.name()), CheckLength(tensor)));
    outputs.emplace_back(output.name(), std::move(tensor));
  }
  return outputs;
}

Result<NamedTensors> ReadRestAnswer(const Json& answer) {
  ASSIGN_OR_RETURN(const Json* declared, answer.Get("outputs"));
  if (!declared->IsArray()) return Malformed("\"outputs\" is no array");
  NamedTensors outputs;
  for (const Json& output : declared->items()) {
    ASSIGN_OR_RETURN(const std::string_view name, output.GetString("name"));
    ASSIGN_OR_RETURN(Tensor tensor, In(Named(name), FromJsonOutput(output)));
    outputs.emplace_back(std::string(name), std::move(tensor));
  }
  return outputs;
}

}  // namespace strongroom::cli
