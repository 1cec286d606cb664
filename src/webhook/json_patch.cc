#include "webhook/json_patch.h"

namespace strongroom::webhook {
namespace {

bool Holds(const Json* value) { return value != nullptr && !value->IsNull(); }

std::string ArrayOf(const std::vector<std::string>& values) {
  JsonWriter writer;
  writer.Array();
  for (const std::string& value : values) writer.Raw(value);
  return std::move(writer.End()).Finish();
}

std::string ObjectOf(const JsonMembers& members) {
  JsonWriter writer;
  writer.Object();
  for (const auto& [name, value] : members) writer.Key(name).Raw(value);
  return std::move(writer.End()).Finish();
}

}  // namespace

std::string Pointer(std::string_view parent, std::string_view member) {
  std::string out(parent);
  out.push_back('/');
  for (const char c : member) {
    if (c == '~') out += "~0";
    else if (c == '/') out += "~1";
    else out.push_back(c);
  }
  return out;
}

std::string Pointer(std::string_view parent, std::size_t index) {
  return Pointer(parent, std::to_string(index));
}

std::string Quoted(std::string_view text) {
  JsonWriter writer;
  return std::move(writer.String(text)).Finish();
}

std::string QuotedArray(const std::vector<std::string>& texts) {
  JsonWriter writer;
  writer.Array();
  for (const std::string& text : texts) writer.String(text);
  return std::move(writer.End()).Finish();
}

void JsonPatch::Operation(std::string_view name, std::string_view pointer, std::string_view value) {
  JsonWriter writer;
  writer.Object().Key("op").String(name).Key("path").String(pointer).Key("value").Raw(value).End();
  if (!operations_.empty()) operations_.push_back(',');
  operations_ += writer.text();
}

void JsonPatch::Add(std::string_view pointer, std::string_view value) {
  Operation("add", pointer, value);
  added_.emplace_back(pointer);
}

void JsonPatch::Test(std::string_view pointer, std::string_view value) {
  Operation("test", pointer, value);
}

void JsonPatch::Append(const std::string& pointer, const Json* existing,
                       const std::vector<std::string>& values) {
  if (values.empty()) return;
  if (!Holds(existing)) return Add(pointer, ArrayOf(values));
  for (const std::string& value : values) Add(Pointer(pointer, "-"), value);
}

void JsonPatch::AddMissing(const std::string& pointer, const Json* existing,
                           const JsonMembers& members) {
  if (members.empty()) return;
  if (!Holds(existing)) return Add(pointer, ObjectOf(members));
  for (const auto& [name, value] : members) {
    if (!Holds(existing->Find(name))) Add(Pointer(pointer, name), value);
  }
}

void JsonPatch::Prepend(const std::string& pointer, const Json* existing,
                        const std::vector<std::string>& values) {
  if (values.empty()) return;
  if (!Holds(existing)) return Add(pointer, ArrayOf(values));
  for (std::size_t i = 0; i < values.size(); ++i) Add(Pointer(pointer, i), values[i]);
}

std::string JsonPatch::Text() const { return "[" + operations_ + "]"; }

}  // namespace strongroom::webhook
