#include "serving/api/json_tensor.h"

#include <bit>
#include <cstring>
#include <limits>
#include <random>

#include "serving/api/test_api.h"
#include "testing/result_matchers.h"

namespace strongroom::serving::api {
namespace {

using strongroom::testing::Fails;
using testing::RawOf;
constexpr std::size_t kLimit = 1 << 20;

std::string Write(const TensorView& tensor, bool nested) {
  JsonWriter writer;
  WriteJsonTensor(writer, tensor, nested);
  return writer.text();
}

TEST(JsonTensorTest, ReadsNestingAsShape) {
  const struct {
    const char* text;
    Shape shape;
    std::vector<float> values;
  } rows[] = {
      {"1.5", {}, {1.5F}},
      {"[1, 2 ,\t3]", {3}, {1, 2, 3}},
      {"[[1,2],[3,4],[5,6]]", {3, 2}, {1, 2, 3, 4, 5, 6}},
      {"[ [ [ 1 ] ] ]", {1, 1, 1}, {1}},
      {"[]", {0}, {}},
      {"[[],[]]", {2, 0}, {}},
      {"[-0.0, 1e-3, 2E+2, 3.25]", {4}, {-0.0F, 0.001F, 200, 3.25F}},
      {R"(["NaN"])", {1}, {std::numeric_limits<float>::quiet_NaN()}},
      {R"(["Infinity","-Infinity"])",
       {2},
       {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()}},
      {"[1e-60]", {1}, {0}},
  };
  for (const auto& row : rows) {
    ASSERT_OK_AND_ASSIGN(const JsonTensor tensor,
                         ReadJsonTensor(row.text, DType::kFloat32, kLimit));
    EXPECT_EQ(tensor.shape, row.shape) << row.text;
    EXPECT_EQ(tensor.elements, RawOf(row.values)) << row.text;
  }
}

TEST(JsonTensorTest, RefusesWhatIsNoTensor) {
  const struct {
    const char* name;
    const char* text;
    DType dtype;
    const char* error;
  } rows[] = {
      {"ragged", "[[1,2],[3]]", DType::kFloat32, "wanted the same everywhere"},
      {"ragged, empty", "[[1],[]]", DType::kFloat32, "wanted the same everywhere"},
      {"mixed depth", "[1,[2]]", DType::kFloat32, "depth 1 and 2"},
      {"deeper first", "[[1],2]", DType::kFloat32, "depth 2 and 1"},
      {"null", "[null]", DType::kFloat32, "wanted FP32"},
      {"object", "[{\"b64\":\"AA==\"}]", DType::kFloat32, "wanted FP32"},
      {"text", "[\"a,b\"]", DType::kFloat32, "wanted FP32"},
      {"bool as float", "[true]", DType::kFloat32, "wanted FP32"},
      {"number as bool", "[1]", DType::kBool, "wanted BOOL"},
      {"fraction as int", "[1.0]", DType::kInt32, "wanted INT32"},
      {"exponent as int", "[1e2]", DType::kInt32, "wanted INT32"},
      {"300 as uint8", "[300]", DType::kUint8, "wanted UINT8"},
      {"-1 as uint64", "[-1]", DType::kUint64, "wanted UINT64"},
      {"2^64", "[18446744073709551616]", DType::kUint64, "wanted UINT64"},
      {"1e39 as float", "[1e39]", DType::kFloat32, "wanted FP32"},
      {"1e400 as double", "[1e400]", DType::kFloat64, "wanted FP64"},
      {"half", "[1]", DType::kFloat16, "wanted FP16"},
      {"rank 17", "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", DType::kFloat32, "deeper than 16"},
  };
  for (const auto& row : rows) {
    EXPECT_THAT(ReadJsonTensor(row.text, row.dtype, kLimit), Fails(Code::kMalformed, row.error))
        << row.name;
  }
  EXPECT_THAT(ReadJsonTensor("[1,2,3]", DType::kFloat32, 11),
              Fails(Code::kExhausted, "more than 11 bytes"));
}

TEST(JsonTensorTest, FloatsReadBackBitForBit) {
  std::mt19937 random(5);
  std::vector<float> values = {0.0F,
                               -0.0F,
                               1.0F,
                               std::numeric_limits<float>::denorm_min(),
                               std::numeric_limits<float>::max(),
                               std::numeric_limits<float>::infinity()};
  while (values.size() < 2000) {
    const float value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    if (value == value) values.push_back(value);
  }
  const Bytes raw = RawOf(values);
  const TensorView tensor{DType::kFloat32, {static_cast<std::int64_t>(values.size())}, raw};
  ASSERT_OK_AND_ASSIGN(const JsonTensor back,
                       ReadJsonTensor(Write(tensor, true), DType::kFloat32, kLimit));
  EXPECT_EQ(back.elements, raw);
}

TEST(JsonTensorTest, WritesNestedOrFlatAndFloatsAsFloats) {
  const Bytes raw = RawOf<float>({1, 2.5F, -3, 1e20F});
  const TensorView tensor{DType::kFloat32, {2, 2}, raw};
  EXPECT_EQ(Write(tensor, true), "[[1.0,2.5],[-3.0,1e+20]]");
  EXPECT_EQ(Write(tensor, false), "[1.0,2.5,-3.0,1e+20]");
  EXPECT_EQ(Write({DType::kInt64, {}, RawOf<std::int64_t>({-7})}, true), "-7");
  EXPECT_EQ(Write({DType::kBool, {2}, Bytes{1, 0}}, true), "[true,false]");
  EXPECT_EQ(
      Write({DType::kFloat32, {1}, RawOf<float>({std::numeric_limits<float>::quiet_NaN()})}, true),
      R"(["NaN"])");
}

TEST(JsonTensorTest, EveryTypeWithAJsonFormReadsBack) {
  const Bytes raw(64, 1);
  for (const DType dtype : kAllDTypes) {
    if (!HasJsonForm(dtype)) continue;
    const auto count = static_cast<std::int64_t>(raw.size() / ElementSize(dtype));
    ASSERT_OK_AND_ASSIGN(const JsonTensor back,
                         ReadJsonTensor(Write({dtype, {count}, raw}, true), dtype, kLimit));
    EXPECT_EQ(back.elements, raw) << DTypeName(dtype);
  }
}

}  // namespace
}  // namespace strongroom::serving::api
