#include "serving/core/tensor.h"

#include <algorithm>
#include <limits>

#include "serving/core/signature.h"
#include "testing/result_matchers.h"

namespace strongroom::serving {
namespace {

using strongroom::testing::Fails;
constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

TEST(ElementCountTest, MultipliesWithoutOverflowing) {
  EXPECT_EQ(ElementCount(Shape{}, 10).value(), 1u);
  EXPECT_EQ(ElementCount(Shape{2, 3, 4}, 24).value(), 24u);
  EXPECT_EQ(ElementCount(Shape{kHuge, 0, kHuge}, 1).value(), 0u);
  const struct {
    const char* name;
    Shape shape;
    std::size_t limit;
    Code code;
  } rows[] = {
      {"one above the limit", {2, 3, 4}, 23, Code::kExhausted},
      {"wraps to zero", {std::int64_t{1} << 32, std::int64_t{1} << 32}, kNoLimit, Code::kExhausted},
      {"wraps to one", {std::int64_t{0x5555555555555555}, 3, 3}, kNoLimit, Code::kExhausted},
      {"three huge", {kHuge, kHuge, kHuge}, kNoLimit, Code::kExhausted},
      {"negative", {2, -1}, 10, Code::kMalformed},
      {"negative beside zero", {0, -5}, 10, Code::kMalformed},
      {"two negatives", {-2, -2}, 10, Code::kMalformed},
      {"least number", {std::numeric_limits<std::int64_t>::min()}, 10, Code::kMalformed},
      {"rank 17", Shape(17, 1), 10, Code::kMalformed},
  };
  for (const auto& row : rows)
    EXPECT_THAT(ElementCount(row.shape, row.limit), Fails(row.code, "")) << row.name;
}

TEST(ByteCountTest, CountsElementSizesAgainstTheLimit) {
  EXPECT_EQ(ByteCount(DType::kFloat64, Shape{4}, 32).value(), 32u);
  EXPECT_THAT(ByteCount(DType::kFloat64, Shape{4}, 31),
              Fails(Code::kExhausted, "more than 3 elements"));
  EXPECT_THAT(ByteCount(DType::kFloat32, Shape{std::int64_t{1} << 62}, kNoLimit),
              Fails(Code::kExhausted, ""));
}

TEST(TensorTest, IsAlignedZeroAndMovable) {
  ASSERT_OK_AND_ASSIGN(Tensor tensor, Tensor::Make(DType::kInt32, {3, 5}, 1000));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.bytes().data()) % Buffer::kAlignment, 0u);
  EXPECT_TRUE(std::all_of(tensor.bytes().begin(), tensor.bytes().end(),
                          [](auto byte) { return byte == 0; }));
  tensor.writable()[7] = 9;
  const Tensor moved = std::move(tensor);
  EXPECT_EQ(moved.bytes()[7], 9);
  EXPECT_THAT(Tensor::Make(DType::kInt32, {251}, 1000), Fails(Code::kExhausted, ""));
}

// Memory that says whether it came back overwritten.
class WatchedMemory final : public std::pmr::memory_resource {
 public:
  bool wiped = false;

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    return std::pmr::new_delete_resource()->allocate(bytes, alignment);
  }
  void do_deallocate(void* data, std::size_t bytes, std::size_t alignment) override {
    const auto* begin = static_cast<const std::uint8_t*>(data);
    wiped = std::all_of(begin, begin + bytes, [](std::uint8_t byte) { return byte == 0; });
    std::pmr::new_delete_resource()->deallocate(data, bytes, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

TEST(BufferTest, OnlyConfidentialMemoryIsOverwritten) {
  for (const Secrecy secrecy : {Secrecy::kOrdinary, Secrecy::kConfidential}) {
    WatchedMemory memory;
    {
      Buffer buffer = Buffer::Allocate(100, secrecy, &memory).value();
      std::fill(buffer.writable().begin(), buffer.writable().end(), std::uint8_t{0xaa});
      Buffer moved;
      moved = std::move(buffer);
      EXPECT_EQ(moved.size(), 100u);
    }
    EXPECT_EQ(memory.wiped, secrecy == Secrecy::kConfidential);
  }
}

TEST(BufferTest, TooMuchIsAnErrorNotAnAbort) {
  EXPECT_THAT(Buffer::Allocate(std::size_t{1} << 62, Secrecy::kOrdinary),
              Fails(Code::kExhausted, "no memory"));
}

TEST(SignatureTest, DimensionsWithBoundsAreHeldToThem) {
  const TensorSpec spec{.name = "x", .dtype = DType::kUint8, .dims = {{.min = 2, .max = 4}}};
  const Bytes bytes(5);
  const auto check = [&](std::int64_t size) {
    return CheckTensor(
        spec, {DType::kUint8, {size}, ByteView(bytes).first(static_cast<std::size_t>(size))});
  };
  EXPECT_THAT(check(1), Fails(Code::kMalformed, "has shape [1], wanted [-1]"));
  EXPECT_OK(check(2));
  EXPECT_OK(check(4));
  EXPECT_THAT(check(5), Fails(Code::kMalformed, "has shape [5]"));
}

TEST(DTypeTest, NamesReadBack) {
  for (const DType dtype : kAllDTypes) {
    EXPECT_EQ(ParseDType(DTypeName(dtype)), dtype);
    EXPECT_GE(ElementSize(dtype), 1u);
  }
  EXPECT_EQ(ParseDType("BYTES"), std::nullopt);
  EXPECT_EQ(ParseDType("fp32"), std::nullopt);
  EXPECT_EQ(ParseDType(""), std::nullopt);
}

}  // namespace
}  // namespace strongroom::serving
