#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "serving/api/typed_values.h"
#include "serving/core/signature.h"

namespace strongroom::serving::api::kserve {

// Inputs of a request, and outputs that it asks for; by gRPC and REST alike.
inline constexpr std::size_t kMaxTensors = 1024;

// One input of an inference.ModelInferRequest; views point into the message.
struct InferInput {
  std::string_view name;
  std::string_view datatype;
  Shape shape;
  ByteView contents;  // an InferTensorContents
  bool has_contents = false;
};

struct InferRequest {
  std::string_view model;
  std::string_view version;  // empty: the one that is served
  std::string_view id;
  std::vector<InferInput> inputs;
  std::vector<std::string_view> outputs;  // empty: all
  std::vector<ByteView> raw;              // empty, or one for each input
};

// kMalformed for what contradicts itself, as contents beside raw ones; kUnsupported for tensors in
// shared memory and for classification, which are not offered.
Result<InferRequest> DecodeInferRequest(ByteView message);

// The elements of one input. Raw ones, and runs of floats, stay in the message, which must outlive
// the result.
Result<DecodedTensor> DecodeInput(const InferRequest& request, std::size_t index,
                                  std::size_t max_bytes);

// An answer, its tensors in the order and with the names of `specs`.
struct InferAnswer {
  std::string_view model;
  std::int64_t version = 0;
  std::string_view id;
  std::vector<std::pair<std::string_view, TensorView>> outputs;
};

// inference.ModelInferResponse; with raw_output_contents, or typed contents where every output's
// type has them.
Bytes EncodeInferResponse(const InferAnswer& answer, bool raw);

// Whether the type can stand in typed contents and in JSON: 16-bit floats cannot.
bool HasTypedContents(DType dtype);

}  // namespace strongroom::serving::api::kserve
