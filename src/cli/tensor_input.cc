#include "cli/tensor_input.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/files.h"
#include "base/json.h"
#include "base/text.h"

namespace strongroom::cli {
namespace {

constexpr std::size_t kMaxInput = 256 << 20;
constexpr std::string_view kNpyMagic = "\x93NUMPY";

struct Parts {
  std::string name;
  std::string file;
  std::string description;  // of raw bytes; empty for formats that tell themselves
};

Parts Split(std::string_view text) {
  Parts parts;
  if (const std::size_t at = text.find('='); at != std::string_view::npos) {
    parts.name = text.substr(0, at);
    text.remove_prefix(at + 1);
  }
  // A file may have an @ in its name: only one with a colon behind it begins a description.
  const std::size_t at = text.rfind('@');
  if (at != std::string_view::npos && text.find(':', at) != std::string_view::npos) {
    parts.description = text.substr(at + 1);
    text = text.substr(0, at);
  }
  parts.file = text;
  return parts;
}

Result<std::vector<std::int64_t>> ParseDimensions(std::string_view text) {
  std::vector<std::int64_t> shape;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const auto size = ParseDecimal<std::int64_t>(text.substr(begin, end - begin));
    if (!size || *size < 0)
      return Malformed(fmt::format("shape \"{}\", wanted sizes like 1,28,28", text));
    shape.push_back(*size);
    begin = end + 1;
  }
  return shape;
}

// Nested arrays as one: what the elements look like is for the datatype to judge.
void Flatten(const Json& value, std::string& flat) {
  if (!value.IsArray()) {
    flat += flat.empty() ? "" : ",";
    flat += value.raw();
    return;
  }
  for (const Json& item : value.items()) Flatten(item, flat);
}

bool LooksLikeJson(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  return text.starts_with('{');
}

}  // namespace

Result<TensorInput> ParseTensorJson(std::string_view json) {
  ASSIGN_OR_RETURN(const JsonDocument document,
                   JsonDocument::Parse(
                       json, {.max_bytes = kMaxInput, .max_depth = 16, .max_values = 50'000'000}));
  TensorInput input;
  auto& [name, tensor] = input;
  if (document.root().Find("name") != nullptr) {
    ASSIGN_OR_RETURN(name, document.root().GetString("name"));
  }
  ASSIGN_OR_RETURN(tensor.datatype, document.root().GetString("datatype"));
  ASSIGN_OR_RETURN(const Json* shape, document.root().Get("shape"));
  if (!shape->IsArray()) return Malformed("\"shape\" is no array, wanted one like [1, 28, 28]");
  for (const Json& dimension : shape->items()) {
    ASSIGN_OR_RETURN(tensor.shape.emplace_back(), dimension.Int());
  }
  ASSIGN_OR_RETURN(const std::size_t count, ElementCount(tensor.shape));
  ASSIGN_OR_RETURN(const Json* data, document.root().Get("data"));
  if (!data->IsArray()) return Malformed("\"data\" is no array");
  std::string flat;
  Flatten(*data, flat);
  ASSIGN_OR_RETURN(tensor.data, DataFromJson("[" + flat + "]", tensor.datatype, count));
  return input;
}

Result<Tensor> RawTensor(std::string_view description, ByteView bytes) {
  const std::size_t colon = std::min(description.find(':'), description.size());
  Tensor tensor{.datatype = std::string(description.substr(0, colon)), .shape = {}, .data = {}};
  const std::size_t element = ElementSize(tensor.datatype);
  if (element == 0) {
    return Malformed(
        fmt::format("datatype \"{}\", wanted one like FP32, INT64, UINT8, BOOL", tensor.datatype));
  }
  ASSIGN_OR_RETURN(tensor.shape,
                   ParseDimensions(description.substr(std::min(colon + 1, description.size()))));
  ASSIGN_OR_RETURN(const std::size_t count, ElementCount(tensor.shape));
  if (count * element != bytes.size()) {
    return Malformed(
        fmt::format("{} bytes, wanted {} for {}", bytes.size(), count * element, description));
  }
  tensor.data = ToBytes(bytes);
  return tensor;
}

Result<TensorInput> ReadTensorInput(std::string_view text) {
  const Parts parts = Split(text);
  ASSIGN_OR_RETURN(const Bytes bytes, ReadFile(parts.file, kMaxInput));
  TensorInput input(parts.name, Tensor{});
  if (!parts.description.empty()) {
    ASSIGN_OR_RETURN(input.second, In(parts.file, RawTensor(parts.description, bytes)));
  } else if (AsText(bytes).starts_with(kNpyMagic)) {
    ASSIGN_OR_RETURN(input.second, In(parts.file, ParseNpy(bytes)));
  } else if (LooksLikeJson(AsText(bytes))) {
    ASSIGN_OR_RETURN(TensorInput parsed, In(parts.file, ParseTensorJson(AsText(bytes))));
    if (parts.name.empty()) input.first = std::move(parsed.first);
    input.second = std::move(parsed.second);
  } else {
    return Malformed(
        fmt::format("{} is neither .npy nor JSON; say what raw bytes are: {}@FP32:1,28,28",
                    parts.file, parts.file));
  }
  return input;
}

}  // namespace strongroom::cli
