#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "serving/core/tensor.h"

namespace strongroom::serving {

// What a dimension may be: min == max is a fixed one.
struct DimRange {
  std::int64_t min = 0;
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
  bool fixed() const { return min == max; }
};

// One input or output of a model, as its graph declares it.
struct TensorSpec {
  std::string name;
  DType dtype = DType::kFloat32;
  std::vector<DimRange> dims;

  // Dimensions as the protocols write them: -1 where any length goes.
  Shape declared_shape() const;
};

struct Signature {
  std::vector<TensorSpec> inputs;
  std::vector<TensorSpec> outputs;
};

// The index of `name`, or -1.
std::ptrdiff_t IndexOf(std::span<const TensorSpec> specs, std::string_view name);

// Holds one value against its declaration before any engine sees it: type, rank, each dimension (an
// empty one is refused), and that there are exactly as many bytes as the shape says. kMalformed,
// naming found and wanted.
Status CheckTensor(const TensorSpec& spec, const TensorView& value);

// The same for all inputs, which stand in the signature's order.
Status CheckInputs(const Signature& signature, std::span<const TensorView> inputs);

}  // namespace strongroom::serving
