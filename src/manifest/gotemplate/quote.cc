#include "manifest/gotemplate/quote.h"

#include <array>
#include <charconv>
#include <utility>

#include <fmt/format.h>

namespace strongroom::manifest::gotemplate {
namespace {

constexpr std::array<std::pair<char, char>, 8> kShortEscapes = {{{'a', '\a'},
                                                                 {'b', '\b'},
                                                                 {'f', '\f'},
                                                                 {'n', '\n'},
                                                                 {'r', '\r'},
                                                                 {'t', '\t'},
                                                                 {'v', '\v'},
                                                                 {'\\', '\\'}}};

// One element of quoted text: a byte (by \x or octal) or a code point.
struct Element {
  std::uint32_t value = 0;
  bool is_byte = false;
};

class Unquoter {
 public:
  Unquoter(std::string_view text, char quote) : text_(text), quote_(quote) {}

  bool done() const { return at_ >= text_.size(); }

  Result<Element> Next() {
    if (text_[at_] != '\\') return Plain();
    if (++at_ >= text_.size()) return Malformed("escape without character");
    const char c = text_[at_++];
    for (const auto& [letter, value] : kShortEscapes) {
      if (c == letter) return Element{static_cast<std::uint32_t>(value), false};
    }
    if (c == quote_) return Element{static_cast<std::uint32_t>(c), false};
    if (c == 'x') return Digits(2, 16, true);
    if (c == 'u') return Digits(4, 16, false);
    if (c == 'U') return Digits(8, 16, false);
    if (c >= '0' && c <= '7') {
      --at_;
      return Digits(3, 8, true);
    }
    return Malformed(fmt::format("unknown escape \\{}", c > ' ' && c < 0x7f ? c : '?'));
  }

 private:
  // Invalid UTF-8 goes through as bytes.
  Result<Element> Plain() {
    const auto lead = static_cast<unsigned char>(text_[at_]);
    const std::size_t n = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (n == 1 || lead < 0xc2 || at_ + n > text_.size())
      return Element{static_cast<unsigned char>(text_[at_++]), true};
    std::uint32_t value = lead & (0x7fU >> n);
    for (std::size_t i = 1; i < n; ++i) {
      const auto next = static_cast<unsigned char>(text_[at_ + i]);
      if ((next & 0xc0) != 0x80) return Element{static_cast<unsigned char>(text_[at_++]), true};
      value = (value << 6) | (next & 0x3fU);
    }
    at_ += n;
    return Element{value, false};
  }

  Result<Element> Digits(std::size_t n, int base, bool is_byte) {
    if (at_ + n > text_.size()) return Malformed(fmt::format("escape wants {} digits", n));
    std::uint32_t value = 0;
    const char* begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, begin + n, value, base);
    if (error != std::errc() || end != begin + n)
      return Malformed(fmt::format("escape wants {} digits", n));
    if (is_byte ? value > 255 : value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) {
      return Malformed(
          fmt::format("escape of {:#x}, which is no {}", value, is_byte ? "byte" : "code point"));
    }
    at_ += n;
    return Element{value, is_byte};
  }

  std::string_view text_;
  char quote_;
  std::size_t at_ = 0;
};

}  // namespace

void AppendUtf8(std::string& out, std::uint32_t c) {
  const auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) return put(c);
  if (c < 0x800) {
    put(0xc0 | (c >> 6));
  } else if (c < 0x10000) {
    put(0xe0 | (c >> 12));
    put(0x80 | ((c >> 6) & 0x3f));
  } else {
    put(0xf0 | (c >> 18));
    put(0x80 | ((c >> 12) & 0x3f));
    put(0x80 | ((c >> 6) & 0x3f));
  }
  put(0x80 | (c & 0x3f));
}

Result<std::string> Unquote(std::string_view inside) {
  std::string out;
  for (Unquoter unquoter(inside, '"'); !unquoter.done();) {
    ASSIGN_OR_RETURN(const Element element, unquoter.Next());
    if (element.is_byte) out.push_back(static_cast<char>(element.value));
    else AppendUtf8(out, element.value);
  }
  return out;
}

Result<std::uint32_t> UnquoteChar(std::string_view inside) {
  Unquoter unquoter(inside, '\'');
  if (unquoter.done()) return Malformed("empty character constant");
  ASSIGN_OR_RETURN(const Element element, unquoter.Next());
  if (!unquoter.done()) return Malformed("character constant of more than one character");
  return element.value;
}

}  // namespace strongroom::manifest::gotemplate
