#include "serving/api/kserve/grpc_service.h"

#include <inference.pb.h>

#include <bit>
#include <functional>

#include "serving/api/test_api.h"
#include "testing/mutations.h"

namespace strongroom::serving::api::kserve {
namespace {

using inference::ModelInferRequest;
using inference::ModelInferResponse;
using strongroom::testing::Fails;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using testing::RawOf;

Bytes Serialize(const google::protobuf::MessageLite& message) {
  return ToBytes(message.SerializeAsString());
}

template <class Message>
Result<Message> Parse(Result<Bytes> bytes) {
  if (!bytes) return std::unexpected(bytes.error());
  Message message;
  EXPECT_TRUE(message.ParseFromArray(bytes->data(), static_cast<int>(bytes->size())));
  return message;
}

class KserveGrpcTest : public testing::ApiTest {
 protected:
  // Typed contents.
  static ModelInferRequest Typed() {
    ModelInferRequest request;
    request.set_model_name("two");
    request.set_id("17");
    auto& a = *request.add_inputs();
    a.set_name("a"), a.set_datatype("FP32"), a.add_shape(2);
    for (const float value : {1.5F, 2.5F}) a.mutable_contents()->add_fp32_contents(value);
    auto& b = *request.add_inputs();
    b.set_name("b"), b.set_datatype("INT32"), b.add_shape(2);
    for (const std::int32_t value : {-1, 2}) b.mutable_contents()->add_int_contents(value);
    return request;
  }
  static ModelInferRequest Raw() {
    ModelInferRequest request = Typed();
    for (auto& input : *request.mutable_inputs()) input.clear_contents();
    request.add_raw_input_contents(ToText(RawOf<float>({1.5F, 2.5F})));
    request.add_raw_input_contents(ToText(RawOf<std::int32_t>({-1, 2})));
    return request;
  }
  Result<ModelInferResponse> Ask(const ModelInferRequest& request) {
    return Parse<ModelInferResponse>(ModelInfer(frontend_, alice_, Serialize(request)));
  }
};

TEST_F(KserveGrpcTest, TypedContentsAreAnsweredInKind) {
  ASSERT_OK_AND_ASSIGN(const auto response, Ask(Typed()));
  EXPECT_EQ(response.model_name(), "two");
  EXPECT_EQ(response.model_version(), "1");
  EXPECT_EQ(response.id(), "17");
  ASSERT_EQ(response.outputs_size(), 2);
  EXPECT_EQ(response.outputs(0).name(), "a_out");
  EXPECT_THAT(response.outputs(0).contents().fp32_contents(), ElementsAre(1.5F, 2.5F));
  EXPECT_THAT(response.outputs(1).contents().int_contents(), ElementsAre(-1, 2));
  EXPECT_EQ(response.raw_output_contents_size(), 0);
}

TEST_F(KserveGrpcTest, RawContentsAreAnsweredInKindWhateverTheOrder) {
  auto request = Raw();
  request.mutable_inputs()->SwapElements(0, 1);
  request.mutable_raw_input_contents()->SwapElements(0, 1);
  request.add_outputs()->set_name("b_out");
  ASSERT_OK_AND_ASSIGN(const auto response, Ask(request));
  ASSERT_EQ(response.outputs_size(), 1);
  EXPECT_EQ(response.outputs(0).datatype(), "INT32");
  ASSERT_EQ(response.raw_output_contents_size(), 1);
  EXPECT_EQ(ToBytes(response.raw_output_contents(0)), RawOf<std::int32_t>({-1, 2}));
}

TEST_F(KserveGrpcTest, HalfFloatsAreRawOnly) {
  ServeType(DType::kFloat16);
  ModelInferRequest request;
  request.set_model_name("typed");
  auto& v = *request.add_inputs();
  v.set_name("v"), v.set_datatype("FP16"), v.add_shape(1);
  v.mutable_contents()->add_fp32_contents(1);
  EXPECT_THAT(Ask(request), Fails(Code::kMalformed, "wanted in raw_input_contents"));
  v.clear_contents();
  request.add_raw_input_contents(std::string("\x00\x3c", 2));
  ASSERT_OK_AND_ASSIGN(const auto response, Ask(request));
  EXPECT_EQ(response.raw_output_contents(0), std::string("\x00\x3c", 2));
}

TEST_F(KserveGrpcTest, EveryTypeGoesBothWays) {
  for (const DType dtype : kAllDTypes) {
    ServeType(dtype);
    ModelInferRequest request;
    request.set_model_name("typed");
    auto& v = *request.add_inputs();
    v.set_name("v"), v.set_datatype(std::string(DTypeName(dtype))), v.add_shape(2);
    const Bytes raw(2 * ElementSize(dtype), 1);
    request.add_raw_input_contents(ToText(raw));
    ASSERT_OK_AND_ASSIGN(const auto answer, Ask(request));
    EXPECT_EQ(ToBytes(answer.raw_output_contents(0)), raw);
    if (dtype == DType::kFloat16 || dtype == DType::kBfloat16) continue;
    // What we write as contents, we must read: feed an answer's contents back.
    ModelInferRequest typed = request;
    typed.clear_raw_input_contents();
    auto& contents = *typed.mutable_inputs(0)->mutable_contents();
    if (dtype == DType::kBool) contents.add_bool_contents(true), contents.add_bool_contents(true);
    const std::int64_t ones = 0x0101010101010101;
    const auto part = [&](int bytes) { return ones >> (64 - 8 * bytes); };
    const int size = static_cast<int>(ElementSize(dtype));
    for (int i = 0; i < 2; ++i) {
      if (dtype == DType::kInt8 || dtype == DType::kInt16 || dtype == DType::kInt32)
        contents.add_int_contents(static_cast<std::int32_t>(part(size)));
      if (dtype == DType::kInt64) contents.add_int64_contents(ones);
      if (dtype == DType::kUint8 || dtype == DType::kUint16 || dtype == DType::kUint32)
        contents.add_uint_contents(static_cast<std::uint32_t>(part(size)));
      if (dtype == DType::kUint64) contents.add_uint64_contents(static_cast<std::uint64_t>(ones));
      if (dtype == DType::kFloat32) contents.add_fp32_contents(std::bit_cast<float>(0x01010101));
      if (dtype == DType::kFloat64) contents.add_fp64_contents(std::bit_cast<double>(ones));
    }
    ASSERT_OK_AND_ASSIGN(const auto back, Ask(typed));
    EXPECT_EQ(back.outputs(0).contents().SerializeAsString(), contents.SerializeAsString())
        << DTypeName(dtype);
  }
}

TEST_F(KserveGrpcTest, RefusesWhatDoesNotFit) {
  using Change = std::function<void(ModelInferRequest&)>;
  const struct {
    const char* name;
    ModelInferRequest request;
    Change change;
    Code code;
    const char* text;
  } rows[] = {
      {"id that is no UTF-8", Raw(), [](auto& r) { *r.mutable_id() = "\xff"; }, Code::kMalformed,
       "id is no UTF-8"},
      {"no model", Raw(), [](auto& r) { r.clear_model_name(); }, Code::kMalformed,
       "names no model"},
      {"unknown model", Raw(), [](auto& r) { r.set_model_name("q"); }, Code::kNotFound, "model q"},
      {"unknown version", Raw(), [](auto& r) { r.set_model_version("9"); }, Code::kNotFound,
       "no version 9"},
      {"version in words", Raw(), [](auto& r) { r.set_model_version("latest"); }, Code::kMalformed,
       "wanted a whole number"},
      {"version nought with sign", Raw(), [](auto& r) { r.set_model_version("-0"); },
       Code::kMalformed, "wanted a whole number"},
      {"version with sign", Raw(), [](auto& r) { r.set_model_version("-1"); }, Code::kMalformed,
       "wanted a whole number"},
      {"raw and contents", Raw(),
       [](auto& r) { r.mutable_inputs(1)->mutable_contents()->add_int_contents(1); },
       Code::kMalformed,
       "contents field must not be specified when using raw_input_contents for 'b' for model "
       "'two'"},
      {"raw missing", Raw(), [](auto& r) { r.mutable_raw_input_contents()->RemoveLast(); },
       Code::kMalformed, "has 1 entries, wanted 2"},
      {"raw too short", Raw(), [](auto& r) { r.set_raw_input_contents(0, "1234567"); },
       Code::kMalformed, "has 7 bytes, wanted 8"},
      {"contents too short", Typed(),
       [](auto& r) {
         r.mutable_inputs(0)->mutable_contents()->mutable_fp32_contents()->RemoveLast();
       },
       Code::kMalformed, "has 4 bytes, wanted 8"},
      {"contents of another type", Typed(),
       [](auto& r) { r.mutable_inputs(0)->set_datatype("INT32"); }, Code::kMalformed,
       "has 0 bytes"},
      {"type is not the model's", Raw(),
       [](auto& r) { r.mutable_inputs(0)->set_datatype("INT32"); }, Code::kMalformed,
       "has type INT32, wanted FP32"},
      {"shape is not the model's", Raw(),
       [](auto& r) { r.mutable_inputs(0)->set_shape(0, 1), r.set_raw_input_contents(0, "1234"); },
       Code::kMalformed, "has shape [1], wanted [2]"},
      {"negative shape", Raw(), [](auto& r) { r.mutable_inputs(0)->set_shape(0, -2); },
       Code::kMalformed, "negative"},
      {"huge shape", Raw(),
       [](auto& r) { r.mutable_inputs(0)->set_shape(0, std::int64_t{1} << 62); }, Code::kExhausted,
       "more than"},
      {"shape wraps", Raw(),
       [](auto& r) {
         r.mutable_inputs(0)->set_shape(0, std::int64_t{1} << 33),
             r.mutable_inputs(0)->add_shape(std::int64_t{1} << 33);
       },
       Code::kExhausted, "more than"},
      {"text tensor", Raw(), [](auto& r) { r.mutable_inputs(0)->set_datatype("BYTES"); },
       Code::kUnsupported, "datatype BYTES"},
      {"input missing", Raw(),
       [](auto& r) {
         r.mutable_inputs()->RemoveLast(), r.mutable_raw_input_contents()->RemoveLast();
       },
       Code::kMalformed, "expected 2 inputs but got 1 inputs for model 'two'"},
      {"input unknown", Raw(), [](auto& r) { r.mutable_inputs(1)->set_name("c"); },
       Code::kMalformed, "unexpected inference input 'c' for model 'two'"},
      {"input twice", Raw(), [](auto& r) { r.mutable_inputs(1)->set_name("a"); }, Code::kMalformed,
       "already exists"},
      {"output unknown", Raw(), [](auto& r) { r.add_outputs()->set_name("z"); }, Code::kMalformed,
       "unexpected inference output 'z' for model 'two'"},
      {"output twice", Raw(),
       [](auto& r) { r.add_outputs()->set_name("a_out"), r.add_outputs()->set_name("a_out"); },
       Code::kMalformed, "already requested"},
      {"shared memory in", Raw(),
       [](auto& r) {
         (*r.mutable_inputs(0)->mutable_parameters())["shared_memory_region"].set_string_param("x");
       },
       Code::kUnsupported, "shared_memory_region is not offered"},
      {"shared memory out", Raw(),
       [](auto& r) {
         auto& o = *r.add_outputs();
         o.set_name("a_out");
         (*o.mutable_parameters())["shared_memory_region"].set_string_param("x");
       },
       Code::kUnsupported, "not offered"},
      {"classification", Raw(),
       [](auto& r) {
         auto& o = *r.add_outputs();
         o.set_name("a_out");
         (*o.mutable_parameters())["classification"].set_int64_param(3);
       },
       Code::kUnsupported, "classification is not offered"},
  };
  for (const auto& row : rows) {
    auto request = row.request;
    row.change(request);
    EXPECT_THAT(Ask(request), Fails(row.code, row.text)) << row.name;
  }
}

TEST_F(KserveGrpcTest, OnlyListedClientsAreAnswered) {
  EXPECT_OK(ModelInfer(frontend_, bob_, Serialize(Raw())));
  for (const Caller& caller : {carol_, Caller{}}) {
    EXPECT_THAT(ModelInfer(frontend_, caller, Serialize(Raw())),
                Fails(Code::kDenied, "client certificate"));
    inference::ModelMetadataRequest metadata;
    metadata.set_name("two");
    EXPECT_THAT(ModelMetadata(frontend_, caller, Serialize(metadata)), Fails(Code::kDenied, ""));
    EXPECT_THAT(ModelReady(frontend_, caller, Serialize(metadata)), Fails(Code::kDenied, ""));
  }
}

TEST_F(KserveGrpcTest, MetadataAndReadiness) {
  inference::ModelMetadataRequest request;
  request.set_name("m");
  ASSERT_OK_AND_ASSIGN(const auto metadata, Parse<inference::ModelMetadataResponse>(ModelMetadata(
                                                frontend_, alice_, Serialize(request))));
  EXPECT_EQ(metadata.name(), "m");
  EXPECT_THAT(metadata.versions(), ElementsAre("3"));
  EXPECT_EQ(metadata.platform(), "fake");
  EXPECT_THAT(metadata.inputs(0).shape(), ElementsAre(-1, 2));
  EXPECT_EQ(metadata.outputs(0).datatype(), "FP32");
  request.set_version("2");
  EXPECT_THAT(ModelMetadata(frontend_, alice_, Serialize(request)), Fails(Code::kNotFound, ""));
  const auto ready = [&](const std::string& name, const std::string& version) {
    inference::ModelReadyRequest ask;
    ask.set_name(name), ask.set_version(version);
    return Parse<inference::ModelReadyResponse>(ModelReady(frontend_, alice_, Serialize(ask)))
        .value()
        .ready();
  };
  EXPECT_TRUE(ready("m", ""));
  EXPECT_TRUE(ready("m", "3"));
  EXPECT_FALSE(ready("m", "2"));
  EXPECT_FALSE(ready("q", ""));
}

TEST_F(KserveGrpcTest, ShortenedOrChangedMessagesNeverReadOutside) {
  for (const Bytes& good : {Serialize(Raw()), Serialize(Typed())}) {
    const auto ask = [&](ByteView changed, std::size_t offset) {
      const auto answer =
          Parse<ModelInferResponse>(ModelInfer(frontend_, alice_, ToBytes(changed)));
      if (!answer) {
        EXPECT_THAT(answer.error().code(), AnyOf(Code::kMalformed, Code::kUnsupported,
                                                 Code::kNotFound, Code::kDenied, Code::kExhausted))
            << offset << answer.error().ToString();
        return;
      }
      // Elements in, elements out: two of four bytes each, whatever the bytes are now.
      for (const auto& output : answer->outputs()) {
        EXPECT_THAT(output.shape(), ElementsAre(2)) << offset;
        const auto& typed = output.contents();
        const int listed = typed.fp32_contents_size() + typed.int_contents_size();
        EXPECT_EQ(listed, answer->raw_output_contents_size() > 0 ? 0 : 2) << offset;
      }
      for (const std::string& raw : answer->raw_output_contents())
        EXPECT_EQ(raw.size(), 8U) << offset;
    };
    strongroom::testing::ForEachTruncation(good, ask);
    strongroom::testing::ForEachFlippedByte(good, ask, 0x01);
    strongroom::testing::ForEachFlippedByte(good, ask, 0x80);
  }
}

}  // namespace
}  // namespace strongroom::serving::api::kserve
