#include "cli/command.h"

#include <cstdlib>

namespace strongroom::cli {
namespace {

constexpr std::string_view kUsageFinding = "cli.usage";

}  // namespace

std::unexpected<Error> WrongUsage(std::string message) {
  return std::unexpected(Error(Code::kMalformed, std::move(message), kUsageFinding));
}

Exit ExitFor(const Error& error) {
  if (error.finding() == kUsageFinding) return Exit::kUsage;
  switch (error.code()) {
    case Code::kUntrusted:
    case Code::kDenied:
    case Code::kConflict: return Exit::kRefused;
    case Code::kUnavailable:
    case Code::kDeadline: return Exit::kUnreachable;
    default: return Exit::kFailed;
  }
}

const std::string& Arguments::One(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end() || found->second.empty()) std::abort();
  return found->second.front();
}

std::optional<std::string> Arguments::Optional(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end() || found->second.empty()) return std::nullopt;
  return found->second.back();
}

std::string Arguments::Or(std::string_view name, std::string_view otherwise) const {
  return Optional(name).value_or(std::string(otherwise));
}

std::vector<std::string> Arguments::All(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::vector<std::string>() : found->second;
}

std::string Command::Name() const {
  std::string name;
  for (const std::string& word : path) name += (name.empty() ? "" : " ") + word;
  return name;
}

std::vector<Flag> With(std::vector<Flag> flags, const std::vector<Flag>& more) {
  flags.insert(flags.end(), more.begin(), more.end());
  return flags;
}

std::string FlagKey(const Flag& flag) {
  const std::string first = flag.name.substr(0, flag.name.find(','));
  return first.substr(first.find_first_not_of('-'));
}

}  // namespace strongroom::cli
