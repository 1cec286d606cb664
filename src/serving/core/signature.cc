#include "serving/core/signature.h"

#include <fmt/format.h>

namespace strongroom::serving {

Shape TensorSpec::declared_shape() const {
  Shape out;
  out.reserve(dims.size());
  for (const DimRange& dim : dims) out.push_back(dim.fixed() ? dim.min : -1);
  return out;
}

std::ptrdiff_t IndexOf(std::span<const TensorSpec> specs, std::string_view name) {
  for (std::size_t i = 0; i < specs.size(); ++i) {
    if (specs[i].name == name) return static_cast<std::ptrdiff_t>(i);
  }
  return -1;
}

Status CheckTensor(const TensorSpec& spec, const TensorView& value) {
  if (value.dtype != spec.dtype) {
    return Malformed(fmt::format("input \"{}\" has type {}, wanted {}", spec.name,
                                 DTypeName(value.dtype), DTypeName(spec.dtype)));
  }
  const auto wrong_shape = [&] {
    return Malformed(fmt::format("input \"{}\" has shape {}, wanted {}", spec.name,
                                 ShapeText(value.shape), ShapeText(spec.declared_shape())));
  };
  if (value.shape.size() != spec.dims.size()) return wrong_shape();
  for (std::size_t i = 0; i < spec.dims.size(); ++i) {
    const std::int64_t dim = value.shape[i];
    if (dim < spec.dims[i].min || dim > spec.dims[i].max) return wrong_shape();
    if (dim < 1) {
      return Malformed(fmt::format("input \"{}\" has shape {}, wanted no empty dimension",
                                   spec.name, ShapeText(value.shape)));
    }
  }
  const auto wanted = ByteCount(spec.dtype, value.shape, std::numeric_limits<std::size_t>::max());
  if (!wanted || *wanted != value.bytes.size()) {
    return Malformed(fmt::format("input \"{}\" has {} bytes, wanted what shape {} of {} takes",
                                 spec.name, value.bytes.size(), ShapeText(value.shape),
                                 DTypeName(spec.dtype)));
  }
  return {};
}

Status CheckInputs(const Signature& signature, std::span<const TensorView> inputs) {
  if (inputs.size() != signature.inputs.size()) {
    return Malformed(
        fmt::format("found {} inputs, wanted {}", inputs.size(), signature.inputs.size()));
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    RETURN_IF_ERROR(CheckTensor(signature.inputs[i], inputs[i]));
  }
  return {};
}

}  // namespace strongroom::serving
