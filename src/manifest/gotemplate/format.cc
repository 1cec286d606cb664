#include "manifest/gotemplate/format.h"

#include <fmt/format.h>

namespace strongroom::manifest::gotemplate {
namespace {

constexpr std::size_t kMaxWidth = 1000;

// What follows a percent sign; leaves `at` behind it.
Result<FormatPiece> ParseVerb(std::string_view format, std::size_t& at) {
  FormatPiece piece;
  for (; at < format.size() && (format[at] == '-' || format[at] == '0'); ++at) {
    (format[at] == '-' ? piece.left : piece.zero) = true;
  }
  for (; at < format.size() && format[at] >= '0' && format[at] <= '9'; ++at) {
    piece.width = piece.width * 10 + static_cast<std::size_t>(format[at] - '0');
    if (piece.width > kMaxWidth)
      return Exhausted(fmt::format("format width, wanted at most {}", kMaxWidth));
  }
  if (at >= format.size()) return Malformed("format ends in %");
  piece.verb = format[at++];
  constexpr std::string_view known = "svdxXt%";
  if (!known.contains(piece.verb)) {
    return Unsupported(
        fmt::format("format %{} is not available in templates, wanted one of %s %v %d %x %X %t %%",
                    piece.verb > ' ' && piece.verb < 0x7f ? piece.verb : '?'));
  }
  if (piece.verb != 'd' && (piece.width != 0 || piece.left || piece.zero)) {
    return Unsupported(fmt::format("format %{} is not available with width or flags", piece.verb));
  }
  return piece;
}

}  // namespace

Result<Format> ParseFormat(std::string_view format) {
  Format out;
  std::string text;
  for (std::size_t at = 0; at < format.size();) {
    if (format[at] != '%') {
      text.push_back(format[at++]);
      continue;
    }
    ASSIGN_OR_RETURN(FormatPiece piece, ParseVerb(format, ++at));
    if (piece.verb == '%') {
      text.push_back('%');
      continue;
    }
    if (!text.empty()) out.push_back({.text = std::exchange(text, {})});
    out.push_back(std::move(piece));
  }
  if (!text.empty()) out.push_back({.text = std::move(text)});
  return out;
}

}  // namespace strongroom::manifest::gotemplate
