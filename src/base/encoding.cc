#include "base/encoding.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace strongroom {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kStd =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrl =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::uint8_t LowByte(std::uint32_t value) { return static_cast<std::uint8_t>(value & 0xff); }

using ReverseTable = std::array<std::int8_t, 256>;

constexpr ReverseTable Reverse(std::string_view alphabet) {
  ReverseTable table{};
  table.fill(-1);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    table[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::int8_t>(i);
  }
  return table;
}
constexpr ReverseTable kStdReverse = Reverse(kStd);
constexpr ReverseTable kUrlReverse = Reverse(kUrl);

// Three bytes are four characters. Group by group and not character by character: an activation
// carries kilobytes of PEM.
constexpr std::size_t kGroupBytes = 3;
constexpr std::size_t kGroupCharacters = 4;

void EncodeGroup(std::uint32_t group, std::string_view alphabet, std::size_t characters, char* to) {
  for (std::size_t i = 0; i < characters; ++i) to[i] = alphabet[(group >> (18 - 6 * i)) & 63];
}

std::string Encode(ByteView bytes, std::string_view alphabet, bool pad) {
  const std::size_t rest = bytes.size() % kGroupBytes;
  const std::size_t last = rest == 0 ? 0 : pad ? kGroupCharacters : rest + 1;
  std::string out(bytes.size() / kGroupBytes * kGroupCharacters + last, '=');
  char* to = out.data();
  const std::uint8_t* from = bytes.data();
  for (std::size_t left = bytes.size(); left >= kGroupBytes; left -= kGroupBytes) {
    EncodeGroup(std::uint32_t{from[0]} << 16 | std::uint32_t{from[1]} << 8 | from[2], alphabet,
                kGroupCharacters, to);
    from += kGroupBytes;
    to += kGroupCharacters;
  }
  if (rest == 0) return out;
  const std::uint32_t second = rest == 2 ? from[1] : 0;
  EncodeGroup(std::uint32_t{from[0]} << 16 | second << 8, alphabet, rest + 1, to);
  return out;
}

// Up to four characters as 24 bits, the missing ones zeros; more than 24 bits when one is foreign.
std::uint32_t DecodeGroup(std::string_view text, const ReverseTable& table) {
  std::uint32_t group = 0;
  for (std::size_t i = 0; i < kGroupCharacters; ++i) {
    const std::int32_t value = i < text.size() ? table[static_cast<std::uint8_t>(text[i])] : 0;
    group = group << 6 | static_cast<std::uint32_t>(value);
  }
  return group;
}

std::unexpected<Error> ForeignCharacter(std::string_view text, const ReverseTable& table) {
  const auto known = [&](char c) { return table[static_cast<std::uint8_t>(c)] >= 0; };
  const auto at = std::ranges::find_if_not(text, known) - text.begin();
  return Malformed(fmt::format("base64 has a foreign character at offset {}", at));
}

// `text` without its padding.
Result<Bytes> Decode(std::string_view text, const ReverseTable& table) {
  if (text.size() % kGroupCharacters == 1)
    return Malformed(
        fmt::format("base64 of {} characters, wanted a whole number of bytes", text.size()));
  Bytes out(text.size() * kGroupBytes / kGroupCharacters);
  std::uint32_t seen = 0;
  std::uint32_t group = 0;
  std::uint8_t* to = out.data();
  std::string_view left = text;
  for (; left.size() >= kGroupCharacters; left.remove_prefix(kGroupCharacters)) {
    group = DecodeGroup(left.substr(0, kGroupCharacters), table);
    seen |= group;
    for (unsigned shift = 24; shift > 0; shift -= 8) *to++ = LowByte(group >> (shift - 8));
  }
  group = DecodeGroup(left, table);
  if (((seen | group) >> 24) != 0) return ForeignCharacter(text, table);
  for (unsigned shift = 24; to != out.data() + out.size(); shift -= 8, group &= (1U << shift) - 1)
    *to++ = LowByte(group >> (shift - 8));
  if (group != 0) return Malformed("base64 ends in stray bits");
  return out;
}

bool Unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

}  // namespace

std::string HexEncode(ByteView bytes) {
  std::string out(bytes.size() * 2, '0');
  char* to = out.data();
  for (const std::uint8_t byte : bytes) {
    *to++ = kHex[byte >> 4];
    *to++ = kHex[byte & 15];
  }
  return out;
}

Result<Bytes> HexDecode(std::string_view text) {
  if (text.size() % 2 != 0)
    return Malformed(fmt::format("hex of {} digits, wanted an even number", text.size()));
  Bytes out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = HexValue(text[i]), low = HexValue(text[i + 1]);
    if (high < 0 || low < 0)
      return Malformed(
          fmt::format("hex has a foreign character at offset {}", i + (high < 0 ? 0 : 1)));
    out.push_back(static_cast<std::uint8_t>(high * 16 + low));
  }
  return out;
}

std::string Base64Encode(ByteView bytes) { return Encode(bytes, kStd, true); }
std::string Base64UrlEncode(ByteView bytes) { return Encode(bytes, kUrl, false); }

Result<Bytes> Base64Decode(std::string_view text) {
  if (text.size() % 4 != 0)
    return Malformed(fmt::format("base64 of {} characters, wanted a multiple of 4", text.size()));
  if (text.ends_with("==")) text.remove_suffix(2);
  else if (text.ends_with('=')) text.remove_suffix(1);
  return Decode(text, kStdReverse);
}

Result<Bytes> Base64UrlDecode(std::string_view text) {
  if (text.size() % 4 == 0 && text.ends_with("==")) text.remove_suffix(2);
  else if (text.size() % 4 == 0 && text.ends_with('=')) text.remove_suffix(1);
  return Decode(text, kUrlReverse);
}

std::string PercentEncode(std::string_view text) {
  constexpr std::string_view upper = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (Unreserved(c)) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<std::uint8_t>(c);
    out.push_back('%');
    out.push_back(upper[byte >> 4]);
    out.push_back(upper[byte & 15]);
  }
  return out;
}

Result<std::string> PercentDecode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    const int high = i + 2 < text.size() ? HexValue(text[i + 1]) : -1;
    const int low = high >= 0 ? HexValue(text[i + 2]) : -1;
    if (low < 0)
      return Malformed(fmt::format("percent sign at offset {} without two hex digits", i));
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return out;
}

}  // namespace strongroom
