#include "coordinator/api/jsend.h"

#include <utility>

namespace strongroom::coordinator {

net::Response Success(const std::function<void(JsonWriter&)>& data) {
  JsonWriter w;
  w.Object().Key("status").String("success").Key("data");
  data(w);
  w.End();
  return net::Response::Json(200, w.text());
}

net::Response SuccessNull() {
  return Success([](JsonWriter& w) { w.Null(); });
}

net::Response Failure(int status, std::string_view message) {
  JsonWriter w;
  w.Object().Key("status").String("error").Key("data").Null();
  if (!message.empty()) w.Key("message").String(message);
  w.End();
  net::Response out = net::Response::Text(status, w.text() + "\n");
  out.headers.Set("x-content-type-options", "nosniff");
  return out;
}

net::Response FailureOf(const Error& error) {
  switch (error.code()) {
    case Code::kUntrusted: return Failure(401, error.message());
    case Code::kMalformed: return Failure(400, error.message());
    case Code::kConflict: return Failure(409, error.message());
    default: return Failure(500, error.message());
  }
}

}  // namespace strongroom::coordinator
