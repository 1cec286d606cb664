#include "cli/unknown_command.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace strongroom::cli {
namespace {

constexpr std::size_t kMaxTyped = 64;  // of a word that is compared; no command is as long

// How many letters must be changed, added or left out to make one word the other.
std::size_t Distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < to.size(); ++j) {
      const std::size_t changed = diagonal + (from[i] == to[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

// The nearest of `words` when it is near enough to be meant: half of its letters are right.
std::string Nearest(std::string_view typed, const std::set<std::string>& words) {
  if (typed.size() > kMaxTyped) return "";
  const auto best = std::ranges::min_element(
      words, {}, [&](const std::string& word) { return Distance(typed, word); });
  return best != words.end() && Distance(typed, *best) * 2 <= best->size() ? *best : "";
}

// The words that may stand at `depth` behind those before.
std::set<std::string> WordsAt(const std::vector<Command>& commands, std::size_t depth,
                              std::string_view group) {
  std::set<std::string> words;
  for (const Command& command : commands) {
    if (command.path.size() > depth && (depth == 0 || command.path[0] == group))
      words.insert(command.path[depth]);
  }
  return words;
}

std::string Text(std::string_view group, const std::string* typed,
                 const std::set<std::string>& words) {
  const std::string before = group.empty() ? "" : fmt::format("{} ", group);
  std::string text = typed == nullptr ? fmt::format("a command is missing after \"strongroom{}{}\"",
                                                    group.empty() ? "" : " ", group)
                                      : fmt::format("there is no command \"{}{}\"", before, *typed);
  if (const std::string near = typed == nullptr ? "" : Nearest(*typed, words); !near.empty())
    text += fmt::format("; the nearest is \"{}{}\"", before, near);
  return fmt::format("{}; there are {}", text, fmt::join(words, ", "));
}

}  // namespace

std::optional<std::string> UnknownCommand(const std::vector<Command>& commands,
                                          const std::vector<std::string>& typed) {
  std::string group;
  std::size_t depth = 0;
  for (const std::string& word : typed) {
    if (word.starts_with('-')) {
      if (depth == 1) break;  // what follows may be its value
      continue;
    }
    const std::set<std::string> words = WordsAt(commands, depth, group);
    if (words.empty()) return std::nullopt;  // the command's own arguments follow
    if (!words.contains(word)) return Text(group, &word, words);
    if (depth == 1) return std::nullopt;
    group = word;
    depth = 1;
  }
  const std::set<std::string> words = WordsAt(commands, depth, group);
  if (words.empty()) return std::nullopt;
  return Text(group, nullptr, words);
}

}  // namespace strongroom::cli
