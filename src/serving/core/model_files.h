#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "serving/core/buffer.h"

namespace strongroom::serving {

enum class ModelFormat : std::uint8_t {
  kOpenVinoIr,  // graph: the .xml text; weights: the .bin
  kOnnx,        // graph: the .onnx file; no weights beside it
};

// The plaintext of one model version, in memory only.
struct ModelFiles {
  ModelFormat format = ModelFormat::kOpenVinoIr;
  Buffer graph;
  Buffer weights;
};

// Where models come from. Port: folders of plain or protected files are in serving/models.
class ModelSource {
 public:
  virtual ~ModelSource() = default;

  // Versions that are there now, ascending. kNotFound when the model's folder is not there.
  virtual Result<std::vector<std::int64_t>> Versions(std::string_view model) = 0;

  // The plaintext of one version. Errors say which file is wrong and why; none holds a byte of it.
  virtual Result<ModelFiles> Read(std::string_view model, std::int64_t version) = 0;
};

}  // namespace strongroom::serving
