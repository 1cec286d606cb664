#include "serving/api/kserve/messages.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "base/json.h"
#include "base/proto_wire.h"

namespace strongroom::serving::api::kserve {
namespace {

// ModelInferRequest
constexpr std::uint32_t kModelName = 1;
constexpr std::uint32_t kModelVersion = 2;
constexpr std::uint32_t kId = 3;
constexpr std::uint32_t kRequestInputs = 5;
constexpr std::uint32_t kRequestOutputs = 6;
constexpr std::uint32_t kRequestRaw = 7;
// InferInputTensor and InferOutputTensor
constexpr std::uint32_t kTensorName = 1;
constexpr std::uint32_t kTensorDatatype = 2;
constexpr std::uint32_t kTensorShape = 3;
constexpr std::uint32_t kTensorParameters = 4;
constexpr std::uint32_t kTensorContents = 5;
constexpr std::uint32_t kRequestedParameters = 2;
constexpr std::uint32_t kKey = 1;
// ModelInferResponse
constexpr std::uint32_t kResponseOutputs = 5;
constexpr std::uint32_t kResponseRaw = 6;

// The field of InferTensorContents that holds values of the type; 0: none.
std::uint32_t ContentsField(DType dtype) {
  switch (dtype) {
    case DType::kBool: return 1;
    case DType::kInt8:
    case DType::kInt16:
    case DType::kInt32: return 2;
    case DType::kInt64: return 3;
    case DType::kUint8:
    case DType::kUint16:
    case DType::kUint32: return 4;
    case DType::kUint64: return 5;
    case DType::kFloat32: return 6;
    case DType::kFloat64: return 7;
    case DType::kFloat16:
    case DType::kBfloat16: return 0;
  }
  return 0;
}

Status AddDim(Shape& shape, std::uint64_t value) {
  if (shape.size() == kMaxRank)
    return Malformed(fmt::format("shape has more than {} dimensions", kMaxRank));
  shape.push_back(static_cast<std::int64_t>(value));
  return {};
}

Status AddDims(Shape& shape, const ProtoField& field) {
  if (field.wire == ProtoWire::kVarint) return AddDim(shape, field.value);
  ASSIGN_OR_RETURN(const ByteView packed, ProtoBytes(field, "shape"));
  ProtoReader reader(packed, "shape");
  while (!reader.empty()) {
    ASSIGN_OR_RETURN(const std::uint64_t value, reader.Varint());
    RETURN_IF_ERROR(AddDim(shape, value));
  }
  return {};
}

// Parameters that would change what a request means; the others may be ignored.
Status CheckParameter(const ProtoField& field) {
  ASSIGN_OR_RETURN(const ByteView entry, ProtoBytes(field, "parameters"));
  ProtoReader reader(entry, "parameters");
  for (;;) {
    ASSIGN_OR_RETURN(const auto part, reader.Next());
    if (!part) return {};
    if (part->number != kKey) continue;
    ASSIGN_OR_RETURN(const std::string_view name, ProtoText(*part, "parameters"));
    if (name.starts_with("shared_memory") || name == "classification") {
      return Unsupported(fmt::format("parameter {} is not offered", name));
    }
  }
}

Result<InferInput> DecodeInputHead(ByteView bytes) {
  InferInput input;
  ProtoReader reader(bytes, "input");
  for (;;) {
    ASSIGN_OR_RETURN(const auto field, reader.Next());
    if (!field) return input;
    switch (field->number) {
      case kTensorName: {
        ASSIGN_OR_RETURN(input.name, ProtoText(*field, "input"));
        break;
      }
      case kTensorDatatype: {
        ASSIGN_OR_RETURN(input.datatype, ProtoText(*field, "input"));
        break;
      }
      case kTensorShape: RETURN_IF_ERROR(AddDims(input.shape, *field)); break;
      case kTensorParameters: RETURN_IF_ERROR(CheckParameter(*field)); break;
      case kTensorContents: {
        if (input.has_contents) return Malformed("input has contents twice");
        ASSIGN_OR_RETURN(input.contents, ProtoBytes(*field, "input"));
        input.has_contents = true;
        break;
      }
      default: break;
    }
  }
}

Result<std::string_view> DecodeRequestedOutput(ByteView bytes) {
  std::string_view name;
  ProtoReader reader(bytes, "output");
  for (;;) {
    ASSIGN_OR_RETURN(const auto field, reader.Next());
    if (!field) return name;
    if (field->number == kTensorName) {
      ASSIGN_OR_RETURN(name, ProtoText(*field, "output"));
    } else if (field->number == kRequestedParameters) {
      RETURN_IF_ERROR(CheckParameter(*field));
    }
  }
}

Status AddField(InferRequest& request, const ProtoField& field) {
  if (field.number < kModelName || field.number > kRequestRaw) return {};
  ASSIGN_OR_RETURN(const ByteView bytes, ProtoBytes(field, "ModelInferRequest"));
  if (std::max({request.inputs.size(), request.outputs.size(), request.raw.size()}) > kMaxTensors) {
    return Exhausted(fmt::format("more than {} tensors", kMaxTensors));
  }
  switch (field.number) {
    case kModelName: request.model = AsText(bytes); break;
    case kModelVersion: request.version = AsText(bytes); break;
    case kId: {
      // It is sent back, and protobuf's text is UTF-8.
      if (!IsUtf8(AsText(bytes))) return Malformed("id is no UTF-8");
      request.id = AsText(bytes);
      break;
    }
    case kRequestInputs: {
      ASSIGN_OR_RETURN(InferInput input, DecodeInputHead(bytes));
      request.inputs.push_back(std::move(input));
      break;
    }
    case kRequestOutputs: {
      ASSIGN_OR_RETURN(const std::string_view name, DecodeRequestedOutput(bytes));
      request.outputs.push_back(name);
      break;
    }
    case kRequestRaw: request.raw.push_back(bytes); break;
    default: break;
  }
  return {};
}

Status CheckRaw(const InferRequest& request) {
  if (request.raw.empty()) return {};
  for (const InferInput& input : request.inputs) {
    if (input.has_contents) {
      return Malformed(
          fmt::format("contents field must not be specified when using raw_input_contents for "
                      "'{:.100}' for model '{:.100}'",
                      input.name, request.model));
    }
  }
  if (request.raw.size() == request.inputs.size()) return {};
  return Malformed(fmt::format("raw_input_contents has {} entries, wanted {}", request.raw.size(),
                               request.inputs.size()));
}

Bytes EncodeOutput(std::string_view name, const TensorView& tensor, bool raw) {
  ProtoWriter shape;
  for (const std::int64_t dim : tensor.shape) shape.RawVarint(static_cast<std::uint64_t>(dim));
  ProtoWriter out;
  out.Text(kTensorName, name).Text(kTensorDatatype, DTypeName(tensor.dtype));
  if (!tensor.shape.empty()) out.Bytes(kTensorShape, shape.bytes());
  if (raw) return std::move(out).Finish();
  const PackedValues values(tensor.dtype, tensor.bytes);
  const std::uint32_t field = ContentsField(tensor.dtype);
  out.Header(kTensorContents, ProtoWriter::FieldSize(field, values.bytes().size()))
      .Bytes(field, values.bytes());
  return std::move(out).Finish();
}

}  // namespace

bool HasTypedContents(DType dtype) { return ContentsField(dtype) != 0; }

Result<InferRequest> DecodeInferRequest(ByteView message) {
  InferRequest request;
  ProtoReader reader(message, "ModelInferRequest");
  for (;;) {
    ASSIGN_OR_RETURN(const auto field, reader.Next());
    if (!field) break;
    RETURN_IF_ERROR(AddField(request, *field));
  }
  RETURN_IF_ERROR(CheckRaw(request));
  return request;
}

Result<DecodedTensor> DecodeInput(const InferRequest& request, std::size_t index,
                                  std::size_t max_bytes) {
  const InferInput& input = request.inputs[index];
  const auto dtype = ParseDType(input.datatype);
  if (!dtype) {
    return Unsupported(fmt::format("input \"{:.100}\" has datatype {:.20}, wanted a number or BOOL",
                                   input.name, input.datatype));
  }
  DecodedTensor out{.view = {.dtype = *dtype, .shape = input.shape, .bytes = {}}, .owned = {}};
  ASSIGN_OR_RETURN(const std::size_t size, ByteCount(*dtype, input.shape, max_bytes));
  if (!request.raw.empty()) {
    out.view.bytes = request.raw[index];
  } else {
    if (!HasTypedContents(*dtype)) {
      return Malformed(fmt::format("input \"{:.100}\" is {}, wanted in raw_input_contents",
                                   input.name, input.datatype));
    }
    ASSIGN_OR_RETURN(Values values,
                     CollectValues(input.contents, ContentsField(*dtype), *dtype, max_bytes));
    out.owned = std::move(values.owned);
    out.view.bytes = out.owned.empty() ? values.in_message : ByteView(out.owned);
  }
  if (out.view.bytes.size() != size) {
    return Malformed(fmt::format("input \"{:.100}\" has {} bytes, wanted {} for shape {} of {}",
                                 input.name, out.view.bytes.size(), size, ShapeText(input.shape),
                                 input.datatype));
  }
  RETURN_IF_ERROR(CheckBooleans(out.view));
  return out;
}

Bytes EncodeInferResponse(const InferAnswer& answer, bool raw) {
  raw = raw || std::any_of(answer.outputs.begin(), answer.outputs.end(), [](const auto& output) {
          return !HasTypedContents(output.second.dtype);
        });
  ProtoWriter out;
  std::size_t size = 256;
  for (const auto& [name, tensor] : answer.outputs) size += name.size() + tensor.bytes.size() + 64;
  out.Reserve(size);
  out.Text(kModelName, answer.model).Text(kModelVersion, std::to_string(answer.version));
  if (!answer.id.empty()) out.Text(kId, answer.id);
  for (const auto& [name, tensor] : answer.outputs)
    out.Bytes(kResponseOutputs, EncodeOutput(name, tensor, raw));
  if (raw) {
    for (const auto& [name, tensor] : answer.outputs) out.Bytes(kResponseRaw, tensor.bytes);
  }
  return std::move(out).Finish();
}

}  // namespace strongroom::serving::api::kserve
