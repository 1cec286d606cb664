#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string_view>

namespace strongroom {

// All of `text` as a decimal number of this type, with a minus sign where the type has one. Empty
// for anything else: no digits, a plus sign, spaces, more behind it, out of range.
template <std::integral T>
std::optional<T> ParseDecimal(std::string_view text) {
  T value = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || at != text.data() + text.size()) return std::nullopt;
  return value;
}

// Without spaces, tabs and ends of lines around it.
std::string_view Trimmed(std::string_view text);

}  // namespace strongroom
