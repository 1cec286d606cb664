#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/metrics.h"
#include "serving/core/access.h"
#include "serving/core/manager.h"

namespace strongroom::serving::api {

// Largest request message or body, and largest tensor made from one.
inline constexpr std::size_t kMaxRequestBytes = std::size_t{64} << 20;

// A tensor may be larger than its message only up to this: a single value may stand for a whole
// tensor, and a request must not cost a hundred times its size.
std::size_t MaxTensorBytes(std::size_t message_bytes);

// What the front ends stand on. All borrowed for life.
struct Frontend {
  const Manager& manager;
  const AccessList& access;
  Metrics& metrics;
};

// Who asks: the client's leaf certificate, null without one.
struct Caller {
  const Bytes* certificate = nullptr;
};

// Counts one request and, when it succeeded, its time, under its dialect and method; only models
// that are known get a label of their own. Call once, when the answer is known.
class RequestMeter {
 public:
  RequestMeter(const Frontend& frontend, std::string_view dialect, std::string_view method);
  void Finish(std::string_view model, const std::optional<Error>& error);

 private:
  const Frontend& frontend_;
  std::string dialect_;
  std::string method_;
  std::int64_t started_ns_;
};

// Runs `handler` and meters it.
template <class F>
auto Metered(const Frontend& frontend, std::string_view dialect, std::string_view method,
             std::string& model, F handler) {
  RequestMeter meter(frontend, dialect, method);
  auto result = handler();
  meter.Finish(model, result ? std::nullopt : std::optional<Error>(result.error()));
  return result;
}

}  // namespace strongroom::serving::api
