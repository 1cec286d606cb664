#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "base/result.h"

namespace strongroom::coordinator {

struct QuoteLimits {
  std::int64_t quote_burst = 50;
  std::int64_t quotes_per_second = 10;
};

// How many quotes strangers may cost: anyone on the network can ask for one, and a TEE makes them
// slowly, one after the other. A burst, then some a second; a clock that goes back gives nothing.
// Not thread-safe; the owner guards it.
class QuoteBudget {
 public:
  explicit QuoteBudget(const QuoteLimits& limits) : limits_(limits), left_(limits.quote_burst) {}

  // kExhausted when there is nothing left to take.
  Status Take(UnixSeconds now);

 private:
  const QuoteLimits limits_;
  std::int64_t left_;
  std::optional<UnixSeconds> counted_;
};

}  // namespace strongroom::coordinator
