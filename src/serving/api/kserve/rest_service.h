#pragma once

#include <string_view>

#include "net/router.h"
#include "serving/api/frontend.h"

namespace strongroom::serving::api::kserve {

// The Open Inference Protocol over REST, under /v2. Errors are {"error": "…"} with Triton's
// statuses. `frontend` is borrowed for the router's life, `version` is the server's.
void AddRoutes(net::Router& router, const Frontend& frontend, std::string_view version);

// {"error": "…"} with the status of the error's code.
net::Response ErrorResponse(const Error& error);

}  // namespace strongroom::serving::api::kserve
