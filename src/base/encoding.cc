#include "base/encoding.h"

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

std::string Encode(ByteView bytes, std::string_view alphabet, bool pad) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  std::uint32_t group = 0;
  unsigned bits = 0;
  for (const std::uint8_t byte : bytes) {
    group = (group << 8) | byte;
    for (bits += 8; bits >= 6; bits -= 6) out.push_back(alphabet[(group >> (bits - 6)) & 63]);
  }
  if (bits > 0) out.push_back(alphabet[(group << (6 - bits)) & 63]);
  while (pad && out.size() % 4 != 0) out.push_back('=');
  return out;
}

// `text` without its padding.
Result<Bytes> Decode(std::string_view text, const ReverseTable& table) {
  if (text.size() % 4 == 1)
    return Malformed(
        fmt::format("base64 of {} characters, wanted a whole number of bytes", text.size()));
  Bytes out;
  out.reserve(text.size() * 3 / 4);
  std::uint32_t group = 0;
  unsigned bits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::int8_t value = table[static_cast<std::uint8_t>(text[i])];
    if (value < 0) return Malformed(fmt::format("base64 has a foreign character at offset {}", i));
    group = (group << 6) | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out.push_back(static_cast<std::uint8_t>((group >> bits) & 0xff));
    }
  }
  if ((group & ((1U << bits) - 1)) != 0) return Malformed("base64 ends in stray bits");
  return out;
}

bool Unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

}  // namespace

std::string HexEncode(ByteView bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    out.push_back(kHex[byte >> 4]);
    out.push_back(kHex[byte & 15]);
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
