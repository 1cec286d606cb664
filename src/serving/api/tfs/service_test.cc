#include "serving/api/tfs/service.h"

#include <tensorflow_serving.pb.h>

#include "serving/api/test_api.h"

namespace strongroom::serving::api::tfs {
namespace {

using strongroom::testing::Fails;
using ::testing::HasSubstr;
namespace wire = ::tensorflow::serving;
using ::tensorflow::DataType;
using ::tensorflow::SignatureDef;
using ::tensorflow::TensorProto;

Bytes Serialize(const google::protobuf::MessageLite& message) {
  return ToBytes(message.SerializeAsString());
}

void SetTensor(TensorProto& tensor, DataType dtype, std::initializer_list<std::int64_t> dims,
               const Bytes& content) {
  tensor.set_dtype(dtype);
  for (const std::int64_t dim : dims) tensor.mutable_tensor_shape()->add_dim()->set_size(dim);
  tensor.set_tensor_content(ToText(content));
}

class TfsServiceTest : public testing::ApiTest {
 protected:
  static wire::PredictRequest GoodRequest() {
    wire::PredictRequest request;
    request.mutable_model_spec()->set_name("m");
    SetTensor((*request.mutable_inputs())["x"], ::tensorflow::DT_FLOAT, {2, 2},
              testing::RawOf<float>({1, 2, 3, 4}));
    return request;
  }
  static wire::PredictRequest GoodTwo() {
    wire::PredictRequest request;
    request.mutable_model_spec()->set_name("two");
    SetTensor((*request.mutable_inputs())["a"], ::tensorflow::DT_FLOAT, {2},
              testing::RawOf<float>({1, 2}));
    SetTensor((*request.mutable_inputs())["b"], ::tensorflow::DT_INT32, {2},
              testing::RawOf<std::int32_t>({-3, 4}));
    return request;
  }

  Result<wire::PredictResponse> Ask(const wire::PredictRequest& request) {
    ASSIGN_OR_RETURN(const Bytes bytes, Predict(frontend_, alice_, Serialize(request)));
    wire::PredictResponse response;
    EXPECT_TRUE(response.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
    return response;
  }
};

TEST_F(TfsServiceTest, PredictAnswersInTypedListsAndNamesWhatServed) {
  ASSERT_OK_AND_ASSIGN(const auto response, Ask(GoodRequest()));
  EXPECT_EQ(response.model_spec().name(), "m");
  EXPECT_EQ(response.model_spec().version().value(), 3);
  EXPECT_EQ(response.model_spec().signature_name(), "serving_default");
  const TensorProto& out = response.outputs().at("x_out");
  EXPECT_EQ(out.dtype(), ::tensorflow::DT_FLOAT);
  EXPECT_THAT(out.float_val(), ::testing::ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(out.tensor_shape().dim(0).size(), 2);
  EXPECT_TRUE(out.tensor_content().empty());
}

TEST_F(TfsServiceTest, OutputFilterChoosesOutputs) {
  auto request = GoodTwo();
  ASSERT_OK_AND_ASSIGN(const auto all, Ask(request));
  EXPECT_EQ(all.outputs_size(), 2);
  request.add_output_filter("b_out");
  ASSERT_OK_AND_ASSIGN(const auto one, Ask(request));
  ASSERT_EQ(one.outputs_size(), 1);
  EXPECT_THAT(one.outputs().at("b_out").int_val(), ::testing::ElementsAre(-3, 4));
}

TEST_F(TfsServiceTest, VersionZeroIsTheNewestUnlessItIsServed) {
  auto request = GoodRequest();
  request.mutable_model_spec()->mutable_version()->set_value(0);
  EXPECT_EQ(Ask(request).value().model_spec().version().value(), 3);
  models_.versions["m"][0] = "x:FP32:-1,2";
  ASSERT_OK(manager_.Load("m", models_, AllVersions{}));
  EXPECT_EQ(Ask(request).value().model_spec().version().value(), 0);
  wire::GetModelStatusRequest status;
  *status.mutable_model_spec() = request.model_spec();
  ASSERT_OK_AND_ASSIGN(const Bytes bytes, GetModelStatus(frontend_, alice_, Serialize(status)));
  wire::GetModelStatusResponse response;
  ASSERT_TRUE(response.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  EXPECT_EQ(response.model_version_status_size(), 1);
  request.mutable_model_spec()->set_name("q");
  EXPECT_THAT(Ask(request), Fails(Code::kNotFound, "Specific(q, 0)"));
}

TEST_F(TfsServiceTest, ErrorsAreTensorFlowServings) {
  using Change = std::function<void(wire::PredictRequest&)>;
  const struct {
    const char* name;
    wire::PredictRequest request;
    Change change;
    Code code;
    const char* text;
  } rows[] = {
      {"no spec", GoodRequest(), [](auto& r) { r.clear_model_spec(); }, Code::kMalformed,
       "Missing ModelSpec"},
      {"no name", GoodRequest(), [](auto& r) { r.mutable_model_spec()->clear_name(); },
       Code::kMalformed, "ModelSpec has no name specified."},
      {"unknown model", GoodRequest(), [](auto& r) { r.mutable_model_spec()->set_name("q"); },
       Code::kNotFound, "Servable not found for request: Latest(q)"},
      {"unknown version", GoodRequest(),
       [](auto& r) { r.mutable_model_spec()->mutable_version()->set_value(7); }, Code::kNotFound,
       "Servable not found for request: Specific(m, 7)"},
      {"label", GoodRequest(), [](auto& r) { r.mutable_model_spec()->set_version_label("stable"); },
       Code::kMalformed, "Unrecognized servable version label: stable"},
      {"signature", GoodRequest(), [](auto& r) { r.mutable_model_spec()->set_signature_name("S"); },
       Code::kPrecondition, "Serving signature key \"S\" not found."},
      {"missing input", GoodTwo(), [](auto& r) { r.mutable_inputs()->erase("b"); },
       Code::kMalformed,
       "input size does not match signature: 1!=2 len({a}) != len({a,b}). Sent extra: {}. Missing "
       "but required: {b}."},
      {"extra input", GoodRequest(),
       [](auto& r) { (*r.mutable_inputs())["y"] = r.inputs().at("x"); }, Code::kMalformed,
       "2!=1 len({x,y}) != len({x}). Sent extra: {y}. Missing but required: {}."},
      {"other input", GoodRequest(),
       [](auto& r) {
         (*r.mutable_inputs())["y"] = r.inputs().at("x");
         r.mutable_inputs()->erase("x");
       },
       Code::kMalformed,
       "input tensor alias not found in signature: y. Inputs expected to be in the set {x}."},
      {"unknown output", GoodRequest(), [](auto& r) { r.add_output_filter("z"); }, Code::kMalformed,
       "output tensor alias not found in signature: z Outputs expected to be in the set {x_out}."},
      {"output twice", GoodRequest(),
       [](auto& r) { r.add_output_filter("x_out"), r.add_output_filter("x_out"); },
       Code::kMalformed, "duplicate output tensor alias: x_out"},
      {"wrong type", GoodRequest(),
       [](auto& r) { r.mutable_inputs()->at("x").set_dtype(::tensorflow::DT_INT32); },
       Code::kMalformed, "has type INT32, wanted FP32"},
      {"wrong width", GoodRequest(),
       [](auto& r) {
         r.mutable_inputs()->at("x").mutable_tensor_shape()->mutable_dim(1)->set_size(1),
             r.mutable_inputs()->at("x").set_tensor_content("12345678");
       },
       Code::kMalformed, "has shape [2,1], wanted [-1,2]"},
      {"huge batch", GoodRequest(),
       [](auto& r) {
         r.mutable_inputs()->at("x").mutable_tensor_shape()->mutable_dim(0)->set_size(
             std::int64_t{1} << 62);
       },
       Code::kExhausted, "input \"x\""},
      {"text", GoodRequest(),
       [](auto& r) { r.mutable_inputs()->at("x").set_dtype(::tensorflow::DT_STRING); },
       Code::kUnsupported, "data type 7"},
  };
  for (const auto& row : rows) {
    auto request = row.request;
    row.change(request);
    EXPECT_THAT(Ask(request), Fails(row.code, row.text)) << row.name;
  }
  EXPECT_THAT(Predict(frontend_, alice_, ToBytes("\x0a\xff")), Fails(Code::kMalformed, ""));
}

TEST_F(TfsServiceTest, OnlyListedClientsAreAnswered) {
  const Bytes message = Serialize(GoodRequest());
  EXPECT_OK(Predict(frontend_, alice_, message));
  for (const Caller& caller : {bob_, carol_, Caller{}}) {
    EXPECT_THAT(Predict(frontend_, caller, message), Fails(Code::kDenied, "client certificate"));
    EXPECT_THAT(GetModelStatus(frontend_, caller, message), Fails(Code::kDenied, ""));
    wire::GetModelMetadataRequest metadata;
    metadata.mutable_model_spec()->set_name("m");
    metadata.add_metadata_field("signature_def");
    EXPECT_THAT(GetModelMetadata(frontend_, caller, Serialize(metadata)), Fails(Code::kDenied, ""));
  }
}

TEST_F(TfsServiceTest, ASignatureTwiceOrAnInputTwiceIsRefused) {
  const Bytes good = Serialize(GoodRequest());
  EXPECT_THAT(Predict(frontend_, alice_, Concat({good, good})),
              Fails(Code::kMalformed, "two ModelSpecs"));
  wire::PredictRequest only_inputs = GoodRequest();
  only_inputs.clear_model_spec();
  EXPECT_THAT(Predict(frontend_, alice_, Concat({good, Serialize(only_inputs)})),
              Fails(Code::kMalformed, "there twice"));
}

TEST_F(TfsServiceTest, MetadataDescribesTheSignature) {
  wire::GetModelMetadataRequest request;
  request.mutable_model_spec()->set_name("m");
  EXPECT_THAT(
      GetModelMetadata(frontend_, alice_, Serialize(request)),
      Fails(Code::kMalformed, "GetModelMetadataRequest must specify at least one metadata_field"));
  request.add_metadata_field("other");
  EXPECT_THAT(GetModelMetadata(frontend_, alice_, Serialize(request)),
              Fails(Code::kMalformed, "Metadata field other is not supported"));
  request.set_metadata_field(0, "signature_def");
  ASSERT_OK_AND_ASSIGN(const Bytes bytes, GetModelMetadata(frontend_, alice_, Serialize(request)));
  wire::GetModelMetadataResponse response;
  ASSERT_TRUE(response.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  EXPECT_EQ(response.model_spec().version().value(), 3);
  wire::SignatureDefMap map;
  const wire::Any& packed = response.metadata().at("signature_def");
  EXPECT_EQ(packed.type_url(), "type.googleapis.com/tensorflow.serving.SignatureDefMap");
  ASSERT_TRUE(map.ParseFromString(packed.value()));
  const SignatureDef& signature = map.signature_def().at("serving_default");
  EXPECT_EQ(signature.method_name(), "tensorflow/serving/predict");
  EXPECT_EQ(signature.inputs().at("x").dtype(), ::tensorflow::DT_FLOAT);
  EXPECT_EQ(signature.inputs().at("x").tensor_shape().dim(0).size(), -1);
  EXPECT_EQ(signature.outputs().at("x_out").tensor_shape().dim(1).size(), 2);
}

TEST_F(TfsServiceTest, StatusTellsEveryVersion) {
  models_.versions["m"][4] = "nonsense";
  EXPECT_FALSE(manager_.Load("m", models_, AllVersions{}));
  wire::GetModelStatusRequest request;
  request.mutable_model_spec()->set_name("m");
  const auto ask = [&]() -> Result<wire::GetModelStatusResponse> {
    ASSIGN_OR_RETURN(const Bytes bytes, GetModelStatus(frontend_, alice_, Serialize(request)));
    wire::GetModelStatusResponse response;
    EXPECT_TRUE(response.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
    return response;
  };
  ASSERT_OK_AND_ASSIGN(const auto all, ask());
  ASSERT_EQ(all.model_version_status_size(), 2);
  EXPECT_EQ(all.model_version_status(0).state(), wire::ModelVersionStatus::AVAILABLE);
  EXPECT_EQ(all.model_version_status(0).status().error_code(), ::tensorflow::error::OK);
  EXPECT_EQ(all.model_version_status(1).state(), wire::ModelVersionStatus::END);
  EXPECT_EQ(all.model_version_status(1).status().error_code(),
            ::tensorflow::error::INVALID_ARGUMENT);
  EXPECT_THAT(all.model_version_status(1).status().error_message(), HasSubstr("version 4"));
  request.mutable_model_spec()->mutable_version()->set_value(4);
  EXPECT_EQ(ask().value().model_version_status_size(), 1);
  request.mutable_model_spec()->mutable_version()->set_value(5);
  EXPECT_THAT(ask(), Fails(Code::kNotFound, "Could not find version 5 of model m"));
  request.mutable_model_spec()->mutable_version()->set_value(0);
  EXPECT_EQ(ask().value().model_version_status_size(), 2);
  request.mutable_model_spec()->set_name("q");
  request.mutable_model_spec()->clear_version();
  EXPECT_THAT(ask(), Fails(Code::kNotFound, "Could not find any versions of model q"));
}

TEST_F(TfsServiceTest, RequestsAreCountedByOutcome) {
  ASSERT_OK(Ask(GoodRequest()));
  EXPECT_FALSE(Predict(frontend_, carol_, Serialize(GoodRequest())));
  auto unknown = GoodRequest();
  unknown.mutable_model_spec()->set_name("a name that no model has");
  EXPECT_FALSE(Ask(unknown));
  const std::string text = metrics_.Render();
  EXPECT_THAT(
      text,
      HasSubstr(
          R"(strongroom_serving_requests_total{dialect="tfs_grpc",method="Predict",model="m",status="ok"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(model="m",status="denied"} 1)"));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("a name that no model has")));
}

}  // namespace
}  // namespace strongroom::serving::api::tfs
