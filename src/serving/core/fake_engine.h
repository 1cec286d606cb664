#pragma once

#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "serving/core/engine.h"
#include "serving/core/model_files.h"

namespace strongroom::serving::testing {

using FakeInfer = std::function<Result<std::vector<Tensor>>(std::span<const TensorView>,
                                                            std::span<const std::size_t>)>;

// A model whose answers a test writes. Checks its inputs as every model must.
class FakeModel final : public Model {
 public:
  FakeModel(Signature signature, FakeInfer infer)
      : signature_(std::move(signature)), infer_(std::move(infer)) {}
  const Signature& signature() const override { return signature_; }
  std::string_view platform() const override { return "fake"; }
  Result<std::vector<Tensor>> Infer(std::span<const TensorView> inputs,
                                    std::span<const std::size_t> wanted) const override {
    RETURN_IF_ERROR(CheckInputs(signature_, inputs));
    return infer_(inputs, wanted);
  }

 private:
  Signature signature_;
  FakeInfer infer_;
};

// Makes models whose outputs are copies of their inputs: output i of input i, under the name
// "<input>_out". The graph's text is the list of inputs: "a:FP32:-1,2 b:INT32:2".
class EchoEngine final : public Engine {
 public:
  Result<std::unique_ptr<Model>> Load(ModelFiles files) override;
};

// The files of such a model.
ModelFiles EchoFiles(std::string_view inputs);

// A source that holds models in memory: versions[model][version] is the graph's text.
class MemoryModels final : public ModelSource {
 public:
  std::map<std::string, std::map<std::int64_t, std::string>, std::less<>> versions;

  Result<std::vector<std::int64_t>> Versions(std::string_view model) override;
  Result<ModelFiles> Read(std::string_view model, std::int64_t version) override;
};

}  // namespace strongroom::serving::testing
