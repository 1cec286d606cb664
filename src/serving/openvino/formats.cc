#include "serving/openvino/formats.h"

#include <algorithm>
#include <string_view>

#include "base/proto_wire.h"

namespace strongroom::serving::openvino {
namespace {

// IR files start with an XML declaration and the root element; comments before it are not written
// by any tool.
constexpr std::size_t kRootWithin = 1024;

Status CheckIr(std::string_view xml) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  if (xml.starts_with(kMark)) xml.remove_prefix(kMark.size());
  xml.remove_prefix(std::min(xml.find_first_not_of(" \t\r\n"), xml.size()));
  if (!xml.starts_with("<?xml") && !xml.starts_with("<net")) {
    return Malformed("graph does not start as XML, wanted OpenVINO IR");
  }
  if (!xml.substr(0, kRootWithin).contains("<net")) {
    return Malformed("XML has no root element <net>, wanted OpenVINO IR");
  }
  if (xml.contains('\0')) return Malformed("XML holds a zero byte");
  return {};
}

// onnx.proto: field numbers of ModelProto, GraphProto, NodeProto, AttributeProto,
// SparseTensorProto, TensorProto.
constexpr std::uint32_t kModelIrVersion = 1;
constexpr std::uint32_t kModelGraph = 7;
constexpr std::uint32_t kModelFunctions = 25;
constexpr std::uint32_t kGraphNode = 1;
constexpr std::uint32_t kGraphInitializer = 5;
constexpr std::uint32_t kGraphSparseInitializer = 15;
constexpr std::uint32_t kNodeAttribute = 5;
constexpr std::uint32_t kFunctionNode = 7;
constexpr std::uint32_t kAttributeTensor = 5;
constexpr std::uint32_t kAttributeGraph = 6;
constexpr std::uint32_t kAttributeTensors = 10;
constexpr std::uint32_t kAttributeGraphs = 11;
constexpr std::uint32_t kAttributeSparse = 22;
constexpr std::uint32_t kAttributeSparses = 23;
constexpr std::uint32_t kSparseValues = 1;
constexpr std::uint32_t kSparseIndices = 2;
constexpr std::uint32_t kTensorExternalData = 13;
constexpr std::uint32_t kTensorDataLocation = 14;
constexpr int kMaxDepth = 24;

enum class Part { kGraph, kFunction, kNode, kAttribute, kSparse, kTensor };

// Which part a field of a part is, when it can hold tensors.
std::optional<Part> PartAt(Part part, std::uint32_t number) {
  switch (part) {
    case Part::kGraph:
      if (number == kGraphNode) return Part::kNode;
      if (number == kGraphInitializer) return Part::kTensor;
      if (number == kGraphSparseInitializer) return Part::kSparse;
      return std::nullopt;
    case Part::kFunction:
      if (number == kFunctionNode) return Part::kNode;
      return std::nullopt;
    case Part::kNode:
      if (number == kNodeAttribute) return Part::kAttribute;
      return std::nullopt;
    case Part::kAttribute:
      if (number == kAttributeTensor || number == kAttributeTensors) return Part::kTensor;
      if (number == kAttributeGraph || number == kAttributeGraphs) return Part::kGraph;
      if (number == kAttributeSparse || number == kAttributeSparses) return Part::kSparse;
      return std::nullopt;
    case Part::kSparse:
      if (number == kSparseValues || number == kSparseIndices) return Part::kTensor;
      return std::nullopt;
    case Part::kTensor: return std::nullopt;
  }
  return std::nullopt;
}

Status CheckPart(Part part, ByteView bytes, int depth) {
  if (depth > kMaxDepth) return Malformed("ONNX graphs are nested too deeply");
  ProtoReader reader(bytes, "ONNX model");
  for (;;) {
    ASSIGN_OR_RETURN(const auto field, reader.Next());
    if (!field) return {};
    if (part == Part::kTensor && (field->number == kTensorExternalData ||
                                  (field->number == kTensorDataLocation && field->value != 0))) {
      return Unsupported("ONNX model keeps weights in other files, wanted all inside");
    }
    const auto inner = PartAt(part, field->number);
    if (!inner) continue;
    ASSIGN_OR_RETURN(const ByteView nested, ProtoBytes(*field, "ONNX model"));
    RETURN_IF_ERROR(CheckPart(*inner, nested, depth + 1));
  }
}

Status CheckOnnx(ByteView bytes) {
  ProtoReader reader(bytes, "ONNX model");
  bool version = false;
  bool graph = false;
  for (;;) {
    ASSIGN_OR_RETURN(const auto field, reader.Next());
    if (!field) break;
    if (field->number == kModelIrVersion) {
      version = field->wire == ProtoWire::kVarint && field->value > 0;
    } else if (field->number == kModelGraph || field->number == kModelFunctions) {
      ASSIGN_OR_RETURN(const ByteView nested, ProtoBytes(*field, "ONNX model"));
      const Part part = field->number == kModelGraph ? Part::kGraph : Part::kFunction;
      RETURN_IF_ERROR(CheckPart(part, nested, 0));
      graph = graph || part == Part::kGraph;
    }
  }
  if (!version || !graph)
    return Malformed("graph has no version or no graph, wanted an ONNX model");
  return {};
}

}  // namespace

Status CheckFormat(const ModelFiles& files) {
  if (files.format == ModelFormat::kOpenVinoIr) return CheckIr(AsText(files.graph.view()));
  if (!files.weights.empty())
    return Malformed("an ONNX model has weights beside it, wanted one file");
  return CheckOnnx(files.graph.view());
}

}  // namespace strongroom::serving::openvino
