#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "base/proto_wire.h"
#include "serving/api/typed_values.h"

namespace strongroom::serving::api::tfs {

// tensorflow.DataType of the types that we carry.
int TfType(DType dtype);
std::optional<DType> FromTfType(std::uint64_t type);
std::string_view TfTypeName(DType dtype);  // "DT_FLOAT"

// Reads a tensorflow.TensorProto without copying where it can: tensor_content, and runs of floats,
// stay where they are in `proto`, which must outlive the result. A list that is shorter than the
// shape goes on with its last value, up to `max_bytes`. kMalformed for what contradicts itself,
// kUnsupported for types that we do not carry, kExhausted.
Result<DecodedTensor> DecodeTensorProto(ByteView proto, std::size_t max_bytes);

// Appends a length-delimited TensorProto as field `number`, with values in the list of their type,
// as TensorFlow Serving answers.
void EncodeTensorProto(ProtoWriter& writer, std::uint32_t number, const TensorView& tensor);
// Bytes that it appends after its own tag and length.
std::size_t TensorProtoSize(const TensorView& tensor);

}  // namespace strongroom::serving::api::tfs
