#pragma once

#include <functional>
#include <map>
#include <string_view>

#include "base/json.h"

namespace strongroom {

// Reads one value into its place. Errors: kMalformed that names the value's path.
using JsonReader = std::function<Status(const Json&)>;
using JsonReaders = std::map<std::string_view, JsonReader>;

// The members of an object in the document's order, each read by the reader of its name. Which of
// them must be there is the caller's to check. Errors: kMalformed for what is no object and for a
// member that has no reader, else the first error of a reader.
Status ReadMembers(const Json& json, const JsonReaders& readers);

}  // namespace strongroom
