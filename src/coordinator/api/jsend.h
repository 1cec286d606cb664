#pragma once

#include <functional>
#include <string_view>

#include "base/error.h"
#include "base/json.h"
#include "net/http.h"

// The envelope of the client API, as MarbleRun's clients read it (marblerun.md 2.2).
namespace strongroom::coordinator {

// {"status":"success","data":…}; `data` writes exactly one value.
net::Response Success(const std::function<void(JsonWriter&)>& data);
net::Response SuccessNull();

// {"status":"error","data":null,"message":…}, as plain text; without the message when it is empty.
net::Response Failure(int status, std::string_view message);

// An error by MarbleRun's few statuses: 401 for a certificate that is no user's, 400 for a
// malformed request, 409 for another manifest than the client meant (ours: only our clients say
// what they mean), 500 for the rest.
net::Response FailureOf(const Error& error);

}  // namespace strongroom::coordinator
