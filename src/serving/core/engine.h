#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "serving/core/model_files.h"
#include "serving/core/signature.h"

namespace strongroom::serving {

// A model that an engine made ready to answer. Safe from any thread.
class Model {
 public:
  virtual ~Model() = default;

  virtual const Signature& signature() const = 0;

  // The graph's format as peers name it: "OpenVINO", "onnx_onnxv1".
  virtual std::string_view platform() const = 0;

  // Computes the outputs whose indices stand in `wanted`, in that order. `inputs` stand in the
  // signature's order and are checked against it first (kMalformed). Blocks the calling thread.
  // kInternal: the engine failed.
  virtual Result<std::vector<Tensor>> Infer(std::span<const TensorView> inputs,
                                            std::span<const std::size_t> wanted) const = 0;
};

// Turns the bytes of a model into one that answers. Port: the real one is OpenVINO, tests bring
// their own.
class Engine {
 public:
  virtual ~Engine() = default;

  // Takes the bytes over; they are overwritten when the last that reads them is gone, which may be
  // the returned model. kMalformed: not a model of its declared format; kUnsupported: one that the
  // engine cannot run.
  virtual Result<std::unique_ptr<Model>> Load(ModelFiles files) = 0;
};

}  // namespace strongroom::serving
