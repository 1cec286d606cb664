#include "base/uuid.h"

#include <array>

#include <fmt/format.h>

#include "base/encoding.h"

namespace strongroom {
namespace {

constexpr std::size_t kDashes[] = {8, 13, 18, 23};
constexpr std::size_t kDashedSize = 36;
constexpr std::size_t kBareSize = 32;
constexpr std::string_view kUrn = "urn:uuid:";

std::string WithDashes(std::string digits) {
  for (const std::size_t dash : kDashes) digits.insert(dash, 1, '-');
  return digits;
}

}  // namespace

std::string MakeUuid(Entropy& entropy) {
  std::array<std::uint8_t, 16> bytes{};
  entropy.Fill(bytes);
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0f) | 0x40);  // version 4
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80);  // RFC 4122's variant
  return WithDashes(HexEncode(bytes));
}

Result<std::string> CanonicalUuid(std::string_view text) {
  const auto refusal = [text] {
    return Malformed(
        fmt::format("\"{}\" is no UUID, wanted one like "
                    "123e4567-e89b-12d3-a456-426614174000",
                    text.substr(0, 64)));
  };
  std::string_view rest = text;
  if (rest.starts_with(kUrn)) {
    rest.remove_prefix(kUrn.size());
    if (rest.size() != kDashedSize) return refusal();
  } else if (rest.size() == kDashedSize + 2 && rest.front() == '{' && rest.back() == '}') {
    rest = rest.substr(1, kDashedSize);
  }
  std::string digits(rest);
  if (rest.size() == kDashedSize) {
    digits.clear();
    for (std::size_t i = 0; i < rest.size(); ++i) {
      const bool dash = i == kDashes[0] || i == kDashes[1] || i == kDashes[2] || i == kDashes[3];
      if (dash != (rest[i] == '-')) return refusal();
      if (!dash) digits += rest[i];
    }
  }
  const auto bytes = HexDecode(digits);
  if (digits.size() != kBareSize || !bytes.has_value()) return refusal();
  return WithDashes(HexEncode(*bytes));
}

}  // namespace strongroom
