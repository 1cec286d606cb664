// Graphs of hostile models: the first byte chooses the format, the rest is the graph. What an ONNX
// model gains by weights in another file, it must not gain by anything else being right about it.

#include <cstdlib>

#include "base/proto_wire.h"
#include "serving/openvino/formats.h"

namespace strongroom::serving::openvino {
namespace {

Status Check(ModelFormat format, ByteView graph) {
  return CheckFormat(
      {.format = format, .graph = Buffer::Copy(graph, Secrecy::kOrdinary).value(), .weights = {}});
}

// The bytes of `model` with a second part of its graph, as protobuf merges them, which has a tensor
// in another file.
Bytes WithExternalWeights(ByteView model) {
  ProtoWriter location;
  location.Text(1, "location").Text(2, "/etc/passwd");
  ProtoWriter tensor;
  tensor.Message(13, location);
  ProtoWriter graph;
  graph.Message(5, tensor);
  ProtoWriter out;
  out.Raw(model).Message(7, graph);
  return out.bytes();
}

void Run(ByteView input) {
  if (input.empty()) return;
  const ByteView graph = input.subspan(1);
  const bool onnx = (input[0] & 1) != 0;
  const Status status = Check(onnx ? ModelFormat::kOnnx : ModelFormat::kOpenVinoIr, graph);
  if (!status) {
    constexpr std::size_t kLongestText = 200;  // no error quotes the model
    if (status.error().message().size() > kLongestText) std::abort();
    return;
  }
  if (!onnx) return;
  const Status external = Check(ModelFormat::kOnnx, WithExternalWeights(graph));
  if (external || external.error().code() != Code::kUnsupported) std::abort();
}

}  // namespace
}  // namespace strongroom::serving::openvino

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  strongroom::serving::openvino::Run({data, size});
  return 0;
}
