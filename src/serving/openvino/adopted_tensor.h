#pragma once

#include <openvino/runtime/tensor.hpp>

#include "serving/core/buffer.h"

namespace strongroom::serving::openvino {

// A tensor of bytes that owns `buffer`: its memory lives exactly as long as anything in OpenVINO
// still refers to it, which for weights is until the last compiled model is gone, and is
// overwritten by the buffer then.
ov::Tensor AdoptAsTensor(Buffer buffer);

}  // namespace strongroom::serving::openvino
