#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "serving/api/typed_values.h"
#include "serving/core/signature.h"

namespace strongroom::serving::api::kserve {

struct RestInput {
  std::string name;
  std::string datatype;
  Shape shape;
  std::string_view data;             // the JSON text of its values; empty when they are binary
  std::optional<ByteView> elements;  // binary ones
};

struct RestOutput {
  std::string name;
  std::optional<bool> binary;
};

// An inference request over REST, with or without the binary tensor data extension. Views point
// into the body and into `document`, which travels with them.
struct RestInferRequest {
  std::string id;
  std::vector<RestInput> inputs;
  std::vector<RestOutput> outputs;  // empty: all
  bool binary_by_default = false;
  JsonDocument document;
};

// `json_bytes` is what Inference-Header-Content-Length says; without it the whole body is JSON.
// kMalformed; kUnsupported for what is not offered (shared memory, classification); kExhausted.
Result<RestInferRequest> ParseInferRequest(ByteView body, std::optional<std::size_t> json_bytes);

// A body that is nothing but the elements of the only input of `signature`; its shape follows from
// their number.
Result<RestInferRequest> RawInferRequest(ByteView body, const Signature& signature);

// The elements of one input, checked against its shape.
Result<DecodedTensor> DecodeRestInput(const RestInput& input, std::size_t max_bytes);

struct RestAnswer {
  std::string_view model;
  std::int64_t version = 0;
  std::string_view id;
  struct Output {
    std::string_view name;
    TensorView tensor;
    bool binary = false;
  };
  std::vector<Output> outputs;
};

// The body, and how much of it is JSON if elements follow.
struct RestBody {
  Bytes bytes;
  std::optional<std::size_t> json_bytes;
};

// kMalformed when an output of 16-bit floats is not asked for as binary: JSON has no form for them.
Result<RestBody> WriteInferAnswer(const RestAnswer& answer);

}  // namespace strongroom::serving::api::kserve
