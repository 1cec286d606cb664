#pragma once

#include "net/router.h"
#include "serving/api/frontend.h"

namespace strongroom::serving::api::tfs {

// TensorFlow Serving's REST interface under /v1/models: predict, status, metadata. `frontend` is
// borrowed for the router's life. Tensors of text, and :classify and :regress, are not served.
void AddRoutes(net::Router& router, const Frontend& frontend);

// What TensorFlow Serving answers to any other path under /v1/: 400 {"error": "Malformed request:
// GET /v1/…"}.
net::Response MalformedRequest(const net::Request& request);

}  // namespace strongroom::serving::api::tfs
