#include "serving/openvino/compiled.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <openvino/runtime/infer_request.hpp>

#include "base/guarded.h"

namespace strongroom::serving::openvino {
namespace {

constexpr std::size_t kMaxOutputBytes = std::size_t{1} << 30;

struct TypePair {
  DType ours;
  ov::element::Type theirs;
};

const std::vector<TypePair>& TypePairs() {
  static const std::vector<TypePair> pairs = {
      {DType::kBool, ov::element::boolean},  {DType::kUint8, ov::element::u8},
      {DType::kUint16, ov::element::u16},    {DType::kUint32, ov::element::u32},
      {DType::kUint64, ov::element::u64},    {DType::kInt8, ov::element::i8},
      {DType::kInt16, ov::element::i16},     {DType::kInt32, ov::element::i32},
      {DType::kInt64, ov::element::i64},     {DType::kFloat16, ov::element::f16},
      {DType::kBfloat16, ov::element::bf16}, {DType::kFloat32, ov::element::f32},
      {DType::kFloat64, ov::element::f64}};
  return pairs;
}

std::optional<DType> FromElement(const ov::element::Type& type) {
  for (const TypePair& pair : TypePairs()) {
    if (pair.theirs == type) return pair.ours;
  }
  return std::nullopt;
}

ov::element::Type ToElement(DType dtype) {
  for (const TypePair& pair : TypePairs()) {
    if (pair.ours == dtype) return pair.theirs;
  }
  return ov::element::dynamic;
}

// The tensor's name; a graph without tensor names is addressed by those of its nodes. Of several
// names the first in alphabetical order, so that it is the same everywhere.
std::string NameOf(const ov::Output<const ov::Node>& port, bool is_output) {
  const auto& names = port.get_names();
  if (!names.empty()) return *std::min_element(names.begin(), names.end());
  if (!is_output) return port.get_node()->get_friendly_name();
  return port.get_node()->get_input_node_ptr(0)->get_friendly_name();
}

Result<TensorSpec> SpecOf(const ov::Output<const ov::Node>& port, bool is_output) {
  TensorSpec spec{.name = NameOf(port, is_output), .dtype = DType::kFloat32, .dims = {}};
  const auto dtype = FromElement(port.get_element_type());
  if (!dtype) {
    return Unsupported(fmt::format("\"{}\" has element type {}, wanted a number or bool", spec.name,
                                   port.get_element_type().get_type_name()));
  }
  spec.dtype = *dtype;
  const ov::PartialShape& shape = port.get_partial_shape();
  if (shape.rank().is_dynamic()) {
    return Unsupported(fmt::format("\"{}\" has no fixed number of dimensions", spec.name));
  }
  for (const ov::Dimension& dim : shape) {
    const std::int64_t max = dim.get_max_length();
    spec.dims.push_back({.min = dim.get_min_length(),
                         .max = max < 0 ? std::numeric_limits<std::int64_t>::max() : max});
  }
  return spec;
}

Status ExpectDistinctNames(const std::vector<TensorSpec>& specs) {
  std::set<std::string_view> seen;
  for (const TensorSpec& spec : specs) {
    if (!seen.insert(spec.name).second)
      return Unsupported(fmt::format("two tensors are named \"{}\"", spec.name));
  }
  return {};
}

class CompiledModel final : public Model {
 public:
  CompiledModel(ov::CompiledModel model, Signature signature, std::string_view platform)
      : model_(std::move(model)), signature_(std::move(signature)), platform_(platform) {}

  const Signature& signature() const override { return signature_; }
  std::string_view platform() const override { return platform_; }

  Result<std::vector<Tensor>> Infer(std::span<const TensorView> inputs,
                                    std::span<const std::size_t> wanted) const override {
    RETURN_IF_ERROR(CheckInputs(signature_, inputs));
    for (const std::size_t index : wanted) {
      if (index >= signature_.outputs.size())
        return Internal("an output was asked for that is not there");
    }
    try {
      ov::InferRequest request = Take();
      auto outputs = Run(request, inputs, wanted);
      // After a failure the request's state is unknown: only good ones are used again.
      if (outputs) idle_.With([&](auto& idle) { idle.push_back(std::move(request)); });
      return outputs;
    } catch (const std::exception& failure) {
      return Internal(fmt::format("inference failed: {:.200}", failure.what()));
    }
  }

 private:
  ov::InferRequest Take() const {
    auto idle = idle_.With([](auto& requests) -> std::optional<ov::InferRequest> {
      if (requests.empty()) return std::nullopt;
      ov::InferRequest request = std::move(requests.back());
      requests.pop_back();
      return request;
    });
    return idle ? std::move(*idle) : model_.create_infer_request();
  }

  Result<std::vector<Tensor>> Run(ov::InferRequest& request, std::span<const TensorView> inputs,
                                  std::span<const std::size_t> wanted) const {
    std::vector<Buffer> aligned;  // must outlive the call
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      ASSIGN_OR_RETURN(std::uint8_t* const data, Aligned(inputs[i], aligned));
      const ov::Shape shape(inputs[i].shape.begin(), inputs[i].shape.end());
      request.set_input_tensor(i, ov::Tensor(ToElement(inputs[i].dtype), shape, data));
    }
    request.infer();
    std::vector<Tensor> outputs;
    outputs.reserve(wanted.size());
    for (const std::size_t index : wanted) {
      ASSIGN_OR_RETURN(Tensor output,
                       CopyOut(request.get_output_tensor(index), signature_.outputs[index]));
      outputs.push_back(std::move(output));
    }
    return outputs;
  }

  // Where the caller's bytes lie if elements are aligned there, else a copy. OpenVINO does not
  // write to inputs.
  static Result<std::uint8_t*> Aligned(const TensorView& input, std::vector<Buffer>& keep) {
    if (reinterpret_cast<std::uintptr_t>(input.bytes.data()) % ElementSize(input.dtype) == 0) {
      return const_cast<std::uint8_t*>(input.bytes.data());
    }
    ASSIGN_OR_RETURN(Buffer copy, Buffer::Copy(input.bytes, Secrecy::kOrdinary));
    keep.push_back(std::move(copy));
    return keep.back().writable().data();
  }

  static Result<Tensor> CopyOut(const ov::Tensor& from, const TensorSpec& spec) {
    if (from.get_element_type() != ToElement(spec.dtype))
      return Internal("an output changed its type");
    // One copy: each call of get_shape may build the shape anew.
    // NOLINTNEXTLINE(performance-unnecessary-copy-initialization)
    const ov::Shape shape = from.get_shape();
    ASSIGN_OR_RETURN(Tensor out,
                     Tensor::Make(spec.dtype, Shape(shape.begin(), shape.end()), kMaxOutputBytes));
    if (!out.bytes().empty())
      from.copy_to(ov::Tensor(from.get_element_type(), shape, out.writable().data()));
    return out;
  }

  mutable ov::CompiledModel model_;
  Signature signature_;
  std::string_view platform_;
  mutable Guarded<std::vector<ov::InferRequest>> idle_;
};

}  // namespace

Result<Signature> SignatureOf(const ov::CompiledModel& model) {
  Signature signature;
  for (const auto& port : model.inputs()) {
    ASSIGN_OR_RETURN(TensorSpec spec, SpecOf(port, false));
    signature.inputs.push_back(std::move(spec));
  }
  for (const auto& port : model.outputs()) {
    ASSIGN_OR_RETURN(TensorSpec spec, SpecOf(port, true));
    signature.outputs.push_back(std::move(spec));
  }
  RETURN_IF_ERROR(ExpectDistinctNames(signature.inputs));
  RETURN_IF_ERROR(ExpectDistinctNames(signature.outputs));
  return signature;
}

std::unique_ptr<Model> WrapCompiled(ov::CompiledModel model, Signature signature,
                                    std::string_view platform) {
  return std::make_unique<CompiledModel>(std::move(model), std::move(signature), platform);
}

}  // namespace strongroom::serving::openvino
