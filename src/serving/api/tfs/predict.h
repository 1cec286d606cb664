#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "serving/api/frontend.h"
#include "serving/api/tfs/messages.h"

namespace strongroom::serving::api::tfs {

inline constexpr std::string_view kServingDefault = "serving_default";

// The version that a ModelSpec means. kDenied; kNotFound and kMalformed with TensorFlow Serving's
// texts.
Result<Handle> AcquireSpec(const Frontend& frontend, const Caller& caller, const ModelSpec& spec);

// kPrecondition unless it is empty or serving_default: models here have one signature.
Status CheckSignatureName(std::string_view name);

// Indices of the outputs a filter names, in its order; all of them for an empty one. kMalformed.
Result<std::vector<std::size_t>> ChooseOutputs(const Signature& signature,
                                               std::span<const std::string_view> filter);

// kMalformed unless `names` (sorted, distinct) are exactly the signature's inputs.
Status CheckInputNames(const Signature& signature, std::span<const std::string_view> names);

}  // namespace strongroom::serving::api::tfs
