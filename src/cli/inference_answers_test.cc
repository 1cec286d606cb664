#include "cli/inference_answers.h"

#include "inference.pb.h"
#include "tensorflow_serving.pb.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::cli {
namespace {

using strongroom::testing::Fails;
using strongroom::testing::ForEachFlip;
using strongroom::testing::ForEachTruncation;

const Bytes kData = {1, 0, 2, 0, 3, 0, 4, 0};

std::string Predicted() {
  tensorflow::serving::PredictResponse answer;
  auto& proto = (*answer.mutable_outputs())["scores"];
  proto.set_dtype(tensorflow::DT_INT16);
  for (const std::int64_t size : {2, 2}) proto.mutable_tensor_shape()->add_dim()->set_size(size);
  proto.set_tensor_content(ToText(kData));
  return answer.SerializeAsString();
}

inference::ModelInferResponse Inferred() {
  inference::ModelInferResponse answer;
  auto& output = *answer.add_outputs();
  output.set_name("scores");
  output.set_datatype("INT16");
  for (const std::int64_t size : {2, 2}) output.add_shape(size);
  answer.add_raw_output_contents(ToText(kData));
  return answer;
}

constexpr const char* kJson =
    R"({"outputs":[{"name":"scores","datatype":"INT16","shape":[2,2],"data":[1,2,3,4]}]})";

Result<NamedTensors> ReadJson(ByteView text) {
  ASSIGN_OR_RETURN(const JsonDocument document, JsonDocument::Parse(AsText(text)));
  return ReadRestAnswer(document.root());
}

struct Dialect {
  const char* name;
  Result<NamedTensors> (*read)(ByteView);
  std::string answer;
};

std::vector<Dialect> Dialects() {
  return {{"TensorFlow Serving", ReadPredictAnswer, Predicted()},
          {"KServe gRPC", ReadModelInferAnswer, Inferred().SerializeAsString()},
          {"KServe REST", ReadJson, kJson}};
}

TEST(InferenceAnswers, AreTheSameInEveryDialect) {
  for (const Dialect& dialect : Dialects()) {
    const auto outputs = dialect.read(AsBytes(dialect.answer));
    ASSERT_OK(outputs) << dialect.name;
    ASSERT_EQ(outputs->size(), 1U) << dialect.name;
    const auto& [name, tensor] = outputs->front();
    EXPECT_EQ(name, "scores") << dialect.name;
    EXPECT_EQ(tensor.datatype, "INT16") << dialect.name;
    EXPECT_EQ(tensor.shape, (std::vector<std::int64_t>{2, 2})) << dialect.name;
    EXPECT_EQ(tensor.data, kData) << dialect.name;
  }
}

// A cut or changed answer may still be one, but never an output of another length than it says.
TEST(InferenceAnswers, AreWholeOrRefusedWhateverIsCutOrChanged) {
  for (const Dialect& dialect : Dialects()) {
    const auto expect_whole = [&](ByteView answer, std::size_t offset) {
      const auto outputs = dialect.read(answer);
      if (!outputs.has_value()) return;
      for (const auto& [name, tensor] : *outputs) {
        const auto count = ElementCount(tensor.shape);
        ASSERT_OK(count) << dialect.name << " " << offset;
        EXPECT_EQ(tensor.data.size(), *count * ElementSize(tensor.datatype))
            << dialect.name << " " << offset;
      }
    };
    ForEachTruncation(AsBytes(dialect.answer), expect_whole);
    ForEachFlip(AsBytes(dialect.answer), expect_whole);
  }
}

TEST(InferenceAnswers, OfKServeAreRefusedWhereTheyContradictThemselves) {
  inference::ModelInferResponse answer = Inferred();
  answer.mutable_raw_output_contents(0)->push_back('x');
  EXPECT_THAT(ReadModelInferAnswer(AsBytes(answer.SerializeAsString())),
              Fails(Code::kMalformed, "output \"scores\": 9 bytes, wanted 8"));
  answer = Inferred();
  answer.add_raw_output_contents("");
  EXPECT_THAT(ReadModelInferAnswer(AsBytes(answer.SerializeAsString())),
              Fails(Code::kMalformed, "1 outputs with 2 raw contents"));
  answer = Inferred();
  answer.mutable_outputs(0)->set_datatype("BYTES");
  EXPECT_THAT(ReadModelInferAnswer(AsBytes(answer.SerializeAsString())),
              Fails(Code::kUnsupported, "BYTES"));
  answer = Inferred();
  answer.mutable_outputs(0)->set_shape(0, -2);
  EXPECT_THAT(ReadModelInferAnswer(AsBytes(answer.SerializeAsString())),
              Fails(Code::kMalformed, "dimension -2"));
}

TEST(InferenceAnswers, InJsonAreRefusedWhereTheyContradictThemselves) {
  for (const std::string json :
       {R"({})", R"([])", R"({"outputs":{}})", R"({"outputs":[1]})",
        R"({"outputs":[{"datatype":"INT16","shape":[1],"data":[1]}]})",
        R"({"outputs":[{"name":"a","datatype":"INT16","shape":1,"data":[1]}]})",
        R"({"outputs":[{"name":"a","datatype":"INT16","shape":[1],"data":1}]})",
        R"({"outputs":[{"name":"a","datatype":"INT16","shape":[2],"data":[1]}]})",
        R"({"outputs":[{"name":"a","datatype":"INT16","shape":[1],"data":[70000]}]})",
        R"({"outputs":[{"name":"a","datatype":"BYTES","shape":[1],"data":["x"]}]})",
        R"({"outputs":[{"name":"a","datatype":"BYTES","shape":[0],"data":[]}]})",
        R"({"outputs":[{"name":"a","datatype":"INT16","shape":[-1],"data":[]}]})",
        R"({"outputs":[{"name":"a","datatype":"INT16","shape":[1]}]})"}) {
    EXPECT_FALSE(ReadJson(AsBytes(json)).has_value()) << json;
  }
}

}  // namespace
}  // namespace strongroom::cli
