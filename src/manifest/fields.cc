#include "manifest/fields.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "base/encoding.h"
#include "manifest/words.h"

namespace strongroom::manifest::parse {
namespace {

std::string Place(const Json& json) { return json.path().empty() ? "the document" : json.path(); }

// Go's base64 decoder passes over line ends.
std::string WithoutLineEnds(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != '\r' && c != '\n') out.push_back(c);
  }
  return out;
}

bool IsZero(const Json& json) {
  switch (json.kind()) {
    case Json::Kind::kNull: return true;
    case Json::Kind::kBool: return !json.Bool().value_or(true);
    case Json::Kind::kInteger:
    case Json::Kind::kUnsigned:
    case Json::Kind::kDouble: return json.Number().value_or(1) == 0;
    case Json::Kind::kString: return json.String().value_or("x").empty();
    case Json::Kind::kArray: return json.items().empty();
    case Json::Kind::kObject: return json.members().empty();
  }
  return false;
}

}  // namespace

std::string FoldName(std::string_view name) {
  constexpr std::string_view long_s = "\u017f", kelvin = "\u212a";
  std::string out;
  while (!name.empty()) {
    if (name.starts_with(long_s)) {
      out.push_back('s');
      name.remove_prefix(long_s.size());
    } else if (name.starts_with(kelvin)) {
      out.push_back('k');
      name.remove_prefix(kelvin.size());
    } else {
      out.push_back(LowerCase(name.front()));
      name.remove_prefix(1);
    }
  }
  return out;
}

Result<Fields> Fields::Of(const Json& json, std::vector<Remark>& unknown) {
  Fields out(unknown);
  if (json.IsNull()) return out;
  RETURN_IF_ERROR(WantObject(json));
  for (const auto& [name, value] : json.members()) {
    if (!out.left_.emplace(FoldName(name), &value).second) {
      return Malformed(fmt::format("{} has the field \"{}\" twice, in different case", Place(json),
                                   name.substr(0, 80)));
    }
  }
  return out;
}

const Json* Fields::Take(std::string_view name) {
  const auto found = left_.find(FoldName(name));
  if (found == left_.end()) return nullptr;
  const Json* value = found->second;
  left_.erase(found);
  return value->IsNull() ? nullptr : value;
}

void Fields::Finish() {
  for (const auto& [name, value] : left_) {
    unknown_->push_back(
        {"unknown-field", value->path(), "is not a field that this version knows; ignored"});
  }
}

Status Fields::FinishStrictly() {
  for (const auto& [name, value] : left_) {
    if (!IsZero(*value))
      return Unsupported(fmt::format("{} is not a field that can be preset here", value->path()));
  }
  return {};
}

Status Fields::WantArray(const Json& json) {
  if (!json.IsArray()) return Malformed(fmt::format("{} is no array, wanted one", Place(json)));
  return {};
}

Status Fields::WantObject(const Json& json) {
  if (!json.IsObject()) return Malformed(fmt::format("{} is no object, wanted one", Place(json)));
  return {};
}

Status Fields::ReadNumber(const Json& json, std::uint64_t max, std::uint64_t& out) {
  ASSIGN_OR_RETURN(out, json.Unsigned());
  if (out > max)
    return Malformed(fmt::format("{} is {}, wanted at most {}", Place(json), out, max));
  return {};
}

Status Fields::Read(const Json& json, std::string& out) {
  ASSIGN_OR_RETURN(const std::string_view text, json.String());
  out = text;
  return {};
}

Status Fields::Read(const Json& json, bool& out) {
  ASSIGN_OR_RETURN(out, json.Bool());
  return {};
}

Status Fields::Read(const Json& json, std::uint64_t& out) {
  return ReadNumber(json, std::numeric_limits<std::uint64_t>::max(), out);
}

Status Fields::Read(const Json& json, std::uint32_t& out) {
  std::uint64_t wide = 0;
  RETURN_IF_ERROR(ReadNumber(json, std::numeric_limits<std::uint32_t>::max(), wide));
  out = static_cast<std::uint32_t>(wide);
  return {};
}

Status Fields::Read(const Json& json, std::int64_t& out) {
  ASSIGN_OR_RETURN(out, json.Int());
  return {};
}

Status Fields::Read(const Json& json, std::uint16_t& out) {
  std::uint64_t wide = 0;
  RETURN_IF_ERROR(ReadNumber(json, std::numeric_limits<std::uint16_t>::max(), wide));
  out = static_cast<std::uint16_t>(wide);
  return {};
}

Status Fields::Read(const Json& json, Bytes& out) {
  if (!json.IsArray()) {
    ASSIGN_OR_RETURN(const std::string_view text, json.String());
    ASSIGN_OR_RETURN(out, In(Place(json), Base64Decode(WithoutLineEnds(text))));
    return {};
  }
  for (const Json& item : json.items()) {
    std::uint64_t byte = 0;
    if (!item.IsNull()) RETURN_IF_ERROR(ReadNumber(item, 255, byte));
    out.push_back(static_cast<std::uint8_t>(byte));
  }
  return {};
}

Status Fields::ReadHex(const Json& json, std::span<std::uint8_t> out) {
  ASSIGN_OR_RETURN(const std::string_view text, json.String());
  ASSIGN_OR_RETURN(const Bytes bytes, In(Place(json), HexDecode(text)));
  if (bytes.size() != out.size()) {
    return Malformed(
        fmt::format("{} has {} bytes, wanted {}", Place(json), bytes.size(), out.size()));
  }
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return {};
}

}  // namespace strongroom::manifest::parse
