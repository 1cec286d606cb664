#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "cli/console.h"

namespace strongroom::cli {

// "encrypted 37 % of 8.0 GiB in 12 files, 1.2 GiB/s": one line on a terminal, redrawn a few times a
// second. Advance may be called from any thread; everything else from the one that owns the
// console, while no other advances.
class ProgressLine {
 public:
  ProgressLine(Console& console, std::string_view verb)
      : console_(console), verb_(verb), begun_(std::chrono::steady_clock::now()) {}

  void Expect(std::uint64_t files, std::uint64_t bytes);
  void Advance(std::uint64_t bytes);
  void Clear() { console_.Progress(""); }

 private:
  using Clock = std::chrono::steady_clock;
  void Draw(Clock::time_point now);

  Console& console_;
  const std::string verb_;
  const Clock::time_point begun_;
  std::mutex drawing_;
  Clock::time_point drawn_;
  std::uint64_t files_ = 0;
  std::uint64_t expected_ = 0;
  std::uint64_t done_ = 0;
};

// "0 B", "1023 B", "1.5 KiB", "8.0 GiB".
std::string HumanBytes(std::uint64_t bytes);

}  // namespace strongroom::cli
