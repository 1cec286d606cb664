#include "cli/object_fields.h"

namespace strongroom::cli {

const Json* At(const Json& json, std::initializer_list<std::string_view> path) {
  const Json* here = &json;
  for (const std::string_view name : path) {
    if (here == nullptr) return nullptr;
    here = here->Find(name);
  }
  return here;
}

std::string TextAt(const Json& json, std::initializer_list<std::string_view> path) {
  const Json* found = At(json, path);
  return found != nullptr && found->IsString() ? std::string(found->String().value()) : "";
}

std::int64_t NumberAt(const Json& json, std::initializer_list<std::string_view> path) {
  const Json* found = At(json, path);
  if (found == nullptr) return 0;
  return found->Int().value_or(0);
}

const std::vector<Json>& ItemsAt(const Json& json, std::initializer_list<std::string_view> path) {
  static const std::vector<Json> none;
  const Json* found = At(json, path);
  return found == nullptr ? none : found->items();
}

std::string NameOf(const Json& object) { return TextAt(object, {"metadata", "name"}); }

}  // namespace strongroom::cli
