#include "base/json_members.h"

#include <fmt/format.h>

namespace strongroom {

Status ReadMembers(const Json& json, const JsonReaders& readers) {
  if (!json.IsObject())
    return Malformed(
        fmt::format("{} is no object", json.path().empty() ? "the document" : json.path()));
  for (const auto& [name, value] : json.members()) {
    const auto reader = readers.find(name);
    if (reader == readers.end()) return Malformed(fmt::format("{} is not known", value.path()));
    RETURN_IF_ERROR(reader->second(value));
  }
  return {};
}

}  // namespace strongroom
