#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "serving/core/model_files.h"

namespace strongroom::serving::openvino::testing {

// y = softmax(x W + b), x [?,inputs] named "x", y [?,outputs] named "y"; weights from `seed`. As
// OpenVINO IR.
ModelFiles DenseIr(std::int64_t inputs, std::int64_t outputs, std::uint32_t seed);

// Two inputs "a" [2] f32 and "b" [2] i32, two outputs "sum" f32 [2] and "twice" i32 [2]. As
// OpenVINO IR.
ModelFiles TwoByTwoIr();

// y = x + 1 for x [?,2]; written field by field, so that tests can spoil it.
Bytes AddOneOnnx(bool external_weights = false);
ModelFiles OnnxFiles(ByteView onnx);

// Another owner of the same bytes.
ModelFiles Clone(const ModelFiles& files);

}  // namespace strongroom::serving::openvino::testing
