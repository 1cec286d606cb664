#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "serving/core/tensor.h"

namespace strongroom::serving::api::tfs {

// The version that OpenVINO Model Server's client names when its user names none; any model may
// also have it.
inline constexpr std::int64_t kDefaultVersion = 0;

// tensorflow.serving.ModelSpec; views point into the message.
struct ModelSpec {
  std::string_view name;
  std::optional<std::int64_t> version;
  std::optional<std::string_view> label;
  std::string_view signature;
};

// tensorflow.serving.PredictRequest, with each TensorProto still as it came.
struct PredictRequest {
  ModelSpec spec;
  std::vector<std::pair<std::string_view, ByteView>> inputs;  // each name once
  std::vector<std::string_view> output_filter;
};

// kMalformed. A message without ModelSpec, or without a name in it, is among those: every call
// needs one.
Result<PredictRequest> DecodePredictRequest(ByteView message);

// The ModelSpec of any of the requests, which all hold it as field 1, and the texts of the repeated
// field 2.
struct SpecRequest {
  ModelSpec spec;
  std::vector<std::string_view> texts;
};
Result<SpecRequest> DecodeSpecRequest(ByteView message);

// What an answer says about the version that served it.
struct ServedSpec {
  std::string_view name;
  std::int64_t version = 0;
  std::string_view signature;
};

Bytes EncodePredictResponse(const ServedSpec& spec,
                            const std::vector<std::pair<std::string_view, TensorView>>& outputs);

}  // namespace strongroom::serving::api::tfs
