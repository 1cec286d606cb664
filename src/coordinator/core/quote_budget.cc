#include "coordinator/core/quote_budget.h"

#include <algorithm>

#include <fmt/format.h>

namespace strongroom::coordinator {

Status QuoteBudget::Take(UnixSeconds now) {
  if (!counted_ || now < *counted_) counted_ = now;
  // No more than a full burst is earned, however long the clock says it took.
  const std::int64_t seconds = std::min(now - *counted_, limits_.quote_burst);
  left_ = std::min(limits_.quote_burst, left_ + seconds * limits_.quotes_per_second);
  counted_ = now;
  if (left_ == 0) {
    return Exhausted(
        fmt::format("the coordinator is asked for too many quotes, wanted at most {} at once and "
                    "{} a second; try again in a few seconds",
                    limits_.quote_burst, limits_.quotes_per_second));
  }
  --left_;
  return {};
}

}  // namespace strongroom::coordinator
