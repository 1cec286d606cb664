#include "webhook/testing/apply_patch.h"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace strongroom::webhook::testing {
namespace {

using nlohmann::json;

Result<std::string> Unescape(std::string_view token) {
  std::string out;
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] != '~') {
      out.push_back(token[i]);
      continue;
    }
    ++i;
    if (i == token.size() || (token[i] != '0' && token[i] != '1'))
      return Malformed(fmt::format("\"{}\" has a ~ that escapes nothing", token));
    out.push_back(token[i] == '0' ? '~' : '/');
  }
  return out;
}

Result<std::vector<std::string>> Tokens(std::string_view pointer) {
  std::vector<std::string> out;
  if (pointer.empty()) return out;
  if (pointer.front() != '/') return Malformed(fmt::format("pointer \"{}\"", pointer));
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const std::size_t end = std::min(pointer.find('/'), pointer.size());
    ASSIGN_OR_RETURN(std::string token, Unescape(pointer.substr(0, end)));
    out.push_back(std::move(token));
    pointer.remove_prefix(end);
  }
  return out;
}

// RFC 6901 4: digits without a leading zero.
Result<std::size_t> Index(const std::string& token, std::size_t limit) {
  if (token.empty() || token.size() > 9 || !std::ranges::all_of(token, ::isdigit) ||
      (token.size() > 1 && token[0] == '0'))
    return Malformed(fmt::format("\"{}\" is no index", token));
  const std::size_t index = std::stoul(token);
  if (index >= limit) return NotFound(fmt::format("index {} of {}", index, limit));
  return index;
}

Result<json*> Find(json& document, const std::vector<std::string>& tokens) {
  json* at = &document;
  for (const std::string& token : tokens) {
    if (at->is_object()) {
      const auto member = at->find(token);
      if (member == at->end()) return NotFound(fmt::format("no member \"{}\"", token));
      at = &*member;
    } else if (at->is_array()) {
      ASSIGN_OR_RETURN(const std::size_t index, Index(token, at->size()));
      at = &(*at)[index];
    } else {
      return NotFound(fmt::format("\"{}\" below a value that holds nothing", token));
    }
  }
  return at;
}

Status Add(json& document, std::vector<std::string> tokens, const json& value) {
  if (tokens.empty()) {
    document = value;
    return {};
  }
  const std::string last = tokens.back();
  tokens.pop_back();
  ASSIGN_OR_RETURN(json * parent, Find(document, tokens));
  if (parent->is_object()) {
    (*parent)[last] = value;
    return {};
  }
  if (!parent->is_array()) return NotFound(fmt::format("the parent of \"{}\"", last));
  if (last == "-") {
    parent->push_back(value);
    return {};
  }
  ASSIGN_OR_RETURN(const std::size_t index, Index(last, parent->size() + 1));
  parent->insert(parent->begin() + static_cast<std::ptrdiff_t>(index), value);
  return {};
}

Status Remove(json& document, std::vector<std::string> tokens) {
  if (tokens.empty()) return Malformed("remove of the whole");
  RETURN_IF_ERROR(Find(document, tokens));
  const std::string last = tokens.back();
  tokens.pop_back();
  ASSIGN_OR_RETURN(json * parent, Find(document, tokens));
  if (parent->is_object()) parent->erase(last);
  else parent->erase(std::stoul(last));
  return {};
}

Status Apply(json& document, const json& operation) {
  if (!operation.is_object() || !operation.contains("op") || !operation.contains("path"))
    return Malformed("an operation without op or path");
  const std::string name = operation["op"];
  const std::string path = operation["path"];
  ASSIGN_OR_RETURN(std::vector<std::string> tokens, Tokens(path));
  if (name == "remove") return In(path, Remove(document, std::move(tokens)));
  if (!operation.contains("value")) return Malformed(path + ": an operation without a value");
  const json& value = operation["value"];
  if (name == "add") return In(path, Add(document, std::move(tokens), value));
  if (name != "test" && name != "replace") return Malformed("operation " + name);
  ASSIGN_OR_RETURN(json * found, In(path, Find(document, tokens)));
  if (name == "replace") *found = value;
  else if (*found != value) return Conflict(path + ": the test does not hold");
  return {};
}

}  // namespace

Result<json> ApplyPatch(json document, const json& patch) {
  if (!patch.is_array()) return Malformed("the patch is no array");
  for (const json& operation : patch) RETURN_IF_ERROR(Apply(document, operation));
  return document;
}

}  // namespace strongroom::webhook::testing
