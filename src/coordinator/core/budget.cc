#include "coordinator/core/budget.h"

#include <fmt/format.h>

namespace strongroom::coordinator {

Status ActivationBudget::Reserve(const std::string& marble, std::uint64_t limit) {
  Count& count = counts_[marble];
  if (limit != 0 && count.used + count.reserved >= limit) {
    return Denied(fmt::format("marble \"{}\" was activated {} times, wanted at most {}", marble,
                              count.used + count.reserved, limit));
  }
  ++count.reserved;
  return {};
}

void ActivationBudget::Use(const std::string& marble) {
  Count& count = counts_[marble];
  --count.reserved;
  ++count.used;
}

void ActivationBudget::GiveBack(const std::string& marble) { --counts_[marble].reserved; }

}  // namespace strongroom::coordinator
