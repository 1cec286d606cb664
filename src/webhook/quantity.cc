#include "webhook/quantity.h"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include <fmt/format.h>

namespace strongroom::webhook {
namespace {

constexpr double kMost = 1152921504606846976.0;  // 1 EiB
constexpr std::size_t kLongest = 32;

constexpr std::array<std::pair<std::string_view, double>, 13> kSuffixes = {{
    {"Ki", 1024.0},
    {"Mi", 1024.0 * 1024},
    {"Gi", 1024.0 * 1024 * 1024},
    {"Ti", 1024.0 * 1024 * 1024 * 1024},
    {"Pi", 1024.0 * 1024 * 1024 * 1024 * 1024},
    {"Ei", kMost},
    {"k", 1e3},
    {"M", 1e6},
    {"G", 1e9},
    {"T", 1e12},
    {"P", 1e15},
    {"E", 1e18},
    {"m", 1e-3},
}};

std::unexpected<Error> NoQuantity(std::string_view text) {
  return Malformed(
      fmt::format("\"{}\" is no size, wanted a quantity such as 64Mi", text.substr(0, kLongest)));
}

}  // namespace

Result<std::uint64_t> ParseBytes(std::string_view quantity) {
  if (quantity.empty() || quantity.size() > kLongest || quantity.front() == '-')
    return NoQuantity(quantity);
  std::string_view number = quantity;
  if (number.front() == '+') number.remove_prefix(1);
  double factor = 1;
  for (const auto& [suffix, value] : kSuffixes) {
    if (!number.ends_with(suffix)) continue;
    number.remove_suffix(suffix.size());
    factor = value;
    break;
  }
  // Digits and one point, or an exponent where there is no suffix; never "inf", "nan" or hex.
  const std::string_view allowed = factor == 1 ? "0123456789.eE+-" : "0123456789.";
  if (number.empty() || number.find_first_not_of(allowed) != std::string_view::npos)
    return NoQuantity(quantity);
  double value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error == std::errc::result_out_of_range)
    return Exhausted(fmt::format("size {} is out of range, wanted at most 1Ei", quantity));
  if (error != std::errc() || end != number.data() + number.size()) return NoQuantity(quantity);
  const double bytes = std::ceil(value * factor);
  if (bytes > kMost) return Exhausted(fmt::format("size {}, wanted at most 1Ei", quantity));
  if (bytes < 1) return Malformed(fmt::format("size {}, wanted more than nothing", quantity));
  return static_cast<std::uint64_t>(bytes);
}

std::uint64_t MebibytesFor(std::uint64_t bytes) { return (bytes + (1U << 20) - 1) >> 20; }

}  // namespace strongroom::webhook
