#pragma once

#include <algorithm>
#include <cstdint>

#include "attest/claims.h"
#include "crypto/crl.h"
#include "crypto/x509.h"

namespace strongroom::attest::dcap {

inline constexpr ValidityWindow kAlways = {UnixSeconds{INT64_MIN}, UnixSeconds{INT64_MAX}};

// The part of `window` in which [from, to] holds too.
inline void Narrow(ValidityWindow& window, UnixSeconds from, UnixSeconds to) {
  window.latest_issue = std::max(window.latest_issue, from);
  window.earliest_expiry = std::min(window.earliest_expiry, to);
}
inline void Narrow(ValidityWindow& window, const ValidityWindow& other) {
  Narrow(window, other.latest_issue, other.earliest_expiry);
}
inline void Narrow(ValidityWindow& window, const crypto::Certificate& certificate) {
  Narrow(window, certificate.fields().not_before, certificate.fields().not_after);
}

// kUntrusted when `now` is outside of [from, to], bounds inclusive; `what` names the thing in the
// message.
Status CheckTimes(std::string_view what, UnixSeconds from, UnixSeconds to, UnixSeconds now);

}  // namespace strongroom::attest::dcap
