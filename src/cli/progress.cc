#include "cli/progress.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace strongroom::cli {
namespace {

constexpr std::chrono::milliseconds kQuiet(500);  // short work draws nothing
constexpr std::chrono::milliseconds kRedraw(100);

}  // namespace

std::string HumanBytes(std::uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  constexpr std::array kUnits = {"KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

void ProgressLine::Expect(std::uint64_t files, std::uint64_t bytes) {
  files_ = files;
  expected_ = bytes;
}

void ProgressLine::Advance(std::uint64_t bytes) {
  const std::lock_guard lock(drawing_);
  done_ += bytes;
  const auto now = Clock::now();
  if (!console_.ShowsProgress() || now - begun_ < kQuiet || now - drawn_ < kRedraw) return;
  drawn_ = now;
  Draw(now);
}

void ProgressLine::Draw(Clock::time_point now) {
  const double seconds = std::chrono::duration<double>(now - begun_).count();
  const auto rate = static_cast<std::uint64_t>(static_cast<double>(done_) / seconds);
  // Ciphertext is a little larger than plaintext: the expectation may be a percent high, never
  // reached early.
  const std::uint64_t percent =
      expected_ == 0 ? 0 : std::min<std::uint64_t>(99, done_ * 100 / expected_);
  console_.Progress(fmt::format("{} {} % of {}{}, {}/s", verb_, percent, HumanBytes(expected_),
                                files_ > 1 ? fmt::format(" in {} files", files_) : "",
                                HumanBytes(rate)));
}

}  // namespace strongroom::cli
