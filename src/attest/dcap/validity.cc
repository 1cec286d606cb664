#include "attest/dcap/validity.h"

#include <fmt/format.h>

namespace strongroom::attest::dcap {

Status CheckTimes(std::string_view what, UnixSeconds from, UnixSeconds to, UnixSeconds now) {
  if (now < from) {
    return Untrusted(fmt::format("{} is valid from {}, and it is {}", what, FormatRfc3339(from),
                                 FormatRfc3339(now)));
  }
  if (now > to) {
    return Untrusted(fmt::format("{} was valid until {}, and it is {}", what, FormatRfc3339(to),
                                 FormatRfc3339(now)));
  }
  return {};
}

}  // namespace strongroom::attest::dcap
