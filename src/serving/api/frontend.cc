#include "serving/api/frontend.h"

#include <algorithm>
#include <chrono>

namespace strongroom::serving::api {
namespace {

constexpr std::size_t kFillFloor = 64 * 1024;
constexpr std::size_t kFillFactor = 64;

std::int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

std::size_t MaxTensorBytes(std::size_t message_bytes) {
  return std::min(kMaxRequestBytes, std::max(kFillFloor, message_bytes * kFillFactor));
}

RequestMeter::RequestMeter(const Frontend& frontend, std::string_view dialect,
                           std::string_view method)
    : frontend_(frontend), dialect_(dialect), method_(method), started_ns_(NowNs()) {}

void RequestMeter::Finish(std::string_view model, const std::optional<Error>& error) {
  const bool known = !frontend_.manager.Statuses(model).empty();
  const std::string label = known ? std::string(model) : "";
  frontend_.metrics
      .CounterOf("strongroom_serving_requests_total", "Requests answered, by outcome.",
                 {{"model", label},
                  {"dialect", dialect_},
                  {"method", method_},
                  {"status", error ? std::string(CodeName(error->code())) : "ok"}})
      .Add();
  if (error) return;
  static const std::vector<double> bounds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                             0.01,   0.025,   0.05,   0.1,   0.25,   0.5,
                                             1,      2.5,     5,      10};
  frontend_.metrics
      .HistogramOf("strongroom_serving_seconds",
                   "Time from decoding a request to its answer, successes only.", bounds,
                   {{"model", label}, {"dialect", dialect_}, {"method", method_}})
      .Observe(static_cast<double>(NowNs() - started_ns_) / 1e9);
}

}  // namespace strongroom::serving::api
