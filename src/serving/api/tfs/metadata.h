#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "serving/core/manager.h"

namespace strongroom::serving::api::tfs {

// kMalformed unless there is at least one field and each is "signature_def".
Status CheckMetadataFields(std::span<const std::string_view> fields);

// tensorflow.serving.GetModelMetadataResponse with the one signature that a model here has.
Bytes EncodeModelMetadata(const Servable& servable);

// The statuses that a request asks for. kNotFound with TensorFlow Serving's texts.
Result<std::vector<VersionStatus>> StatusesOf(const Manager& manager, std::string_view model,
                                              std::optional<std::int64_t> version);

// tensorflow.serving.GetModelStatusResponse.
Bytes EncodeModelStatus(std::span<const VersionStatus> statuses);

}  // namespace strongroom::serving::api::tfs
