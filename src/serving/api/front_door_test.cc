#include "serving/api/front_door.h"

#include "base/json.h"
#include "serving/api/test_api.h"
#include "testing/mutations.h"

namespace strongroom::serving::api {
namespace {

using testing::Ask;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RawOf;

class FrontDoorTest : public testing::ApiTest {
 protected:
  net::Response Get(const std::string& path) {
    return Ask(*door_.router(), "GET", path, {}, alice_certificate_);
  }
  net::Response Post(const std::string& path, std::string_view body, net::Headers headers = {}) {
    return Ask(*door_.router(), "POST", path, body, alice_certificate_, std::move(headers));
  }
  static std::string Text(const net::Response& response) { return ToText(response.body); }

  FrontDoor door_{frontend_, "1.2.3"};
};

constexpr const char* kInfer = "/v2/models/two/infer";
constexpr std::string_view kGood =
    R"({"id":"7","inputs":[{"name":"b","shape":[2],"datatype":"INT32","data":[-1,2]},)"
    R"({"name":"a","shape":[2],"datatype":"FP32","data":[0.5,1]}]})";

TEST_F(FrontDoorTest, KserveInferAnswersInJson) {
  const net::Response response = Post(kInfer, kGood);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(Text(response), R"({"model_name":"two","model_version":"1","id":"7","outputs":[)"
                            R"({"name":"a_out","datatype":"FP32","shape":[2],"data":[0.5,1.0]},)"
                            R"({"name":"b_out","datatype":"INT32","shape":[2],"data":[-1,2]}]})");
}

TEST_F(FrontDoorTest, KserveBinaryPartsGoBothWays) {
  const std::string json =
      R"({"inputs":[{"name":"a","shape":[2],"datatype":"FP32","parameters":{"binary_data_size":8}},)"
      R"({"name":"b","shape":[2],"datatype":"INT32","data":[3,4]}],)"
      R"("outputs":[{"name":"b_out"},{"name":"a_out","parameters":{"binary_data":true}}]})";
  const Bytes floats = RawOf<float>({5, 6});
  const std::string length = std::to_string(json.size());
  const net::Response response =
      Post(kInfer, json + ToText(floats), {{"inference-header-content-length", length}});
  ASSERT_EQ(response.status, 200) << Text(response);
  EXPECT_EQ(response.headers.Get("content-type"), "application/octet-stream");
  const std::string text = Text(response);
  const std::size_t split = text.size() - 8;
  EXPECT_EQ(response.headers.Get("inference-header-content-length"), std::to_string(split));
  EXPECT_EQ(text.substr(split), ToText(floats));
  EXPECT_THAT(text, HasSubstr(R"("data":[3,4])"));
  EXPECT_THAT(text, HasSubstr(R"("binary_data_size":8)"));
}

TEST_F(FrontDoorTest, KserveRawBinaryRequestTakesItsShapeFromItsSize) {
  const Bytes floats = RawOf<float>({1, 2, 3, 4});
  const net::Response response =
      Post("/v2/models/m/infer", ToText(floats), {{"inference-header-content-length", "0"}});
  ASSERT_EQ(response.status, 200) << Text(response);
  EXPECT_THAT(Text(response), HasSubstr(R"("shape":[2,2])"));
  EXPECT_TRUE(Text(response).ends_with(ToText(floats)));
  EXPECT_EQ(Post(kInfer, ToText(floats), {{"inference-header-content-length", "0"}}).status, 400);
  EXPECT_EQ(Post("/v2/models/m/infer", "123", {{"inference-header-content-length", "0"}}).status,
            400);
}

TEST_F(FrontDoorTest, KserveRefusesWhatDoesNotFit) {
  const auto with_a = [](std::string_view a) {
    return R"({"inputs":[{"name":"b","shape":[2],"datatype":"INT32","data":[1,2]},)" +
           std::string(a) + "]}";
  };
  const struct {
    const char* name;
    std::string body;
    int status;
    const char* text;
  } rows[] = {
      {"nothing", "", 400, "not JSON"},
      {"list", "[]", 400, "no JSON object"},
      {"no inputs", "{}", 400, "no member"},
      {"inputs as object", R"({"inputs":{}})", 400, "no list"},
      {"no data", with_a(R"({"name":"a","shape":[2],"datatype":"FP32"})"), 400, "has no data"},
      {"too few", with_a(R"({"name":"a","shape":[2],"datatype":"FP32","data":[1]})"), 400,
       "has 4 bytes, wanted 8"},
      {"nested otherwise", with_a(R"({"name":"a","shape":[2],"datatype":"FP32","data":[[1],[2]]})"),
       400, "of shape [2,1], wanted [2]"},
      {"huge shape",
       with_a(R"({"name":"a","shape":[4611686018427387904],"datatype":"FP32","data":[1]})"), 429,
       "more than"},
      {"shape of text", with_a(R"({"name":"a","shape":["2"],"datatype":"FP32","data":[1,2]})"), 400,
       "wanted an integer"},
      {"half in JSON", with_a(R"({"name":"a","shape":[2],"datatype":"FP16","data":[1,2]})"), 400,
       "wanted as binary"},
      {"text", with_a(R"({"name":"a","shape":[2],"datatype":"BYTES","data":["a","b"]})"), 501,
       "datatype BYTES"},
      {"shared memory",
       with_a(
           R"({"name":"a","shape":[2],"datatype":"FP32","data":[1,2],"parameters":{"shared_memory_region":"x"}})"),
       501, "not offered"},
      {"binary size without binary part",
       with_a(R"({"name":"a","shape":[2],"datatype":"FP32","parameters":{"binary_data_size":8}})"),
       400, "wants 8 binary bytes, found 0"},
      {"member twice", R"({"inputs":[],"inputs":[]})", 400, "appears twice"},
  };
  for (const auto& row : rows) {
    const net::Response response = Post(kInfer, row.body);
    EXPECT_EQ(response.status, row.status) << row.name << ": " << Text(response);
    EXPECT_THAT(Text(response), HasSubstr(row.text)) << row.name;
    EXPECT_OK(JsonDocument::Parse(Text(response))) << row.name;
  }
  const std::string good(kGood);
  EXPECT_EQ(Post(kInfer, good, {{"inference-header-content-length", "9999"}}).status, 400);
  EXPECT_EQ(Post(kInfer, good, {{"inference-header-content-length", "x"}}).status, 400);
  EXPECT_EQ(Post(kInfer, good + "left over",
                 {{"inference-header-content-length", std::to_string(good.size())}})
                .status,
            400);
}

TEST_F(FrontDoorTest, KserveDescribesServerAndModels) {
  EXPECT_EQ(Text(Get("/v2")),
            R"({"name":"strongroom","version":"1.2.3","extensions":["binary_tensor_data"]})");
  EXPECT_EQ(Text(Get("/v2/health/live")), R"({"live":true})");
  EXPECT_EQ(Text(Get("/v2/health/ready")), R"({"ready":true})");
  EXPECT_EQ(
      Text(Get("/v2/models/m")),
      R"({"name":"m","versions":["3"],"platform":"fake","inputs":[{"name":"x","datatype":"FP32","shape":[-1,2]}],)"
      R"("outputs":[{"name":"x_out","datatype":"FP32","shape":[-1,2]}]})");
  EXPECT_EQ(Text(Get("/v2/models/m/versions/3/ready")), R"({"name":"m","ready":true})");
  EXPECT_EQ(Get("/v2/models/m/versions/4/ready").status, 404);
  EXPECT_EQ(Get("/v2/models/m/versions/x").status, 400);
  EXPECT_EQ(Get("/v2/models/q").status, 404);
  EXPECT_EQ(Get("/v2/other").status, 404);
  ASSERT_OK(manager_.Unload("m", 3));
  EXPECT_EQ(Get("/v2/health/ready").status, 503);
}

TEST_F(FrontDoorTest, TfsRowsAndColumns) {
  const struct {
    const char* path;
    const char* body;
    const char* answer;
  } rows[] = {
      {"/v1/models/m:predict", R"({"instances":[[1,2],[3,4]]})",
       R"({"predictions":[[1.0,2.0],[3.0,4.0]]})"},
      {"/v1/models/m:predict", R"({"instances":[{"x":[1,2]},{"x":[3,4]}]})",
       R"({"predictions":[[1.0,2.0],[3.0,4.0]]})"},
      {"/v1/models/m/versions/3:predict",
       R"({"inputs":[[1,2]],"signature_name":"serving_default"})", R"({"outputs":[[1.0,2.0]]})"},
      {"/v1/models/m:predict", R"({"inputs":{"x":[[1,2]]}})", R"({"outputs":[[1.0,2.0]]})"},
      {"/v1/models/two:predict", R"({"inputs":{"b":[7,8],"a":[1,2]}})",
       R"({"outputs":{"a_out":[1.0,2.0],"b_out":[7,8]}})"},
      {"/v1/models/two:predict", R"({"instances":[{"a":1,"b":7},{"a":2,"b":8}]})",
       R"({"predictions":[{"a_out":1.0,"b_out":7},{"a_out":2.0,"b_out":8}]})"},
  };
  for (const auto& row : rows) {
    const net::Response response = Post(row.path, row.body);
    EXPECT_EQ(response.status, 200) << row.body;
    EXPECT_EQ(Text(response), row.answer) << row.body;
  }
}

TEST_F(FrontDoorTest, TfsRefusesWhatDoesNotFit) {
  const struct {
    const char* name;
    const char* path;
    const char* body;
    int status;
    const char* text;
  } rows[] = {
      {"neither", "/v1/models/m:predict", "{}", 400, "both or neither"},
      {"both", "/v1/models/m:predict", R"({"instances":[[1,2]],"inputs":[[1,2]]})", 400,
       "both or neither"},
      {"empty", "/v1/models/m:predict", R"({"instances":[]})", 400, "at least one value"},
      {"instances as number", "/v1/models/m:predict", R"({"instances":1})", 400,
       "at least one value"},
      {"not JSON", "/v1/models/m:predict", "x", 400, "not JSON"},
      {"ragged", "/v1/models/m:predict", R"({"instances":[[1,2],[3]]})", 400,
       "wanted the same everywhere"},
      {"bare values, two inputs", "/v1/models/two:predict", R"({"inputs":[1,2]})", 400,
       "not keyed by input"},
      {"unknown key", "/v1/models/two:predict", R"({"inputs":{"a":[1,2],"c":[1,2]}})", 400,
       "wanted exactly the 2"},
      {"key missing in a row", "/v1/models/two:predict", R"({"instances":[{"a":1,"b":1},{"a":1}]})",
       400, "has 1 inputs"},
      {"rows differ in shape", "/v1/models/m:predict", R"({"instances":[{"x":[1,2]},{"x":[1]}]})",
       400, "another shape"},
      {"row that is no object", "/v1/models/m:predict", R"({"instances":[{"x":[1,2]},3]})", 400,
       "no object keyed by input"},
      {"signature", "/v1/models/m:predict", R"({"instances":[[1,2]],"signature_name":"S"})", 400,
       "Serving signature name: \\\"S\\\" not found in signature def"},
      {"unknown model", "/v1/models/q:predict", R"({"instances":[[1,2]]})", 404, "Latest(q)"},
      {"unknown version", "/v1/models/m/versions/9:predict", R"({"instances":[[1,2]]})", 404,
       "Specific(m, 9)"},
      {"label", "/v1/models/m/labels/stable:predict", R"({"instances":[[1,2]]})", 400,
       "Unrecognized servable version label: stable"},
      {"classify", "/v1/models/m:classify", R"({"examples":[]})", 400,
       "Malformed request: POST /v1/models/m:classify"},
  };
  for (const auto& row : rows) {
    const net::Response response = Post(row.path, row.body);
    EXPECT_EQ(response.status, row.status) << row.name << ": " << Text(response);
    EXPECT_THAT(Text(response), HasSubstr(row.text)) << row.name;
  }
  EXPECT_EQ(Get("/v1/models").status, 400);
  EXPECT_THAT(Text(Get("/v1/models")), HasSubstr("Missing model name in request."));
}

TEST_F(FrontDoorTest, TfsStatusAndMetadata) {
  EXPECT_EQ(
      Text(Get("/v1/models/m")),
      R"({"model_version_status":[{"version":"3","state":"AVAILABLE","status":{"error_code":"OK","error_message":""}}]})");
  EXPECT_EQ(Get("/v1/models/m/versions/4").status, 404);
  const std::string metadata = Text(Get("/v1/models/m/metadata"));
  EXPECT_THAT(metadata,
              HasSubstr(R"("model_spec":{"name":"m","signature_name":"","version":"3"})"));
  EXPECT_THAT(
      metadata,
      HasSubstr(
          R"("signature_def":{"signature_def":{"serving_default":{"inputs":{"x":{"dtype":"DT_FLOAT","tensor_shape":{"dim":[{"size":"-1","name":""},{"size":"2","name":""}],"unknown_rank":false},"name":"x"}})"));
  EXPECT_THAT(metadata, HasSubstr(R"("method_name":"tensorflow/serving/predict","defaults":{})"));
}

TEST_F(FrontDoorTest, OnlyListedClientsAreAnswered) {
  const struct {
    const char* method;
    const char* path;
  } rows[] = {{"GET", "/v1/models/m"},
              {"GET", "/v1/models/m/metadata"},
              {"POST", "/v1/models/m:predict"},
              {"GET", "/v2/models/m"},
              {"GET", "/v2/models/m/ready"},
              {"POST", "/v2/models/m/infer"},
              {"GET", "/metrics"},
              {"GET", "/monitoring/prometheus/metrics"}};
  for (const auto& row : rows) {
    for (const Bytes& certificate : {carol_certificate_, Bytes()}) {
      EXPECT_EQ(Ask(*door_.router(), row.method, row.path, "{}", certificate).status, 403)
          << row.path;
    }
  }
  EXPECT_EQ(Ask(*door_.router(), "GET", "/v2/models/m", {}, bob_certificate_).status, 403)
      << "of another model";
  EXPECT_EQ(Get("/metrics").status, 200);
}

TEST_F(FrontDoorTest, MetricsShowAClientTheModelsThatItMayAskAndNoOther) {
  ASSERT_EQ(Post("/v2/models/m/infer",
                 R"({"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]}]})")
                .status,
            200);
  ASSERT_EQ(Post(kInfer, kGood).status, 200);
  ASSERT_EQ(Post("/v2/models/unknown/infer", kGood).status, 404);
  metrics_.CounterOf("strongroom_http_requests_total", "Of all.").Add(3);
  const auto seen = [&](const char* path, const Bytes& certificate) {
    return Text(Ask(*door_.router(), "GET", path, {}, certificate));
  };
  for (const char* path : {"/metrics", "/monitoring/prometheus/metrics"}) {
    EXPECT_THAT(seen(path, alice_certificate_), HasSubstr(R"(model="m")")) << path;
    EXPECT_THAT(seen(path, alice_certificate_), HasSubstr(R"(model="two")")) << path;
    const std::string bob = seen(path, bob_certificate_);
    EXPECT_THAT(bob, HasSubstr(R"(model="two")")) << path;
    for (const char* foreign : {R"(model="m")", R"(model="")", "strongroom_http"})
      EXPECT_THAT(bob, Not(HasSubstr(foreign))) << path;
  }
}

TEST_F(FrontDoorTest, TheHealthPortNamesNoModel) {
  ASSERT_EQ(Post(kInfer, kGood).status, 200);
  ASSERT_EQ(Post("/v2/models/m/infer", "x").status, 400);
  const auto get = [&](const char* path) { return Ask(*door_.health_router(), "GET", path); };
  EXPECT_EQ(get("/healthz").status, 200);
  EXPECT_EQ(get("/readyz").status, 200);
  const std::string text = Text(get("/metrics"));
  EXPECT_THAT(text, HasSubstr(R"(method="infer",status="ok"} 1)"));
  EXPECT_THAT(text, HasSubstr("strongroom_serving_seconds_bucket"));
  for (const char* name : {"model=", "\"two\"", "\"m\""}) EXPECT_THAT(text, Not(HasSubstr(name)));
  for (const char* path : {"/v2/models/m", "/v1/models/m", "/v2"})
    EXPECT_EQ(get(path).status, 404) << path;
  ASSERT_OK(manager_.Unload("m", 3));
  EXPECT_EQ(get("/readyz").status, 503);
  EXPECT_EQ(get("/healthz").status, 200);
}

constexpr const char* kPredict = "/v1/models/two:predict";
constexpr std::string_view kGoodPredict =
    R"({"signature_name":"serving_default","instances":[{"a":1,"b":7},{"a":2.5,"b":-8}]})";

TEST_F(FrontDoorTest, ShortenedBodiesAreRefused) {
  for (const auto& [path, good] : {std::pair(kInfer, kGood), std::pair(kPredict, kGoodPredict)}) {
    SCOPED_TRACE(path);
    ASSERT_EQ(Post(path, good).status, 200) << Text(Post(path, good));
    strongroom::testing::ForEachTruncation(AsBytes(good), [&](ByteView body, std::size_t length) {
      EXPECT_EQ(Post(path, AsText(body)).status, 400) << length;
    });
  }
}

// A number may become another number and nothing says so; the answer is always one of the protocol.
TEST_F(FrontDoorTest, FlippedBytesAreRefusedOrAnswered) {
  for (const auto& [path, good] : {std::pair(kInfer, kGood), std::pair(kPredict, kGoodPredict)}) {
    strongroom::testing::ForEachFlip(AsBytes(good), [&](ByteView body, std::size_t offset) {
      const net::Response response = Post(path, AsText(body));
      EXPECT_THAT(response.status, ::testing::AnyOf(200, 400, 501))
          << path << " " << offset << ": " << response.status;
      const auto answer = JsonDocument::Parse(Text(response));
      ASSERT_OK(answer) << path << " " << offset;
      EXPECT_EQ(answer->root().Find("error") == nullptr, response.status == 200) << offset;
    });
  }
}

}  // namespace
}  // namespace strongroom::serving::api
