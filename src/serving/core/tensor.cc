#include "serving/core/tensor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace strongroom::serving {

Result<std::size_t> ElementCount(std::span<const std::int64_t> shape, std::size_t max_elements) {
  if (shape.size() > kMaxRank) {
    return Malformed(
        fmt::format("shape has {} dimensions, wanted at most {}", shape.size(), kMaxRank));
  }
  // A zero anywhere makes the product zero, however large the others are; but a sign is wrong
  // wherever it stands.
  bool has_zero = false;
  for (const std::int64_t dim : shape) {
    if (dim < 0)
      return Malformed(fmt::format("shape {} has a negative dimension", ShapeText(shape)));
    has_zero = has_zero || dim == 0;
  }
  if (has_zero) return 0;
  std::size_t count = 1;
  for (const std::int64_t dim : shape) {
    if (static_cast<std::uint64_t>(dim) > max_elements / count) {
      return Exhausted(
          fmt::format("shape {} has more than {} elements", ShapeText(shape), max_elements));
    }
    count *= static_cast<std::size_t>(dim);
  }
  return count;
}

Result<std::size_t> ByteCount(DType dtype, std::span<const std::int64_t> shape,
                              std::size_t max_bytes) {
  ASSIGN_OR_RETURN(const std::size_t count, ElementCount(shape, max_bytes / ElementSize(dtype)));
  return count * ElementSize(dtype);
}

std::string ShapeText(std::span<const std::int64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape.begin(), shape.end(), ","));
}

Result<Tensor> Tensor::Make(DType dtype, Shape shape, std::size_t max_bytes) {
  ASSIGN_OR_RETURN(const std::size_t size, ByteCount(dtype, shape, max_bytes));
  Tensor out;
  out.dtype_ = dtype;
  out.shape_ = std::move(shape);
  ASSIGN_OR_RETURN(out.buffer_, Buffer::Allocate(size, Secrecy::kOrdinary));
  return out;
}

}  // namespace strongroom::serving
