#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "serving/core/buffer.h"
#include "serving/core/dtype.h"

namespace strongroom::serving {

using Shape = std::vector<std::int64_t>;

inline constexpr std::size_t kMaxRank = 16;

// Elements of a tensor of this shape; a scalar (no dimensions) has one. kMalformed for a negative
// dimension or a rank above kMaxRank, kExhausted when `max_elements` is passed, found without
// overflowing.
Result<std::size_t> ElementCount(std::span<const std::int64_t> shape, std::size_t max_elements);

// Bytes of a tensor; the same failures.
Result<std::size_t> ByteCount(DType dtype, std::span<const std::int64_t> shape,
                              std::size_t max_bytes);

// "[2,8,8]"
std::string ShapeText(std::span<const std::int64_t> shape);

// Elements in row-major order, little-endian, in memory that someone else keeps alive for the call.
// May be unaligned.
struct TensorView {
  DType dtype = DType::kFloat32;
  Shape shape;
  ByteView bytes;
};

// Elements with memory of their own, aligned.
class Tensor {
 public:
  Tensor() = default;

  // All zeros. kMalformed and kExhausted as ByteCount.
  static Result<Tensor> Make(DType dtype, Shape shape, std::size_t max_bytes);

  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  ByteView bytes() const { return buffer_.view(); }
  std::span<std::uint8_t> writable() { return buffer_.writable(); }
  TensorView view() const { return {.dtype = dtype_, .shape = shape_, .bytes = buffer_.view()}; }

 private:
  DType dtype_ = DType::kFloat32;
  Shape shape_ = {0};
  Buffer buffer_;
};

}  // namespace strongroom::serving
