#include "serving/openvino/test_models.h"

#include <random>
#include <sstream>

#include <openvino/openvino.hpp>
#include <openvino/opsets/opset13.hpp>
#include <openvino/pass/serialize.hpp>

#include "base/proto_wire.h"

namespace strongroom::serving::openvino::testing {
namespace {

namespace ops = ov::opset13;

ModelFiles Serialize(const std::shared_ptr<ov::Model>& model) {
  std::stringstream xml;
  std::stringstream bin;
  ov::pass::Serialize(xml, bin).run_on_model(model);
  return {.format = ModelFormat::kOpenVinoIr,
          .graph = Buffer::Copy(AsBytes(xml.str()), Secrecy::kConfidential).value(),
          .weights = Buffer::Copy(AsBytes(bin.str()), Secrecy::kConfidential).value()};
}

std::shared_ptr<ov::Node> Weights(std::size_t rows, std::size_t columns, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<float> values(rows * columns);
  for (float& value : values) value = normal(random);
  return ops::Constant::create(ov::element::f32, {rows, columns}, values);
}

}  // namespace

ModelFiles DenseIr(std::int64_t inputs, std::int64_t outputs, std::uint32_t seed) {
  std::mt19937 random(seed);
  const auto x = std::make_shared<ops::Parameter>(ov::element::f32, ov::PartialShape{-1, inputs});
  x->output(0).set_names({"x"});
  const auto rows = static_cast<std::size_t>(inputs);
  const auto columns = static_cast<std::size_t>(outputs);
  const auto product = std::make_shared<ops::MatMul>(x, Weights(rows, columns, random));
  const auto sum = std::make_shared<ops::Add>(product, Weights(1, columns, random));
  const auto y = std::make_shared<ops::Softmax>(sum, 1);
  y->output(0).set_names({"y"});
  return Serialize(
      std::make_shared<ov::Model>(ov::OutputVector{y}, ov::ParameterVector{x}, "dense"));
}

ModelFiles TwoByTwoIr() {
  const auto a = std::make_shared<ops::Parameter>(ov::element::f32, ov::PartialShape{2});
  const auto b = std::make_shared<ops::Parameter>(ov::element::i32, ov::PartialShape{2});
  a->output(0).set_names({"a"});
  b->output(0).set_names({"b"});
  const auto sum =
      std::make_shared<ops::Add>(a, std::make_shared<ops::Convert>(b, ov::element::f32));
  const auto twice = std::make_shared<ops::Add>(b, b);
  sum->output(0).set_names({"sum"});
  twice->output(0).set_names({"twice"});
  return Serialize(
      std::make_shared<ov::Model>(ov::OutputVector{sum, twice}, ov::ParameterVector{a, b}, "two"));
}

Bytes AddOneOnnx(bool external_weights) {
  const auto value_info = [](std::string_view name) {
    ProtoWriter batch;
    batch.Text(2, "N");
    ProtoWriter width;
    width.Varint(1, 2);
    ProtoWriter shape;
    shape.Message(1, batch).Message(1, width);
    ProtoWriter tensor;
    tensor.Varint(1, 1).Message(2, shape);  // FLOAT
    ProtoWriter type;
    type.Message(1, tensor);
    ProtoWriter out;
    out.Text(1, name).Message(2, type);
    return out;
  };
  ProtoWriter node;
  node.Text(1, "x").Text(1, "one").Text(2, "y").Text(4, "Add");
  ProtoWriter one;
  one.Varint(1, 1).Varint(2, 1).Text(8, "one");
  if (external_weights) {
    ProtoWriter location;
    location.Text(1, "location").Text(2, "weights.bin");
    one.Message(13, location).Varint(14, 1);
  } else {
    one.Bytes(9, Bytes{0, 0, 0x80, 0x3f});
  }
  ProtoWriter graph;
  graph.Message(1, node)
      .Text(2, "g")
      .Message(5, one)
      .Message(11, value_info("x"))
      .Message(12, value_info("y"));
  ProtoWriter opset;
  opset.Varint(2, 17);
  ProtoWriter model;
  model.Varint(1, 8).Message(7, graph).Message(8, opset);
  return model.bytes();
}

ModelFiles OnnxFiles(ByteView onnx) {
  return {.format = ModelFormat::kOnnx,
          .graph = Buffer::Copy(onnx, Secrecy::kConfidential).value(),
          .weights = {}};
}

ModelFiles Clone(const ModelFiles& files) {
  return {.format = files.format,
          .graph = Buffer::Copy(files.graph.view(), Secrecy::kConfidential).value(),
          .weights = Buffer::Copy(files.weights.view(), Secrecy::kConfidential).value()};
}

}  // namespace strongroom::serving::openvino::testing
