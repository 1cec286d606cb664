#include "serving/api/tfs/rest_messages.h"

#include <algorithm>

#include <fmt/format.h>

#include "serving/api/frontend.h"
#include "serving/api/tfs/tensor_proto.h"

namespace strongroom::serving::api::tfs {
namespace {

// Trees are for keys only; tensors stay text.
constexpr std::size_t kMaxValues = 200'000;

JsonLimits LimitsKeeping(std::vector<std::string_view> verbatim) {
  return {.max_bytes = kMaxRequestBytes,
          .max_depth = 20,
          .max_values = kMaxValues,
          .verbatim = std::move(verbatim)};
}

std::vector<std::string_view> NamesOf(const Signature& signature) {
  std::vector<std::string_view> names;
  for (const TensorSpec& spec : signature.inputs) names.push_back(spec.name);
  return names;
}

Status CheckTypes(std::span<const TensorSpec> specs) {
  for (const TensorSpec& spec : specs) {
    if (!HasJsonForm(spec.dtype)) {
      return Unsupported(
          fmt::format("\"{}\" is {}, which has no JSON form", spec.name, TfTypeName(spec.dtype)));
    }
  }
  return {};
}

bool StartsWith(std::string_view text, char first) {
  return !text.empty() && text.front() == first;
}

// Whether a row-format list holds objects keyed by input.
bool RowsAreObjects(std::string_view list) {
  const std::size_t at = list.find_first_not_of(" \t\r\n", 1);
  return at != std::string_view::npos && list[at] == '{';
}

Status CheckKeys(const Json& object, const Signature& signature) {
  if (!object.IsObject())
    return Malformed(fmt::format("{} is no object keyed by input", object.path()));
  if (object.members().size() == signature.inputs.size() &&
      std::all_of(object.members().begin(), object.members().end(),
                  [&](const Json::Member& member) {
                    return IndexOf(signature.inputs, member.first) >= 0;
                  })) {
    return {};
  }
  return Malformed(fmt::format("{} has {} inputs, wanted exactly the {} of the signature",
                               object.path(), object.members().size(), signature.inputs.size()));
}

// Adds one row's value to the tensor of all rows.
Status AppendRow(const JsonTensor& row, std::size_t index, JsonTensor& all, std::size_t max_bytes) {
  const std::span<const std::int64_t> shape_so_far =
      std::span(all.shape).subspan(index == 0 ? all.shape.size() : 1);
  if (index == 0) {
    all.shape = row.shape;
    all.shape.insert(all.shape.begin(), 0);
  } else if (!std::equal(shape_so_far.begin(), shape_so_far.end(), row.shape.begin(),
                         row.shape.end())) {
    return Malformed(fmt::format("instance {} has another shape than those before", index));
  }
  if (all.elements.size() + row.elements.size() > max_bytes)
    return Exhausted("instances take too much memory");
  ++all.shape.front();
  all.elements.insert(all.elements.end(), row.elements.begin(), row.elements.end());
  return {};
}

Result<std::vector<JsonTensor>> ReadObjectRows(std::string_view list, const Signature& signature,
                                               std::size_t max_bytes) {
  ASSIGN_OR_RETURN(const JsonDocument document,
                   JsonDocument::Parse(list, LimitsKeeping(NamesOf(signature))));
  std::vector<JsonTensor> out(signature.inputs.size());
  const std::vector<Json>& rows = document.root().items();
  for (std::size_t row = 0; row < rows.size(); ++row) {
    RETURN_IF_ERROR(CheckKeys(rows[row], signature));
    for (std::size_t i = 0; i < out.size(); ++i) {
      const Json* value = rows[row].Find(signature.inputs[i].name);
      ASSIGN_OR_RETURN(const JsonTensor tensor,
                       ReadJsonTensor(value->raw(), signature.inputs[i].dtype, max_bytes));
      RETURN_IF_ERROR(AppendRow(tensor, row, out[i], max_bytes));
    }
  }
  return out;
}

Result<std::vector<JsonTensor>> ReadSingle(std::string_view text, const Signature& signature,
                                           std::size_t max_bytes) {
  if (signature.inputs.size() != 1) {
    return Malformed(fmt::format("values are not keyed by input, and the signature has {}",
                                 signature.inputs.size()));
  }
  ASSIGN_OR_RETURN(JsonTensor tensor,
                   ReadJsonTensor(text, signature.inputs.front().dtype, max_bytes));
  std::vector<JsonTensor> out;
  out.push_back(std::move(tensor));
  return out;
}

Result<std::vector<JsonTensor>> ReadColumns(std::string_view text, const Signature& signature,
                                            std::size_t max_bytes) {
  if (!StartsWith(text, '{')) return ReadSingle(text, signature, max_bytes);
  ASSIGN_OR_RETURN(const JsonDocument document,
                   JsonDocument::Parse(text, LimitsKeeping(NamesOf(signature))));
  RETURN_IF_ERROR(CheckKeys(document.root(), signature));
  std::vector<JsonTensor> out;
  for (const TensorSpec& spec : signature.inputs) {
    ASSIGN_OR_RETURN(JsonTensor tensor,
                     ReadJsonTensor(document.root().Find(spec.name)->raw(), spec.dtype, max_bytes));
    out.push_back(std::move(tensor));
  }
  return out;
}

TensorView RowOf(const Tensor& tensor, std::size_t row, std::size_t rows) {
  const std::size_t size = tensor.bytes().size() / rows;
  return {.dtype = tensor.dtype(),
          .shape = Shape(tensor.shape().begin() + 1, tensor.shape().end()),
          .bytes = tensor.bytes().subspan(row * size, size)};
}

Result<std::size_t> RowCount(std::span<const TensorSpec> specs, std::span<const Tensor> outputs) {
  std::optional<std::int64_t> rows;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Shape& shape = outputs[i].shape();
    if (shape.empty() || (rows && *rows != shape.front())) {
      return Malformed(fmt::format(
          "output \"{}\" of shape {} does not share a batch dimension with the others, wanted the "
          "column format",
          specs[i].name, ShapeText(shape)));
    }
    rows = shape.front();
  }
  return static_cast<std::size_t>(rows.value_or(0));
}

void WriteRow(JsonWriter& json, std::span<const TensorSpec> specs, std::span<const Tensor> outputs,
              std::size_t row, std::size_t rows) {
  if (outputs.size() == 1) {
    WriteJsonTensor(json, RowOf(outputs[0], row, rows), true);
    return;
  }
  json.Object();
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    json.Key(specs[i].name);
    WriteJsonTensor(json, RowOf(outputs[i], row, rows), true);
  }
  json.End();
}

void WriteColumns(JsonWriter& json, std::span<const TensorSpec> specs,
                  std::span<const Tensor> outputs) {
  if (outputs.size() == 1) {
    WriteJsonTensor(json, outputs[0].view(), true);
    return;
  }
  json.Object();
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    json.Key(specs[i].name);
    WriteJsonTensor(json, outputs[i].view(), true);
  }
  json.End();
}

}  // namespace

Result<RestPredict> ParsePredict(std::string_view body, const Signature& signature,
                                 std::size_t max_bytes) {
  RETURN_IF_ERROR(CheckTypes(signature.inputs));
  ASSIGN_OR_RETURN(const JsonDocument document,
                   JsonDocument::Parse(body, LimitsKeeping({"instances", "inputs"})));
  const Json& root = document.root();
  if (!root.IsObject()) return Malformed("request is no JSON object");
  RestPredict out;
  if (const Json* name = root.Find("signature_name")) {
    ASSIGN_OR_RETURN(out.signature, name->String());
  }
  const Json* instances = root.Find("instances");
  const Json* inputs = root.Find("inputs");
  if ((instances == nullptr) == (inputs == nullptr)) {
    return Malformed("request has both or neither of instances and inputs, wanted one");
  }
  out.format = instances != nullptr ? RestFormat::kRows : RestFormat::kColumns;
  if (inputs != nullptr) {
    ASSIGN_OR_RETURN(out.inputs, ReadColumns(inputs->raw(), signature, max_bytes));
    return out;
  }
  const std::string_view list = instances->raw();
  if (!instances->IsArray() || list.find_first_not_of(" \t\r\n", 1) == list.size() - 1) {
    return Malformed("instances is no list with at least one value");
  }
  if (RowsAreObjects(list)) {
    ASSIGN_OR_RETURN(out.inputs, ReadObjectRows(list, signature, max_bytes));
  } else {
    ASSIGN_OR_RETURN(out.inputs, ReadSingle(list, signature, max_bytes));
  }
  return out;
}

Result<std::string> WritePredictions(RestFormat format, std::span<const TensorSpec> specs,
                                     std::span<const Tensor> outputs) {
  RETURN_IF_ERROR(CheckTypes(specs));
  JsonWriter json;
  json.Object();
  if (format == RestFormat::kColumns) {
    json.Key("outputs");
    WriteColumns(json, specs, outputs);
  } else {
    ASSIGN_OR_RETURN(const std::size_t rows, RowCount(specs, outputs));
    json.Key("predictions").Array();
    for (std::size_t row = 0; row < rows; ++row) WriteRow(json, specs, outputs, row, rows);
    json.End();
  }
  json.End();
  return std::move(json).Finish();
}

}  // namespace strongroom::serving::api::tfs
