#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace strongroom {

// Seconds since 1970-01-01T00:00:00Z. Verifiers take one as an argument; nothing below main asks
// the machine.
enum class UnixSeconds : std::int64_t {};

constexpr std::int64_t ToInt(UnixSeconds t) { return static_cast<std::int64_t>(t); }
constexpr UnixSeconds operator+(UnixSeconds t, std::int64_t seconds) {
  return UnixSeconds{ToInt(t) + seconds};
}
constexpr std::int64_t operator-(UnixSeconds a, UnixSeconds b) { return ToInt(a) - ToInt(b); }

// "2026-11-21T13:38:55Z", exactly 20 characters (RFC 3339, UTC, no fraction). kMalformed otherwise.
Result<UnixSeconds> ParseRfc3339(std::string_view text);
std::string FormatRfc3339(UnixSeconds t);

class Clock {
 public:
  virtual ~Clock() = default;
  virtual UnixSeconds Now() const = 0;
};

class SystemClock final : public Clock {
 public:
  UnixSeconds Now() const override;
};

// A clock that a test sets.
class FixedClock final : public Clock {
 public:
  explicit FixedClock(UnixSeconds now) : now_(now) {}
  UnixSeconds Now() const override { return now_; }
  void Set(UnixSeconds now) { now_ = now; }

 private:
  UnixSeconds now_;
};

}  // namespace strongroom
