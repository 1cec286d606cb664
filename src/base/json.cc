#include "base/json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <unordered_set>

#include <fmt/format.h>
#include <simdjson.h>

namespace strongroom {
namespace {

std::string_view KindName(Json::Kind kind) {
  switch (kind) {
    case Json::Kind::kNull: return "null";
    case Json::Kind::kBool: return "a boolean";
    case Json::Kind::kInteger:
    case Json::Kind::kUnsigned: return "an integer";
    case Json::Kind::kDouble: return "a number";
    case Json::Kind::kString: return "a string";
    case Json::Kind::kArray: return "an array";
    case Json::Kind::kObject: return "an object";
  }
  return "nothing";
}

std::unexpected<Error> WrongKind(const Json& value, std::string_view wanted) {
  return Malformed(fmt::format("{} is {}, wanted {}",
                               value.path().empty() ? "document" : value.path(),
                               KindName(value.kind()), wanted));
}

// Paths are for error messages. They are bounded, because every value carries one: a long member
// name above many values would otherwise cost its length for each of them.
constexpr std::size_t kMaxParentPath = 100;
constexpr std::size_t kMaxNameInPath = 60;

std::string ChildPath(std::string_view parent, std::string_view name) {
  if (parent.size() > kMaxParentPath) parent = "…";
  name = name.substr(0, kMaxNameInPath);
  std::string child;
  child.reserve(parent.size() + 1 + name.size());  // one allocation: every value has a path
  child += parent;
  if (!parent.empty() && !name.starts_with('[')) child.push_back('.');
  child += name;
  return child;
}

std::string ItemPath(std::string_view parent, std::size_t index) {
  char name[24] = "[";
  char* const end = std::to_chars(name + 1, name + sizeof name - 1, index).ptr;
  *end = ']';
  return ChildPath(parent, {name, end + 1});
}

// The names of one object so far. Most objects have few members, for which comparing all is faster
// than a hash table.
class SeenNames {
 public:
  // False when the name was there already. Names live as long as this.
  bool Insert(std::string_view name) {
    if (!many_.empty()) return many_.insert(name).second;
    const auto end = few_.begin() + count_;
    if (std::find(few_.begin(), end, name) != end) return false;
    if (end != few_.end()) {
      *end = name;
      ++count_;
      return true;
    }
    many_.insert(few_.begin(), few_.end());
    return many_.insert(name).second;
  }

 private:
  std::array<std::string_view, 16> few_;
  std::ptrdiff_t count_ = 0;
  std::unordered_set<std::string_view> many_;
};

}  // namespace

// Builds the tree from simdjson's (strict, whole-document) parse, and finds each value's extent in
// the text by walking both in step: the text is known to be valid, so its brackets, commas and
// quotes can be trusted.
class JsonBuilder {
 public:
  JsonBuilder(std::string_view text, JsonLimits limits) : text_(text), limits_(std::move(limits)) {}

  Result<Json> Build(simdjson::dom::element element, std::string path, std::size_t depth) {
    using simdjson::dom::element_type;
    if (depth > limits_.max_depth)
      return Exhausted(fmt::format("JSON is nested deeper than {}", limits_.max_depth));
    if (++values_ > limits_.max_values)
      return Exhausted(fmt::format("JSON has more than {} values", limits_.max_values));
    Json out;
    out.path_ = std::move(path);
    SkipSpace();
    const std::size_t begin = at_;
    switch (element.type()) {
      case element_type::OBJECT: RETURN_IF_ERROR(BuildObject(element, depth, out)); break;
      case element_type::ARRAY: RETURN_IF_ERROR(BuildArray(element, depth, out)); break;
      default: BuildScalar(element, out);
    }
    out.raw_ = text_.substr(begin, at_ - begin);
    return out;
  }

 private:
  // How many of `wanted` values may still come: no more memory is taken ahead than the limit
  // allows.
  std::size_t Room(std::size_t wanted) const {
    return std::min(wanted, limits_.max_values - values_);
  }

  bool IsVerbatim(const simdjson::dom::key_value_pair& field) const {
    return (field.value.is_array() || field.value.is_object()) &&
           std::find(limits_.verbatim.begin(), limits_.verbatim.end(), field.key) !=
               limits_.verbatim.end();
  }

  Result<Json> Keep(simdjson::dom::element element, std::string path) {
    Json out;
    out.path_ = std::move(path);
    out.kind_ = element.is_array() ? Json::Kind::kArray : Json::Kind::kObject;
    SkipSpace();
    const std::size_t begin = at_;
    std::size_t open = 0;
    do {
      const char c = text_[at_];
      if (c == '"') {
        SkipString();
        continue;
      }
      if (c == '[' || c == '{') ++open;
      if (c == ']' || c == '}') --open;
      ++at_;
    } while (open > 0);
    out.raw_ = text_.substr(begin, at_ - begin);
    return out;
  }

  Status BuildObject(simdjson::dom::element element, std::size_t depth, Json& out) {
    out.kind_ = Json::Kind::kObject;
    const simdjson::dom::object object(element);
    SeenNames seen;
    out.members_.reserve(Room(object.size()));
    ++at_;  // {
    for (const auto field : object) {
      if (!seen.Insert(field.key)) {
        return Malformed(fmt::format("member \"{}\" appears twice in {}", field.key.substr(0, 80),
                                     out.path_.empty() ? "document" : out.path_));
      }
      SkipSpace();
      SkipString();
      SkipSpace();
      ++at_;  // :
      std::string path = ChildPath(out.path_, field.key);
      ASSIGN_OR_RETURN(Json value, IsVerbatim(field)
                                       ? Keep(field.value, std::move(path))
                                       : Build(field.value, std::move(path), depth + 1));
      out.members_.emplace_back(std::string(field.key), std::move(value));
      SkipSpace();
      if (text_[at_] == ',') ++at_;
    }
    SkipSpace();
    ++at_;  // }
    return {};
  }

  Status BuildArray(simdjson::dom::element element, std::size_t depth, Json& out) {
    out.kind_ = Json::Kind::kArray;
    const simdjson::dom::array array(element);
    out.items_.reserve(Room(array.size()));
    ++at_;  // [
    for (const simdjson::dom::element item : array) {
      ASSIGN_OR_RETURN(Json value, Build(item, ItemPath(out.path_, out.items_.size()), depth + 1));
      out.items_.push_back(std::move(value));
      SkipSpace();
      if (text_[at_] == ',') ++at_;
    }
    SkipSpace();
    ++at_;  // ]
    return {};
  }

  void BuildScalar(simdjson::dom::element element, Json& out) {
    using simdjson::dom::element_type;
    switch (element.type()) {
      case element_type::STRING:
        out.kind_ = Json::Kind::kString;
        out.string_ = std::string_view(element);
        SkipString();
        return;
      case element_type::INT64:
        out.kind_ = Json::Kind::kInteger;
        out.integer_ = element;
        break;
      case element_type::UINT64:
        out.kind_ = Json::Kind::kUnsigned;
        out.unsigned_ = element;
        break;
      case element_type::DOUBLE:
        out.kind_ = Json::Kind::kDouble;
        out.double_ = element;
        break;
      case element_type::BOOL:
        out.kind_ = Json::Kind::kBool;
        out.bool_ = element;
        break;
      default: break;
    }
    constexpr std::string_view after = ",]} \t\r\n";
    while (at_ < text_.size() && !after.contains(text_[at_])) ++at_;
  }

  void SkipSpace() {
    constexpr std::string_view space = " \t\r\n";
    while (at_ < text_.size() && space.contains(text_[at_])) ++at_;
  }

  void SkipString() {
    ++at_;  // opening quote
    while (text_[at_] != '"') at_ += text_[at_] == '\\' ? 2U : 1U;
    ++at_;
  }

  std::string_view text_;
  JsonLimits limits_;
  std::size_t at_ = 0;
  std::size_t values_ = 0;
};

bool IsUtf8(std::string_view text) {
  return text.empty() || simdjson::validate_utf8(text.data(), text.size());
}

Result<JsonDocument> JsonDocument::Parse(std::string_view text, JsonLimits limits) {
  if (text.size() > limits.max_bytes) {
    return Exhausted(
        fmt::format("JSON has {} bytes, wanted at most {}", text.size(), limits.max_bytes));
  }
  if (text.empty()) return Malformed("not JSON: it is empty");
  // simdjson takes a parser of less than 32 bytes for one that is too small for any document.
  const std::size_t capacity = std::max<std::size_t>(text.size() + 1, 64);
  simdjson::dom::parser parser(capacity);
  // One level more than allowed, so that the limit is reported as ours.
  if (parser.allocate(capacity, limits.max_depth + 2) != simdjson::SUCCESS)
    return Internal("out of memory for JSON");
  simdjson::dom::element root;
  const simdjson::error_code code = parser.parse(text.data(), text.size()).get(root);
  if (code == simdjson::DEPTH_ERROR)
    return Exhausted(fmt::format("JSON is nested deeper than {}", limits.max_depth));
  if (code != simdjson::SUCCESS)
    return Malformed(fmt::format("not JSON: {}", simdjson::error_message(code)));

  JsonDocument out;
  out.text_ = std::make_shared<const std::string>(text);
  JsonBuilder builder(*out.text_, std::move(limits));
  ASSIGN_OR_RETURN(Json tree, builder.Build(root, "", 0));
  out.root_ = std::make_shared<const Json>(std::move(tree));
  return out;
}

Result<bool> Json::Bool() const {
  if (kind_ != Kind::kBool) return WrongKind(*this, "a boolean");
  return bool_;
}

Result<std::int64_t> Json::Int() const {
  if (kind_ != Kind::kInteger) return WrongKind(*this, "an integer of 64 bits");
  return integer_;
}

Result<std::uint64_t> Json::Unsigned() const {
  if (kind_ == Kind::kUnsigned) return unsigned_;
  if (kind_ != Kind::kInteger || integer_ < 0) return WrongKind(*this, "an integer of at least 0");
  return static_cast<std::uint64_t>(integer_);
}

Result<double> Json::Number() const {
  if (kind_ == Kind::kDouble) return double_;
  if (kind_ == Kind::kInteger) return static_cast<double>(integer_);
  if (kind_ == Kind::kUnsigned) return static_cast<double>(unsigned_);
  return WrongKind(*this, "a number");
}

Result<std::string_view> Json::String() const {
  if (kind_ != Kind::kString) return WrongKind(*this, "a string");
  return std::string_view(string_);
}

const Json* Json::Find(std::string_view name) const {
  for (const Member& member : members_) {
    if (member.first == name) return &member.second;
  }
  return nullptr;
}

Result<const Json*> Json::Get(std::string_view name) const {
  if (kind_ != Kind::kObject) return WrongKind(*this, "an object");
  if (const Json* value = Find(name)) return value;
  return Malformed(
      fmt::format("{} has no member \"{}\"", path_.empty() ? "document" : path_, name));
}

Result<std::string_view> Json::GetString(std::string_view name) const {
  ASSIGN_OR_RETURN(const Json* value, Get(name));
  return value->String();
}

Result<std::int64_t> Json::GetInt(std::string_view name) const {
  ASSIGN_OR_RETURN(const Json* value, Get(name));
  return value->Int();
}

void JsonWriter::BeforeValue() {
  if (!after_key_ && !open_.empty() && open_.back() == '{') std::abort();
  if (need_comma_ && !after_key_) text_.push_back(',');
  after_key_ = false;
  need_comma_ = true;
}

JsonWriter& JsonWriter::Object() {
  BeforeValue();
  text_.push_back('{');
  open_.push_back('{');
  need_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::Array() {
  BeforeValue();
  text_.push_back('[');
  open_.push_back('[');
  need_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::End() {
  if (open_.empty() || after_key_) std::abort();
  text_.push_back(open_.back() == '{' ? '}' : ']');
  open_.pop_back();
  need_comma_ = true;
  return *this;
}

namespace {

// Length of the valid UTF-8 sequence at text[i], 0 when there is none.
std::size_t Utf8Length(std::string_view text, std::size_t i) {
  const auto lead = static_cast<std::uint8_t>(text[i]);
  const std::size_t n = lead < 0x80                   ? 1
                        : lead >= 0xc2 && lead < 0xe0 ? 2
                        : lead >= 0xe0 && lead < 0xf0 ? 3
                        : lead >= 0xf0 && lead < 0xf5 ? 4
                                                      : 0;
  if (n == 0 || i + n > text.size()) return 0;
  for (std::size_t k = 1; k < n; ++k) {
    if ((static_cast<std::uint8_t>(text[i + k]) & 0xc0) != 0x80) return 0;
  }
  const auto second = n > 1 ? static_cast<std::uint8_t>(text[i + 1]) : std::uint8_t{0};
  if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second >= 0xa0)) return 0;
  if ((lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second >= 0x90)) return 0;
  return n;
}

// U+0080 to U+009F: terminals obey some of them, and JSON does not ask for their escape.
bool IsC1Control(std::string_view text, std::size_t i) {
  return static_cast<std::uint8_t>(text[i]) == 0xc2 && i + 1 < text.size() &&
         static_cast<std::uint8_t>(text[i + 1]) < 0xa0;
}

void AppendQuoted(std::string& out, std::string_view text) {
  out.push_back('"');
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    const std::size_t n = Utf8Length(text, i);
    if (n == 0) out += "\\ufffd";
    else if (c == '"' || c == '\\') out.append({'\\', c});
    else if (c == '\n') out += "\\n";
    else if (c == '\t') out += "\\t";
    else if (c == '\r') out += "\\r";
    else if (static_cast<std::uint8_t>(c) < 0x20 || c == 0x7f)
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else if (IsC1Control(text, i))
      out +=
          fmt::format("\\u{:04x}", static_cast<unsigned>(static_cast<std::uint8_t>(text[i + 1])));
    else out.append(text.substr(i, n));
    i += n == 0 ? 1 : n;
  }
  out.push_back('"');
}

template <class T>
void AppendFloating(std::string& out, T value) {
  if (!std::isfinite(value)) std::abort();
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value).ptr;
  out.append(buffer, end);
}

}  // namespace

JsonWriter& JsonWriter::Key(std::string_view name) {
  if (open_.empty() || open_.back() != '{' || after_key_) std::abort();
  if (need_comma_) text_.push_back(',');
  AppendQuoted(text_, name);
  text_.push_back(':');
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::String(std::string_view value) {
  BeforeValue();
  AppendQuoted(text_, value);
  return *this;
}

JsonWriter& JsonWriter::Int(std::int64_t value) { return Raw(fmt::format("{}", value)); }
JsonWriter& JsonWriter::Unsigned(std::uint64_t value) { return Raw(fmt::format("{}", value)); }
JsonWriter& JsonWriter::Bool(bool value) { return Raw(value ? "true" : "false"); }
JsonWriter& JsonWriter::Null() { return Raw("null"); }

JsonWriter& JsonWriter::Double(double value) {
  BeforeValue();
  AppendFloating(text_, value);
  return *this;
}

JsonWriter& JsonWriter::Float(float value) {
  BeforeValue();
  AppendFloating(text_, value);
  return *this;
}

JsonWriter& JsonWriter::Raw(std::string_view json) {
  BeforeValue();
  text_ += json;
  return *this;
}

std::string JsonWriter::Finish() && {
  if (!open_.empty() || after_key_) std::abort();
  return std::move(text_);
}

}  // namespace strongroom
