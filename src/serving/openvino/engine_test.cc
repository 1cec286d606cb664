#include "serving/openvino/engine.h"

#include <cstring>
#include <fstream>
#include <thread>

#include "serving/openvino/test_models.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::serving::openvino {
namespace {

using strongroom::testing::Fails;
using ::testing::ElementsAre;

template <class T>
Tensor Of(DType dtype, Shape shape, const std::vector<T>& values) {
  Tensor out = Tensor::Make(dtype, std::move(shape), 1 << 24).value();
  EXPECT_EQ(out.bytes().size(), values.size() * sizeof(T));
  std::memcpy(out.writable().data(), values.data(), out.bytes().size());
  return out;
}

template <class T>
std::vector<T> Values(const Tensor& tensor) {
  std::vector<T> out(tensor.bytes().size() / sizeof(T));
  std::memcpy(out.data(), tensor.bytes().data(), tensor.bytes().size());
  return out;
}

class EngineTest : public ::testing::Test {
 protected:
  std::unique_ptr<Engine> engine_ = MakeEngine({.threads = 2}).value();
};

TEST_F(EngineTest, IrAnswersWithTypesAndNamesOfItsGraph) {
  ASSERT_OK_AND_ASSIGN(const auto model, engine_->Load(testing::TwoByTwoIr()));
  const Signature& signature = model->signature();
  ASSERT_EQ(signature.inputs.size(), 2u);
  EXPECT_EQ(signature.inputs[1].name, "b");
  EXPECT_EQ(signature.inputs[1].dtype, DType::kInt32);
  EXPECT_THAT(signature.inputs[1].declared_shape(), ElementsAre(2));
  EXPECT_EQ(signature.outputs[0].name, "sum");
  EXPECT_EQ(model->platform(), "OpenVINO");

  const Tensor a = Of<float>(DType::kFloat32, {2}, {1.5F, 2.5F});
  const Tensor b = Of<std::int32_t>(DType::kInt32, {2}, {10, -20});
  const TensorView inputs[] = {a.view(), b.view()};
  const std::size_t both[] = {1, 0};
  ASSERT_OK_AND_ASSIGN(const auto outputs, model->Infer(inputs, both));
  EXPECT_THAT(Values<std::int32_t>(outputs[0]), ElementsAre(20, -40));
  EXPECT_THAT(Values<float>(outputs[1]), ElementsAre(11.5F, -17.5F));
}

TEST_F(EngineTest, OnnxAnswersForAnyBatch) {
  ASSERT_OK_AND_ASSIGN(const auto model, engine_->Load(testing::OnnxFiles(testing::AddOneOnnx())));
  EXPECT_EQ(model->platform(), "onnx_onnxv1");
  EXPECT_THAT(model->signature().inputs[0].declared_shape(), ElementsAre(-1, 2));
  for (const std::int64_t batch : {1, 3, 2}) {
    const Tensor x = Of<float>(DType::kFloat32, {batch, 2},
                               std::vector<float>(static_cast<std::size_t>(batch * 2), 4));
    const TensorView inputs[] = {x.view()};
    const std::size_t wanted[] = {0};
    ASSERT_OK_AND_ASSIGN(const auto outputs, model->Infer(inputs, wanted));
    EXPECT_THAT(outputs[0].shape(), ElementsAre(batch, 2));
    EXPECT_THAT(Values<float>(outputs[0]), ::testing::Each(5.0F));
  }
}

TEST_F(EngineTest, InputsThatDoNotFitAreRefusedBeforeTheEngine) {
  ASSERT_OK_AND_ASSIGN(const auto model, engine_->Load(testing::DenseIr(4, 2, 1)));
  const Bytes bytes(4096);
  const struct {
    const char* name;
    TensorView view;
    const char* text;
  } rows[] = {
      {"type", {DType::kFloat64, {1, 4}, ByteView(bytes).first(32)}, "has type FP64, wanted FP32"},
      {"rank", {DType::kFloat32, {4}, ByteView(bytes).first(16)}, "has shape [4], wanted [-1,4]"},
      {"width",
       {DType::kFloat32, {1, 5}, ByteView(bytes).first(20)},
       "has shape [1,5], wanted [-1,4]"},
      {"negative batch", {DType::kFloat32, {-1, 4}, ByteView(bytes).first(16)}, "has shape [-1,4]"},
      {"empty batch", {DType::kFloat32, {0, 4}, ByteView()}, "no empty dimension"},
      {"bytes missing", {DType::kFloat32, {2, 4}, ByteView(bytes).first(31)}, "has 31 bytes"},
      {"bytes left over", {DType::kFloat32, {1, 4}, ByteView(bytes).first(17)}, "has 17 bytes"},
      {"product overflows",
       {DType::kFloat32, {std::int64_t{1} << 61, 4}, ByteView(bytes).first(16)},
       "has 16 bytes"},
      {"huge batch",
       {DType::kFloat32, {std::numeric_limits<std::int64_t>::max(), 4}, bytes},
       "has 4096 bytes"},
  };
  const std::size_t wanted[] = {0};
  for (const auto& row : rows) {
    const TensorView inputs[] = {row.view};
    EXPECT_THAT(model->Infer(inputs, wanted), Fails(Code::kMalformed, row.text)) << row.name;
  }
  EXPECT_THAT(model->Infer({}, wanted), Fails(Code::kMalformed, "found 0 inputs, wanted 1"));
}

TEST_F(EngineTest, WhereTheInputLiesDoesNotChangeTheAnswer) {
  ASSERT_OK_AND_ASSIGN(const auto model, engine_->Load(testing::DenseIr(64, 10, 3)));
  std::vector<float> values(64 * 5);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 13) - 6;
  ASSERT_OK_AND_ASSIGN(Buffer memory, Buffer::Allocate(values.size() * 4 + 64, Secrecy::kOrdinary));
  Bytes first;
  for (std::size_t offset = 0; offset < 64; ++offset) {
    std::memcpy(memory.writable().data() + offset, values.data(), values.size() * 4);
    const TensorView inputs[] = {
        {DType::kFloat32, {5, 64}, memory.view().subspan(offset, values.size() * 4)}};
    const std::size_t wanted[] = {0};
    ASSERT_OK_AND_ASSIGN(const auto outputs, model->Infer(inputs, wanted));
    if (offset == 0) first = ToBytes(outputs[0].bytes());
    EXPECT_EQ(ToBytes(outputs[0].bytes()), first) << "offset " << offset;
  }
}

TEST_F(EngineTest, ManyThreadsGetTheAnswersOfOne) {
  ASSERT_OK_AND_ASSIGN(const auto model, engine_->Load(testing::DenseIr(32, 8, 5)));
  const auto ask = [&](int row) {
    const Tensor x =
        Of<float>(DType::kFloat32, {1, 32}, std::vector<float>(32, static_cast<float>(row) / 7));
    const TensorView inputs[] = {x.view()};
    const std::size_t wanted[] = {0};
    return ToBytes(model->Infer(inputs, wanted).value()[0].bytes());
  };
  std::vector<Bytes> alone;
  for (int row = 0; row < 8; ++row) alone.push_back(ask(row));
  std::vector<Bytes> together(8);
  {
    std::vector<std::jthread> threads;
    for (int row = 0; row < 8; ++row) {
      threads.emplace_back([&, row] { together[static_cast<std::size_t>(row)] = ask(row); });
    }
  }
  EXPECT_EQ(together, alone);
}

TEST_F(EngineTest, SpoiledModelsAreRefusedWithoutQuotingThem) {
  ModelFiles truncated = testing::DenseIr(4, 2, 1);
  truncated.weights =
      Buffer::Copy(truncated.weights.view().first(8), Secrecy::kConfidential).value();
  EXPECT_THAT(engine_->Load(std::move(truncated)),
              Fails(Code::kMalformed, "OpenVINO refused the model"));

  const std::string_view odd =
      "<?xml version=\"1.0\"?><net name=\"secretname\" version=\"11\"><layers></net>";
  ModelFiles broken = {.format = ModelFormat::kOpenVinoIr,
                       .graph = Buffer::Copy(AsBytes(odd), Secrecy::kOrdinary).value(),
                       .weights = {}};
  const auto refused = engine_->Load(std::move(broken));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message().find("secretname"), std::string::npos)
      << refused.error().ToString();

  EXPECT_THAT(engine_->Load(testing::OnnxFiles(ToBytes("\x08\x08\x3a\x02zz"))),
              Fails(Code::kMalformed, ""));
}

TEST_F(EngineTest, EveryTruncationOfOnnxIsRefusedOrLoadsWhole) {
  const Bytes onnx = testing::AddOneOnnx();
  strongroom::testing::ForEachTruncation(onnx, [&](ByteView bytes, std::size_t length) {
    const auto model = engine_->Load(testing::OnnxFiles(bytes));
    if (!model) return;
    EXPECT_EQ((*model)->signature().inputs[0].name, "x") << length;
  });
}

TEST(EngineSettingsTest, Bf16NeedsAProcessorThatHasIt) {
  const std::string without[] = {"FP32", "INT8"};
  const std::string with[] = {"FP32", "BF16"};
  EXPECT_THAT(CheckPrecision(Precision::kBf16, without), Fails(Code::kUnsupported, "emulated"));
  EXPECT_OK(CheckPrecision(Precision::kBf16, with));
  EXPECT_OK(CheckPrecision(Precision::kF32, without));
}

TEST(EngineSettingsTest, WhatOpenVinoCallsNativeIsWhatTheProcessorHas) {
  ASSERT_OK_AND_ASSIGN(const auto capabilities, Capabilities());
  std::ifstream cpuinfo("/proc/cpuinfo");
  const std::string text{std::istreambuf_iterator<char>(cpuinfo), {}};
  const bool has = text.contains("avx512_bf16") || text.contains("amx_bf16");
  EXPECT_EQ(CheckPrecision(Precision::kBf16, capabilities).has_value(), has);
}

TEST(EngineSettingsTest, RefusesNonsense) {
  EXPECT_THAT(MakeEngine({.threads = 0}), Fails(Code::kMalformed, "at least 1"));
}

// Parsers that are not measured must not be there: the process may only have mapped the parts that
// we ship.
TEST(EngineRuntimeTest, OnlyTheNeededPartsOfOpenVinoAreMapped) {
  ASSERT_OK_AND_ASSIGN(const auto engine, MakeEngine({.threads = 1}));
  ASSERT_OK(engine->Load(testing::DenseIr(4, 2, 1)));
  ASSERT_OK(engine->Load(testing::OnnxFiles(testing::AddOneOnnx())));
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (!line.contains("openvino") && !line.contains("libtbb")) continue;
    if (!line.contains(".so")) continue;
    const std::string name = line.substr(line.rfind('/') + 1);
    EXPECT_THAT(name, ::testing::AnyOf(::testing::StartsWith("libopenvino.so"),
                                       ::testing::StartsWith("libtbb.so"),
                                       "libopenvino_intel_cpu_plugin.so",
                                       ::testing::StartsWith("libopenvino_ir_frontend.so"),
                                       ::testing::StartsWith("libopenvino_onnx_frontend.so")));
  }
}

}  // namespace
}  // namespace strongroom::serving::openvino
