#include "serving/api/kserve/rest_messages.h"

#include <limits>
#include <string>

#include <fmt/format.h>

#include "serving/api/frontend.h"
#include "serving/api/json_tensor.h"
#include "serving/api/kserve/messages.h"

namespace strongroom::serving::api::kserve {
namespace {

const JsonLimits& Limits() {
  static const JsonLimits limits{
      .max_bytes = kMaxRequestBytes, .max_depth = 20, .max_values = 50'000, .verbatim = {"data"}};
  return limits;
}

// Parameters that would change what a request means; the others may be ignored.
Status CheckParameters(const Json* parameters) {
  if (parameters == nullptr) return {};
  if (!parameters->IsObject()) return Malformed("parameters are no object");
  for (const auto& [name, value] : parameters->members()) {
    if (name.starts_with("shared_memory") || name == "classification") {
      return Unsupported(fmt::format("parameter {} is not offered", name));
    }
  }
  return {};
}

Result<std::optional<bool>> BoolParameter(const Json* parameters, std::string_view name) {
  const Json* value = parameters == nullptr ? nullptr : parameters->Find(name);
  if (value == nullptr) return std::nullopt;
  ASSIGN_OR_RETURN(const bool flag, value->Bool());
  return flag;
}

Result<Shape> ReadShape(const Json& input) {
  ASSIGN_OR_RETURN(const Json* shape, input.Get("shape"));
  if (!shape->IsArray()) return Malformed("shape is no array");
  if (shape->items().size() > kMaxRank)
    return Malformed(fmt::format("shape has more than {} dimensions", kMaxRank));
  Shape out;
  for (const Json& dim : shape->items()) {
    ASSIGN_OR_RETURN(const std::int64_t size, dim.Int());
    out.push_back(size);
  }
  return out;
}

// The next elements of the body's binary part.
class BinaryPart {
 public:
  explicit BinaryPart(ByteView bytes) : rest_(bytes) {}

  Result<ByteView> Take(std::uint64_t size, std::string_view name) {
    if (size > rest_.size()) {
      return Malformed(fmt::format("input \"{:.100}\" wants {} binary bytes, found {}", name, size,
                                   rest_.size()));
    }
    const ByteView taken = rest_.first(static_cast<std::size_t>(size));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  Status ExpectEnd() const {
    if (rest_.empty()) return {};
    return Malformed(
        fmt::format("{} bytes are left over after the inputs' binary data", rest_.size()));
  }

 private:
  ByteView rest_;
};

Status ReadElements(const Json& input, bool has_binary, BinaryPart& binary, RestInput& out) {
  const Json* parameters = input.Find("parameters");
  RETURN_IF_ERROR(CheckParameters(parameters));
  const Json* size = parameters == nullptr ? nullptr : parameters->Find("binary_data_size");
  const Json* data = input.Find("data");
  if (size != nullptr && data != nullptr) {
    return Malformed(
        fmt::format("input \"{:.100}\" has data and binary_data_size, wanted one", out.name));
  }
  if (data != nullptr) {
    out.data = data->raw();
    return {};
  }
  std::uint64_t bytes = 0;
  if (size != nullptr) {
    ASSIGN_OR_RETURN(bytes, size->Unsigned());
  } else if (const auto dtype = ParseDType(out.datatype); has_binary && dtype) {
    ASSIGN_OR_RETURN(bytes, ByteCount(*dtype, out.shape, kMaxRequestBytes));
  } else {
    return Malformed(fmt::format("input \"{:.100}\" has no data", out.name));
  }
  ASSIGN_OR_RETURN(out.elements, binary.Take(bytes, out.name));
  return {};
}

Result<RestInput> ReadInput(const Json& input, bool has_binary, BinaryPart& binary) {
  RestInput out;
  ASSIGN_OR_RETURN(out.name, input.GetString("name"));
  ASSIGN_OR_RETURN(out.datatype, input.GetString("datatype"));
  ASSIGN_OR_RETURN(out.shape, ReadShape(input));
  RETURN_IF_ERROR(ReadElements(input, has_binary, binary, out));
  return out;
}

Status ReadOutputs(const Json& root, RestInferRequest& out) {
  const Json* outputs = root.Find("outputs");
  if (outputs == nullptr) return {};
  if (!outputs->IsArray() || outputs->items().size() > kMaxTensors)
    return Malformed("outputs is no list of outputs");
  for (const Json& output : outputs->items()) {
    RestOutput one;
    ASSIGN_OR_RETURN(one.name, output.GetString("name"));
    RETURN_IF_ERROR(CheckParameters(output.Find("parameters")));
    ASSIGN_OR_RETURN(one.binary, BoolParameter(output.Find("parameters"), "binary_data"));
    out.outputs.push_back(std::move(one));
  }
  return {};
}

// "shape":[…],"datatype":"…" and where the elements are.
void WriteOutput(JsonWriter& json, const RestAnswer::Output& output) {
  json.Object()
      .Key("name")
      .String(output.name)
      .Key("datatype")
      .String(DTypeName(output.tensor.dtype));
  json.Key("shape").Array();
  for (const std::int64_t dim : output.tensor.shape) json.Int(dim);
  json.End();
  if (output.binary) {
    json.Key("parameters")
        .Object()
        .Key("binary_data_size")
        .Unsigned(output.tensor.bytes.size())
        .End();
  } else {
    json.Key("data");
    WriteJsonTensor(json, output.tensor, false);
  }
  json.End();
}

}  // namespace

Result<RestInferRequest> ParseInferRequest(ByteView body, std::optional<std::size_t> json_bytes) {
  if (json_bytes && *json_bytes > body.size()) {
    return Malformed(fmt::format("Inference-Header-Content-Length is {}, the body has {} bytes",
                                 *json_bytes, body.size()));
  }
  const ByteView json = json_bytes ? body.first(*json_bytes) : body;
  RestInferRequest out;
  ASSIGN_OR_RETURN(out.document, JsonDocument::Parse(AsText(json), Limits()));
  const Json& root = out.document.root();
  if (!root.IsObject()) return Malformed("request is no JSON object");
  if (const Json* id = root.Find("id")) {
    ASSIGN_OR_RETURN(out.id, id->String());
  }
  RETURN_IF_ERROR(CheckParameters(root.Find("parameters")));
  ASSIGN_OR_RETURN(const auto binary_output,
                   BoolParameter(root.Find("parameters"), "binary_data_output"));
  out.binary_by_default = binary_output.value_or(false);
  ASSIGN_OR_RETURN(const Json* inputs, root.Get("inputs"));
  if (!inputs->IsArray() || inputs->items().size() > kMaxTensors)
    return Malformed("inputs is no list of inputs");
  BinaryPart binary(body.subspan(json.size()));
  for (const Json& input : inputs->items()) {
    ASSIGN_OR_RETURN(RestInput one, ReadInput(input, json_bytes.has_value(), binary));
    out.inputs.push_back(std::move(one));
  }
  RETURN_IF_ERROR(binary.ExpectEnd());
  RETURN_IF_ERROR(ReadOutputs(root, out));
  return out;
}

Result<RestInferRequest> RawInferRequest(ByteView body, const Signature& signature) {
  if (signature.inputs.size() != 1) {
    return Malformed(
        fmt::format("a raw binary request needs a model with one input, this one has {}",
                    signature.inputs.size()));
  }
  const TensorSpec& spec = signature.inputs.front();
  Shape shape = spec.declared_shape();
  std::int64_t* open = nullptr;
  std::int64_t known = static_cast<std::int64_t>(ElementSize(spec.dtype));
  for (std::int64_t& dim : shape) {
    if (dim < 0 && open != nullptr)
      return Malformed("a raw binary request needs an input with one open dimension at most");
    if (dim < 0) open = &dim;
    else if (__builtin_mul_overflow(known, dim, &known))
      return Malformed("input is too large for a raw binary request");
  }
  if (open != nullptr) *open = known == 0 ? 0 : static_cast<std::int64_t>(body.size()) / known;
  RestInferRequest out;
  ASSIGN_OR_RETURN(out.document, JsonDocument::Parse("{}"));
  out.binary_by_default = true;
  out.inputs.push_back({.name = spec.name,
                        .datatype = std::string(DTypeName(spec.dtype)),
                        .shape = std::move(shape),
                        .data = {},
                        .elements = body});
  return out;
}

Result<DecodedTensor> DecodeRestInput(const RestInput& input, std::size_t max_bytes) {
  const auto dtype = ParseDType(input.datatype);
  if (!dtype) {
    return Unsupported(fmt::format("input \"{:.100}\" has datatype {:.20}, wanted a number or BOOL",
                                   input.name, input.datatype));
  }
  DecodedTensor out{.view = {.dtype = *dtype, .shape = input.shape, .bytes = {}}, .owned = {}};
  ASSIGN_OR_RETURN(const std::size_t size, ByteCount(*dtype, input.shape, max_bytes));
  if (input.elements) {
    out.view.bytes = *input.elements;
  } else {
    if (!HasJsonForm(*dtype)) {
      return Malformed(fmt::format("input \"{:.100}\" is {}, wanted as binary data", input.name,
                                   input.datatype));
    }
    auto tensor = ReadJsonTensor(input.data, *dtype, max_bytes);
    if (!tensor)
      return std::unexpected(tensor.error().In(fmt::format("input \"{:.100}\"", input.name)));
    if (tensor->shape.size() > 1 && tensor->shape != input.shape) {
      return Malformed(fmt::format("input \"{:.100}\" has data of shape {}, wanted {}", input.name,
                                   ShapeText(tensor->shape), ShapeText(input.shape)));
    }
    out.owned = std::move(tensor->elements);
    out.view.bytes = out.owned;
  }
  if (out.view.bytes.size() != size) {
    return Malformed(fmt::format("input \"{:.100}\" has {} bytes, wanted {} for shape {} of {}",
                                 input.name, out.view.bytes.size(), size, ShapeText(input.shape),
                                 input.datatype));
  }
  RETURN_IF_ERROR(CheckBooleans(out.view));
  return out;
}

Result<RestBody> WriteInferAnswer(const RestAnswer& answer) {
  JsonWriter json;
  json.Object()
      .Key("model_name")
      .String(answer.model)
      .Key("model_version")
      .String(std::to_string(answer.version));
  if (!answer.id.empty()) json.Key("id").String(answer.id);
  json.Key("outputs").Array();
  bool any_binary = false;
  for (const auto& output : answer.outputs) {
    if (!output.binary && !HasJsonForm(output.tensor.dtype)) {
      return Malformed(fmt::format("output \"{}\" is {}, wanted with binary_data", output.name,
                                   DTypeName(output.tensor.dtype)));
    }
    any_binary = any_binary || output.binary;
    WriteOutput(json, output);
  }
  json.End().End();
  RestBody body{.bytes = ToBytes(json.text()), .json_bytes = std::nullopt};
  if (!any_binary) return body;
  body.json_bytes = body.bytes.size();
  for (const auto& output : answer.outputs) {
    if (output.binary)
      body.bytes.insert(body.bytes.end(), output.tensor.bytes.begin(), output.tensor.bytes.end());
  }
  return body;
}

}  // namespace strongroom::serving::api::kserve
