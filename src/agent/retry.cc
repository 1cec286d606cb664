#include "agent/retry.h"

#include <algorithm>
#include <array>

namespace strongroom::agent {

using std::chrono::milliseconds;

milliseconds BackOff::Next() {
  constexpr milliseconds longest{10'000};
  std::array<std::uint8_t, 2> random{};
  entropy_.Fill(random);
  const std::int64_t share = random[0] * 256 + random[1];  // of 65536
  const milliseconds wait = base_ - base_ / 2 * share / 65536;
  base_ = std::min(base_ * 2, longest);
  return wait;
}

std::expected<Activation, ActivationError> WithRetries(
    const std::function<std::expected<Activation, ActivationError>()>& attempt, milliseconds limit,
    BackOff& back_off, const Sleep& sleep,
    const std::function<void(const ActivationError&, milliseconds)>& on_retry) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (true) {
    auto result = attempt();
    if (result.has_value() || result.error().stage != Stage::kConnect) return result;
    const milliseconds wait = back_off.Next();
    if (std::chrono::steady_clock::now() + wait >= end) return result;
    on_retry(result.error(), wait);
    if (!sleep(wait)) return result;
  }
}

}  // namespace strongroom::agent
