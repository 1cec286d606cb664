#include "serving/openvino/adopted_tensor.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include <openvino/openvino.hpp>

#include "serving/core/engine.h"
#include "serving/openvino/compiled.h"
#include "serving/openvino/engine.h"
#include "serving/openvino/test_models.h"
#include "testing/result_matchers.h"

namespace strongroom::serving::openvino {
namespace {

// Memory that notes whether what comes back was overwritten.
class WatchedMemory final : public std::pmr::memory_resource {
 public:
  std::size_t live = 0;
  std::size_t returned = 0;
  bool all_wiped = true;

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    live += bytes;
    return std::pmr::new_delete_resource()->allocate(bytes, alignment);
  }
  void do_deallocate(void* data, std::size_t bytes, std::size_t alignment) override {
    const auto* begin = static_cast<const std::uint8_t*>(data);
    all_wiped =
        all_wiped && std::all_of(begin, begin + bytes, [](std::uint8_t byte) { return byte == 0; });
    live -= bytes;
    returned += bytes;
    std::pmr::new_delete_resource()->deallocate(data, bytes, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

Buffer CopyInto(ByteView bytes, std::pmr::memory_resource* memory) {
  Buffer out = Buffer::Allocate(bytes.size(), Secrecy::kConfidential, memory).value();
  std::copy(bytes.begin(), bytes.end(), out.writable().begin());
  return out;
}

Bytes Answer(const Model& model, std::int64_t batch, std::int64_t width) {
  Tensor x = Tensor::Make(DType::kFloat32, {batch, width}, 1 << 24).value();
  for (std::size_t i = 0; i < x.bytes().size() / 4; ++i) {
    const float value = static_cast<float>(i % 17) / 16.0F;
    std::memcpy(x.writable().data() + i * 4, &value, 4);
  }
  const TensorView inputs[] = {x.view()};
  const std::size_t wanted[] = {0};
  return ToBytes(model.Infer(inputs, wanted).value()[0].bytes());
}

TEST(AdoptedTensorTest, OwnsTheBytesUntilTheLastCopyIsGone) {
  WatchedMemory memory;
  const Bytes bytes(1000, 0x5a);
  {
    std::optional<ov::Tensor> first = AdoptAsTensor(CopyInto(bytes, &memory));
    const ov::Tensor second = *first;
    first.reset();
    EXPECT_EQ(memory.live, 1000u);
    EXPECT_EQ(std::memcmp(second.data(), bytes.data(), bytes.size()), 0);
  }
  EXPECT_EQ(memory.live, 0u);
  EXPECT_EQ(memory.returned, 1000u);
  EXPECT_TRUE(memory.all_wiped);
}

// The trap this class is for: OpenVINO reads the source weights as long as the compiled model
// lives.
TEST(AdoptedTensorTest, WeightsLiveExactlyAsLongAsTheModelAndAreWiped) {
  constexpr std::int64_t kWidth = 256;
  const ModelFiles files = testing::DenseIr(kWidth, 128, 7);
  WatchedMemory memory;
  const Bytes before = [&] {
    auto engine = MakeEngine({.threads = 2}).value();
    return Answer(*engine->Load(testing::Clone(files)).value(), 3, kWidth);
  }();
  {
    ModelFiles watched = {.format = files.format,
                          .graph = CopyInto(files.graph.view(), &memory),
                          .weights = CopyInto(files.weights.view(), &memory)};
    const std::size_t weights = watched.weights.size();
    auto engine = MakeEngine({.threads = 2}).value();
    std::unique_ptr<Model> model = engine->Load(std::move(watched)).value();
    engine.reset();
    EXPECT_EQ(memory.live, weights) << "the graph's text goes at once, the weights stay";
    EXPECT_EQ(Answer(*model, 3, kWidth), before);
    EXPECT_NE(Answer(*model, 40, kWidth), before) << "another batch packs weights anew";
    EXPECT_EQ(Answer(*model, 3, kWidth), before);
    EXPECT_EQ(memory.live, weights);
  }
  EXPECT_EQ(memory.live, 0u);
  EXPECT_TRUE(memory.all_wiped);
}

}  // namespace
}  // namespace strongroom::serving::openvino
