#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace strongroom::coordinator {

// How many refusals go into the audit log, and with a warning into the program's: anyone on the
// network can cause them, and each costs room for good. A burst, then a few a minute; those beyond
// are counted and told with the next one.
class RefusalMeter {
 public:
  // The number of refusals left out since the last that was written, when this one may be written;
  // nothing when it is to be left out too.
  std::optional<std::uint64_t> Admit(UnixSeconds now);

 private:
  static constexpr std::int64_t kBurst = 100;
  static constexpr std::int64_t kSecondsEach = 6;

  std::int64_t tokens_ = kBurst;
  UnixSeconds refilled_{};
  std::uint64_t left_out_ = 0;
};

}  // namespace strongroom::coordinator
