#pragma once

#include <chrono>
#include <functional>

#include "agent/activation.h"

namespace strongroom::agent {

// Waits between attempts: 0.25 s, doubled each time up to 10 s, each shortened by up to half at
// random, so that a cluster that restarts does not knock in step.
class BackOff {
 public:
  explicit BackOff(Entropy& entropy) : entropy_(entropy) {}
  std::chrono::milliseconds Next();

 private:
  Entropy& entropy_;
  std::chrono::milliseconds base_{250};
};

// Waits, or returns false at once when there is nothing to wait for any more (a signal).
using Sleep = std::function<bool(std::chrono::milliseconds)>;

// Attempts while the stage of failure is kConnect and `limit` has not passed since the first.
// Returns the last failure. `on_retry` is told before each wait.
std::expected<Activation, ActivationError> WithRetries(
    const std::function<std::expected<Activation, ActivationError>()>& attempt,
    std::chrono::milliseconds limit, BackOff& back_off, const Sleep& sleep,
    const std::function<void(const ActivationError&, std::chrono::milliseconds)>& on_retry);

}  // namespace strongroom::agent
