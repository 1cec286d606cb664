#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "serving/api/json_tensor.h"
#include "serving/core/signature.h"

namespace strongroom::serving::api::tfs {

enum class RestFormat { kRows, kColumns };

// A :predict body: one tensor for each of the signature's inputs, in its order.
struct RestPredict {
  std::string signature;
  RestFormat format = RestFormat::kRows;
  std::vector<JsonTensor> inputs;
};

// Reads `instances` (row format) or `inputs` (column format) against the model's inputs. kMalformed
// for both, neither, an empty list, rows that differ in inputs or shapes; kUnsupported for types
// without a JSON form.
Result<RestPredict> ParsePredict(std::string_view body, const Signature& signature,
                                 std::size_t max_bytes);

// `predictions` or `outputs`, bare for one output, else keyed by name. kMalformed: rows are wanted,
// and the outputs do not share their first dimension; kUnsupported as above.
Result<std::string> WritePredictions(RestFormat format, std::span<const TensorSpec> specs,
                                     std::span<const Tensor> outputs);

}  // namespace strongroom::serving::api::tfs
