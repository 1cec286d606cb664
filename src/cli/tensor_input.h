#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "cli/tensor.h"

namespace strongroom::cli {

// A tensor for a model, and the input it is for; the name is empty when none was given.
using TensorInput = std::pair<std::string, Tensor>;

// Reads what --input names, `[NAME=]FILE[@DATATYPE:DIM,DIM,…]`:
//   image.npy                      NumPy's format, told by its magic
//   image.json                     {"datatype": "FP32", "shape": [1, 4], "data": […]}, KServe v2's
//   form of a tensor, data nested
//                                  or flat; a "name" in it counts where NAME is not given
//   image.bin@FP32:1,28,28         raw little-endian elements
// kMalformed, naming the file, when it is none of these or holds another number of elements than
// its shape.
Result<TensorInput> ReadTensorInput(std::string_view text);

// The JSON form alone.
Result<TensorInput> ParseTensorJson(std::string_view json);

// "FP32:1,28,28" for raw bytes.
Result<Tensor> RawTensor(std::string_view description, ByteView bytes);

}  // namespace strongroom::cli
