#include "attest/dcap/json_fields.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/encoding.h"

namespace strongroom::attest::dcap {
namespace {

constexpr std::size_t kMaxAdvisories = 256;
constexpr std::size_t kMaxAdvisoryLength = 64;

Result<std::vector<std::string>> ReadAdvisories(const Json& level) {
  std::vector<std::string> out;
  const Json* ids = level.Find("advisoryIDs");
  if (ids == nullptr) return out;
  if (!ids->IsArray()) return Malformed(fmt::format("{} is no array", ids->path()));
  if (ids->items().size() > kMaxAdvisories) {
    return Malformed(fmt::format("{} has {} entries, wanted at most {}", ids->path(),
                                 ids->items().size(), kMaxAdvisories));
  }
  for (const Json& id : ids->items()) {
    ASSIGN_OR_RETURN(const std::string_view text, id.String());
    if (text.empty() || text.size() > kMaxAdvisoryLength) {
      return Malformed(fmt::format("{} has {} characters, wanted 1 to {}", id.path(), text.size(),
                                   kMaxAdvisoryLength));
    }
    out.emplace_back(text);
  }
  return out;
}

}  // namespace

Status ExpectOnly(const Json& object, std::initializer_list<std::string_view> known) {
  if (!object.IsObject()) return Malformed(fmt::format("{} is no object", object.path()));
  for (const auto& [name, value] : object.members()) {
    if (std::ranges::find(known, name) == known.end()) {
      return Malformed(fmt::format("{} is unknown in this document", value.path()));
    }
  }
  return {};
}

Result<std::uint64_t> GetUnsigned(const Json& object, std::string_view name, std::uint64_t max) {
  ASSIGN_OR_RETURN(const Json* member, object.Get(name));
  ASSIGN_OR_RETURN(const std::uint64_t value, member->Unsigned());
  if (value > max)
    return Malformed(fmt::format("{} is {}, wanted at most {}", member->path(), value, max));
  return value;
}

Result<Bytes> GetHexBytes(const Json& object, std::string_view name, std::size_t size) {
  ASSIGN_OR_RETURN(const Json* member, object.Get(name));
  ASSIGN_OR_RETURN(const std::string_view text, member->String());
  if (text.size() != 2 * size) {
    return Malformed(fmt::format("{} has {} characters, wanted {} hex digits", member->path(),
                                 text.size(), 2 * size));
  }
  return In(member->path(), HexDecode(text));
}

Result<UnixSeconds> GetTime(const Json& object, std::string_view name) {
  ASSIGN_OR_RETURN(const Json* member, object.Get(name));
  ASSIGN_OR_RETURN(const std::string_view text, member->String());
  return In(member->path(), ParseRfc3339(text));
}

Result<LevelVerdict> ReadVerdict(const Json& level) {
  LevelVerdict verdict;
  ASSIGN_OR_RETURN(verdict.date, GetTime(level, "tcbDate"));
  ASSIGN_OR_RETURN(const std::string_view status, level.GetString("tcbStatus"));
  ASSIGN_OR_RETURN(verdict.status, In(level.path(), ParseTcbStatus(status)));
  ASSIGN_OR_RETURN(verdict.advisory_ids, ReadAdvisories(level));
  return verdict;
}

}  // namespace strongroom::attest::dcap
