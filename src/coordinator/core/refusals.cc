#include "coordinator/core/refusals.h"

#include <algorithm>
#include <utility>

namespace strongroom::coordinator {

std::optional<std::uint64_t> RefusalMeter::Admit(UnixSeconds now) {
  const std::int64_t earned = std::max<std::int64_t>(0, (now - refilled_) / kSecondsEach);
  if (earned > 0 || now < refilled_) {
    tokens_ = std::min(kBurst, tokens_ + earned);
    refilled_ = now;
  }
  if (tokens_ == 0) {
    ++left_out_;
    return std::nullopt;
  }
  --tokens_;
  return std::exchange(left_out_, 0);
}

}  // namespace strongroom::coordinator
