#pragma once

#include <string_view>

#include <nlohmann/json.hpp>

#include "base/result.h"

namespace strongroom::webhook::testing {

// Applies a JSON Patch as RFC 6902 says (add, remove, replace, test): what an API server makes of
// an answer. Every operation must succeed. kMalformed: no patch; kNotFound: a place that is not
// there; kConflict: a test that does not hold.
Result<nlohmann::json> ApplyPatch(nlohmann::json document, const nlohmann::json& patch);

}  // namespace strongroom::webhook::testing
