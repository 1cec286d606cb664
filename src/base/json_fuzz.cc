// Whatever parses has raw texts that parse to the same value again, and writing strings keeps them.

#include <cstdlib>

#include "base/json.h"

namespace strongroom {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void CheckValue(const Json& value, int budget) {
  const auto again = JsonDocument::Parse(value.raw(), {.max_depth = 32});
  Require(again.has_value() && again->root().kind() == value.kind());
  Require(again->root().raw() == value.raw());
  Require(value.path().size() < 200);
  if (value.IsString()) {
    JsonWriter writer;
    const std::string text = std::move(writer.String(value.String().value())).Finish();
    Require(JsonDocument::Parse(text)->root().String().value() == value.String().value());
  }
  if (budget == 0) return;
  for (const Json& item : value.items()) CheckValue(item, budget - 1);
  for (const Json::Member& member : value.members()) {
    Require(value.Find(member.first) == &member.second);
    CheckValue(member.second, budget - 1);
  }
}

}  // namespace
}  // namespace strongroom

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strongroom;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto document = JsonDocument::Parse(text, {.max_bytes = 4096, .max_values = 500});
  if (document) CheckValue(document->root(), 3);
  const auto kept = JsonDocument::Parse(text, {.max_bytes = 4096, .verbatim = {"data", "a"}});
  strongroom::Require(!document || kept.has_value());
  return 0;
}
