#include "serving/openvino/formats.h"

#include "base/proto_wire.h"
#include "serving/openvino/test_models.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::serving::openvino {
namespace {

using strongroom::testing::Fails;

ModelFiles Ir(std::string_view xml) {
  return {.format = ModelFormat::kOpenVinoIr,
          .graph = Buffer::Copy(AsBytes(xml), Secrecy::kOrdinary).value(),
          .weights = {}};
}

TEST(FormatsTest, AcceptsWhatTheToolsWrite) {
  EXPECT_OK(CheckFormat(testing::DenseIr(4, 2, 1)));
  EXPECT_OK(CheckFormat(testing::OnnxFiles(testing::AddOneOnnx())));
  EXPECT_OK(CheckFormat(Ir("\xEF\xBB\xBF \n<?xml version=\"1.0\"?>\n<net name=\"n\"></net>")));
}

TEST(FormatsTest, RefusesOtherBytesBeforeAnyParserSeesThem) {
  const struct {
    const char* name;
    std::string_view bytes;
    const char* text;
  } rows[] = {
      {"nothing", "", "does not start as XML"},
      {"blanks", " \n\t ", "does not start as XML"},
      {"a TensorFlow graph", std::string_view("\x0a\x10\x0a\x01x", 5), "does not start as XML"},
      {"a TFLite file", std::string_view("\x1c\0\0\0TFL3", 8), "does not start as XML"},
      {"a protected file", std::string_view("GRAFS_PF\x01\x00", 10), "does not start as XML"},
      {"HTML", "<html></html>", "does not start as XML"},
      {"another document", "<?xml version=\"1.0\"?><svg/>", "no root element <net>"},
      {"a zero byte", std::string_view("<net name=\"a\0\"/>", 16), "zero byte"},
  };
  for (const auto& row : rows) {
    EXPECT_THAT(CheckFormat(Ir(row.bytes)), Fails(Code::kMalformed, row.text)) << row.name;
  }
}

TEST(FormatsTest, RefusesWhatIsNotOnnx) {
  const struct {
    const char* name;
    Bytes bytes;
  } rows[] = {
      {"nothing", {}},
      {"text", ToBytes("<net/>")},
      {"version only", {0x08, 0x08}},
      {"version 0", {0x08, 0x00, 0x3a, 0x00}},
      {"graph as a number", {0x08, 0x08, 0x38, 0x01}},
  };
  for (const auto& row : rows) {
    EXPECT_THAT(CheckFormat(testing::OnnxFiles(row.bytes)), Fails(Code::kMalformed, ""))
        << row.name;
  }
  ModelFiles with_weights = testing::OnnxFiles(testing::AddOneOnnx());
  with_weights.weights = Buffer::Copy(Bytes{1}, Secrecy::kOrdinary).value();
  EXPECT_THAT(CheckFormat(with_weights), Fails(Code::kMalformed, "wanted one file"));
}

TEST(FormatsTest, RefusesOnnxThatPointsToOtherFiles) {
  EXPECT_THAT(CheckFormat(testing::OnnxFiles(testing::AddOneOnnx(true))),
              Fails(Code::kUnsupported, "weights in other files"));
}

TEST(FormatsTest, ShortenedOrChangedOnnxNeverCrashesTheCheck) {
  const Bytes onnx = testing::AddOneOnnx();
  const auto check = [](ByteView bytes, std::size_t) {
    static_cast<void>(CheckFormat(testing::OnnxFiles(bytes)));
  };
  strongroom::testing::ForEachTruncation(onnx, check);
  strongroom::testing::ForEachFlippedByte(onnx, check, 0xff);
}

TEST(FormatsTest, DeepNestingIsRefused) {
  ProtoWriter graph;
  for (int depth = 0; depth < 40; ++depth) {
    ProtoWriter attribute;
    attribute.Message(6, graph);
    ProtoWriter node;
    node.Message(5, attribute);
    ProtoWriter outer;
    outer.Message(1, node);
    graph = outer;
  }
  ProtoWriter model;
  model.Varint(1, 8).Message(7, graph);
  EXPECT_THAT(CheckFormat(testing::OnnxFiles(model.bytes())),
              Fails(Code::kMalformed, "nested too deeply"));
}

}  // namespace
}  // namespace strongroom::serving::openvino
