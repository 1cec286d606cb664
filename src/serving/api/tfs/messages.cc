#include "serving/api/tfs/messages.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/proto_wire.h"
#include "serving/api/tfs/tensor_proto.h"

namespace strongroom::serving::api::tfs {
namespace {

constexpr std::size_t kMaxInputs = 1024;

// ModelSpec
constexpr std::uint32_t kSpecName = 1;
constexpr std::uint32_t kSpecVersion = 2;
constexpr std::uint32_t kSpecSignature = 3;
constexpr std::uint32_t kSpecLabel = 4;
constexpr std::uint32_t kWrappedValue = 1;  // google.protobuf.Int64Value
// requests
constexpr std::uint32_t kRequestSpec = 1;
constexpr std::uint32_t kRequestSecond = 2;  // inputs or metadata_field
constexpr std::uint32_t kPredictFilter = 3;
// map entries
constexpr std::uint32_t kKey = 1;
constexpr std::uint32_t kValue = 2;
// PredictResponse
constexpr std::uint32_t kResponseOutputs = 1;
constexpr std::uint32_t kResponseSpec = 2;

Result<std::int64_t> DecodeWrapped(ByteView bytes) {
  ProtoReader reader(bytes, "version");
  std::int64_t value = 0;
  for (;;) {
    ASSIGN_OR_RETURN(const auto field, reader.Next());
    if (!field) return value;
    if (field->number != kWrappedValue) continue;
    ASSIGN_OR_RETURN(const std::uint64_t number, ProtoVarint(*field, "version"));
    value = static_cast<std::int64_t>(number);
  }
}

Result<ModelSpec> DecodeSpec(ByteView bytes) {
  ModelSpec spec;
  ProtoReader reader(bytes, "ModelSpec");
  for (;;) {
    ASSIGN_OR_RETURN(const auto field, reader.Next());
    if (!field) return spec;
    switch (field->number) {
      case kSpecName: {
        ASSIGN_OR_RETURN(spec.name, ProtoText(*field, "ModelSpec"));
        break;
      }
      case kSpecVersion: {  // version and label are one choice: the later wins
        ASSIGN_OR_RETURN(const ByteView wrapped, ProtoBytes(*field, "ModelSpec"));
        ASSIGN_OR_RETURN(spec.version, DecodeWrapped(wrapped));
        spec.label.reset();
        break;
      }
      case kSpecLabel: {
        ASSIGN_OR_RETURN(spec.label, ProtoText(*field, "ModelSpec"));
        spec.version.reset();
        break;
      }
      case kSpecSignature: {
        ASSIGN_OR_RETURN(spec.signature, ProtoText(*field, "ModelSpec"));
        break;
      }
      default: break;
    }
  }
}

Status CheckSpec(const std::optional<ModelSpec>& spec) {
  if (!spec) return Malformed("Missing ModelSpec");
  if (spec->name.empty()) return Malformed("ModelSpec has no name specified.");
  return {};
}

Result<std::pair<std::string_view, ByteView>> DecodeEntry(ByteView bytes) {
  std::pair<std::string_view, ByteView> entry;
  ProtoReader reader(bytes, "input");
  for (;;) {
    ASSIGN_OR_RETURN(const auto field, reader.Next());
    if (!field) return entry;
    if (field->number == kKey) {
      ASSIGN_OR_RETURN(entry.first, ProtoText(*field, "input"));
    } else if (field->number == kValue) {
      if (!entry.second.empty()) return Malformed("input has two tensors, wanted one");
      ASSIGN_OR_RETURN(entry.second, ProtoBytes(*field, "input"));
    }
  }
}

Status AddInput(ByteView bytes, PredictRequest& request) {
  ASSIGN_OR_RETURN(auto entry, DecodeEntry(bytes));
  if (request.inputs.size() == kMaxInputs)
    return Exhausted(fmt::format("more than {} inputs", kMaxInputs));
  request.inputs.push_back(entry);
  return {};
}

Status CheckDistinct(PredictRequest& request) {
  std::sort(request.inputs.begin(), request.inputs.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  const auto same =
      std::adjacent_find(request.inputs.begin(), request.inputs.end(),
                         [](const auto& a, const auto& b) { return a.first == b.first; });
  if (same != request.inputs.end())
    return Malformed(fmt::format("input \"{:.100}\" is there twice", same->first));
  return {};
}

ProtoWriter EncodeSpec(const ServedSpec& spec) {
  ProtoWriter version;
  if (spec.version != 0) version.Varint(kWrappedValue, static_cast<std::uint64_t>(spec.version));
  ProtoWriter out;
  out.Text(kSpecName, spec.name)
      .Message(kSpecVersion, version)
      .Text(kSpecSignature, spec.signature);
  return out;
}

}  // namespace

Result<PredictRequest> DecodePredictRequest(ByteView message) {
  PredictRequest request;
  std::optional<ModelSpec> spec;
  ProtoReader reader(message, "PredictRequest");
  for (;;) {
    ASSIGN_OR_RETURN(const auto field, reader.Next());
    if (!field) break;
    if (field->number < kRequestSpec || field->number > kPredictFilter) continue;
    ASSIGN_OR_RETURN(const ByteView bytes, ProtoBytes(*field, "PredictRequest"));
    if (field->number == kRequestSpec) {
      if (spec) return Malformed("PredictRequest has two ModelSpecs, wanted one");
      ASSIGN_OR_RETURN(spec, DecodeSpec(bytes));
    } else if (field->number == kRequestSecond) {
      RETURN_IF_ERROR(AddInput(bytes, request));
    } else {
      if (request.output_filter.size() == kMaxInputs) return Exhausted("output_filter is too long");
      request.output_filter.push_back(AsText(bytes));
    }
  }
  RETURN_IF_ERROR(CheckSpec(spec));
  RETURN_IF_ERROR(CheckDistinct(request));
  request.spec = *spec;
  return request;
}

Result<SpecRequest> DecodeSpecRequest(ByteView message) {
  SpecRequest request;
  std::optional<ModelSpec> spec;
  ProtoReader reader(message, "request");
  for (;;) {
    ASSIGN_OR_RETURN(const auto field, reader.Next());
    if (!field) break;
    if (field->number != kRequestSpec && field->number != kRequestSecond) continue;
    ASSIGN_OR_RETURN(const ByteView bytes, ProtoBytes(*field, "request"));
    if (field->number == kRequestSpec) {
      if (spec) return Malformed("request has two ModelSpecs, wanted one");
      ASSIGN_OR_RETURN(spec, DecodeSpec(bytes));
    } else {
      if (request.texts.size() == kMaxInputs) return Exhausted("metadata_field is too long");
      request.texts.push_back(AsText(bytes));
    }
  }
  RETURN_IF_ERROR(CheckSpec(spec));
  request.spec = *spec;
  return request;
}

Bytes EncodePredictResponse(const ServedSpec& spec,
                            const std::vector<std::pair<std::string_view, TensorView>>& outputs) {
  ProtoWriter out;
  std::size_t size = 256;
  for (const auto& [name, tensor] : outputs) size += name.size() + tensor.bytes.size() + 64;
  out.Reserve(size);
  for (const auto& [name, tensor] : outputs) {
    const std::size_t value = TensorProtoSize(tensor);
    out.Header(kResponseOutputs,
               ProtoWriter::FieldSize(kKey, name.size()) + ProtoWriter::FieldSize(kValue, value));
    out.Text(kKey, name);
    EncodeTensorProto(out, kValue, tensor);
  }
  out.Message(kResponseSpec, EncodeSpec(spec));
  return std::move(out).Finish();
}

}  // namespace strongroom::serving::api::tfs
