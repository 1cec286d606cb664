#include "cli/plain_text.h"

#include <algorithm>

namespace strongroom::cli {
namespace {

// Every other character goes through JSON's escapes.
constexpr std::string_view kAsTheyAre = "\"\\\n", kSpaces = "\t\r";

std::string Plain(std::string_view said, char line_feed) {
  std::string out;
  while (!said.empty()) {
    const char first = said.front();
    if (kAsTheyAre.contains(first) || kSpaces.contains(first)) {
      out += first == '\n' ? line_feed : kSpaces.contains(first) ? ' ' : first;
      said.remove_prefix(1);
      continue;
    }
    const std::string_view part = said.substr(0, said.find_first_of("\"\\\n\t\r"));
    const std::string quoted = JsonWriter().String(part).text();
    out.append(quoted, 1, quoted.size() - 2);
    said.remove_prefix(part.size());
  }
  return out;
}

}  // namespace

std::string PlainText(std::string_view said) { return Plain(said, '\n'); }

std::string OneLine(std::string_view said) { return Plain(said, ' '); }

std::string OneWord(const Json& value) {
  if (!value.IsString()) return std::string(value.raw());
  const std::string_view text = value.String().value();
  const bool plain = std::ranges::all_of(
      text, [](char c) { return c > ' ' && c <= '~' && c != '"' && c != '\\' && c != '='; });
  return plain && !text.empty() ? std::string(text) : JsonWriter().String(text).text();
}

}  // namespace strongroom::cli
