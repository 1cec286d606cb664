#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "serving/api/frontend.h"
#include "serving/api/typed_values.h"

namespace strongroom::serving::api::kserve {

// The version that a request's name and version text mean. kDenied, kNotFound, kMalformed for a
// version that is no number.
Result<Handle> AcquireVersion(const Frontend& frontend, const Caller& caller,
                              std::string_view model, std::string_view version);

// Where in the signature's order each named input goes. kMalformed when one is unknown, missing or
// there twice.
Result<std::vector<std::size_t>> PlaceInputs(const Signature& signature,
                                             std::span<const std::string_view> names,
                                             std::string_view model);

// Indices of the outputs asked for; all for none. kMalformed for an unknown one or one asked for
// twice.
Result<std::vector<std::size_t>> ChooseOutputs(const Signature& signature,
                                               std::span<const std::string_view> names,
                                               std::string_view model);

// Versions of a model that answer now, ascending.
std::vector<std::int64_t> AvailableVersions(const Manager& manager, std::string_view model);

inline constexpr std::string_view kServerName = "strongroom";

}  // namespace strongroom::serving::api::kserve
