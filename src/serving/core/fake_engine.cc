#include "serving/core/fake_engine.h"

#include <sstream>

namespace strongroom::serving::testing {
namespace {

Result<TensorSpec> ParseSpec(const std::string& word) {
  std::stringstream parts(word);
  std::string name;
  std::string dtype;
  std::string dims;
  std::getline(parts, name, ':');
  std::getline(parts, dtype, ':');
  std::getline(parts, dims, ':');
  const auto type = ParseDType(dtype);
  if (name.empty() || !type) return Malformed("no echo model");
  TensorSpec spec{.name = name, .dtype = *type, .dims = {}};
  std::stringstream list(dims);
  for (std::string dim; std::getline(list, dim, ',');) {
    const std::int64_t size = std::stoll(dim);
    spec.dims.push_back(size < 0 ? DimRange{} : DimRange{.min = size, .max = size});
  }
  return spec;
}

}  // namespace

Result<std::unique_ptr<Model>> EchoEngine::Load(ModelFiles files) {
  Signature signature;
  std::stringstream words(ToText(files.graph.view()));
  for (std::string word; words >> word;) {
    ASSIGN_OR_RETURN(TensorSpec spec, ParseSpec(word));
    signature.inputs.push_back(spec);
    spec.name += "_out";
    signature.outputs.push_back(std::move(spec));
  }
  if (signature.inputs.empty()) return Malformed("no echo model");
  return std::make_unique<FakeModel>(
      std::move(signature),
      [](std::span<const TensorView> inputs,
         std::span<const std::size_t> wanted) -> Result<std::vector<Tensor>> {
        std::vector<Tensor> outputs;
        for (const std::size_t index : wanted) {
          const TensorView& input = inputs[index];
          ASSIGN_OR_RETURN(Tensor copy,
                           Tensor::Make(input.dtype, input.shape, std::size_t{1} << 30));
          std::copy(input.bytes.begin(), input.bytes.end(), copy.writable().begin());
          outputs.push_back(std::move(copy));
        }
        return outputs;
      });
}

ModelFiles EchoFiles(std::string_view inputs) {
  return {.format = ModelFormat::kOpenVinoIr,
          .graph = Buffer::Copy(AsBytes(inputs), Secrecy::kOrdinary).value(),
          .weights = {}};
}

Result<std::vector<std::int64_t>> MemoryModels::Versions(std::string_view model) {
  const auto found = versions.find(model);
  if (found == versions.end()) return NotFound("no such model");
  std::vector<std::int64_t> out;
  for (const auto& [version, text] : found->second) out.push_back(version);
  return out;
}

Result<ModelFiles> MemoryModels::Read(std::string_view model, std::int64_t version) {
  const auto found = versions.find(model);
  if (found == versions.end() || !found->second.contains(version))
    return NotFound("no such version");
  return EchoFiles(found->second.at(version));
}

}  // namespace strongroom::serving::testing
