#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "cli/tensor.h"

// What model servers answer, as their client reads it. Whose certificate is right may still answer
// anything: each output that is returned is as long as its shape and datatype say.
namespace strongroom::cli {

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

// A serialized tensorflow.serving.PredictResponse. kMalformed when it cannot be read or an output
// contradicts itself; kUnsupported for text and other types without a datatype here.
Result<NamedTensors> ReadPredictAnswer(ByteView message);

// A serialized inference.ModelInferResponse, its contents raw as they were asked for. Errors as
// above.
Result<NamedTensors> ReadModelInferAnswer(ByteView message);

// KServe v2's answer in JSON: {"outputs": [{name, datatype, shape, data}]}, data flat. Errors as
// above.
Result<NamedTensors> ReadRestAnswer(const Json& answer);

}  // namespace strongroom::cli
