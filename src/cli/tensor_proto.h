#pragma once

#include "base/result.h"
#include "cli/tensor.h"
#include "tensorflow_core.pb.h"

namespace strongroom::cli {

// A tensor as TensorFlow Serving takes it: the elements in tensor_content. kUnsupported for a
// datatype that is none of kDatatypes.
Result<tensorflow::TensorProto> ToTensorProto(const Tensor& tensor);

// A tensor of an answer, its elements in tensor_content or in the list of its type. kUnsupported
// for text and other types that are none of kDatatypes; kMalformed when the elements are not as
// many as the shape says, or do not fit their type.
Result<Tensor> FromTensorProto(const tensorflow::TensorProto& proto);

}  // namespace strongroom::cli
