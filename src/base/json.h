#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace strongroom {

// One JSON value of a parsed document; lives as long as the document. Accessors of the wrong kind
// give kMalformed errors that name the value's path ("tcbInfo.tcbLevels[3].tcbStatus", shortened
// when long) and both kinds.
class Json {
 public:
  enum class Kind { kNull, kBool, kInteger, kUnsigned, kDouble, kString, kArray, kObject };
  using Member = std::pair<std::string, Json>;

  Kind kind() const { return kind_; }
  bool IsNull() const { return kind_ == Kind::kNull; }
  bool IsString() const { return kind_ == Kind::kString; }
  bool IsArray() const { return kind_ == Kind::kArray; }
  bool IsObject() const { return kind_ == Kind::kObject; }

  Result<bool> Bool() const;
  Result<std::int64_t> Int() const;  // integers that fit; 1.0 is not one
  Result<std::uint64_t> Unsigned() const;
  Result<double> Number() const;  // any number
  Result<std::string_view> String() const;

  // Empty for any other kind; ask IsArray / IsObject first where that matters.
  const std::vector<Json>& items() const { return items_; }
  const std::vector<Member>& members() const { return members_; }

  // A member by its exact name: null pointer, or kMalformed, when it is absent or this is no
  // object.
  const Json* Find(std::string_view name) const;
  Result<const Json*> Get(std::string_view name) const;
  Result<std::string_view> GetString(std::string_view name) const;
  Result<std::int64_t> GetInt(std::string_view name) const;

  // The exact text of this value in the document, as signatures cover it.
  std::string_view raw() const { return raw_; }
  const std::string& path() const { return path_; }

 private:
  friend class JsonBuilder;
  Kind kind_ = Kind::kNull;
  bool bool_ = false;
  std::int64_t integer_ = 0;
  std::uint64_t unsigned_ = 0;
  double double_ = 0;
  std::string string_;
  std::vector<Json> items_;
  std::vector<Member> members_;
  std::string_view raw_;
  std::string path_;
};

struct JsonLimits {
  std::size_t max_bytes = 256 * 1024;
  std::size_t max_depth = 16;
  std::size_t max_values = 100'000;
  // Arrays and objects that are members of one of these names stay unread: items() and members()
  // are empty and raw() is their text, which is valid JSON. For payloads too large for a tree.
  std::vector<std::string_view> verbatim = {};
};

// A parsed document and its text. Movable; values keep pointing into it.
class JsonDocument {
 public:
  // kMalformed: not JSON (RFC 8259), bytes after the value, a duplicate member name, invalid UTF-8;
  // kExhausted: a limit.
  static Result<JsonDocument> Parse(std::string_view text, JsonLimits limits = {});

  const Json& root() const { return *root_; }

 private:
  std::shared_ptr<const std::string>
      text_;  // shared so that moved and copied documents keep their views valid
  std::shared_ptr<const Json> root_;
};

// Whether every byte belongs to a well-formed UTF-8 sequence (RFC 3629).
bool IsUtf8(std::string_view text);

// Writes compact JSON: `JsonWriter w; w.Object().Key("code").Int(3).End(); w.text()`.
// Strings are escaped, all control characters too; invalid UTF-8 becomes U+FFFD. Misuse (a value
// where a key is due) aborts.
class JsonWriter {
 public:
  JsonWriter& Object();
  JsonWriter& Array();
  JsonWriter& End();
  JsonWriter& Key(std::string_view name);
  JsonWriter& String(std::string_view value);
  JsonWriter& Int(std::int64_t value);
  JsonWriter& Unsigned(std::uint64_t value);
  JsonWriter& Double(double value);  // shortest text that reads back the same; not finite: aborts
  JsonWriter& Float(float value);
  JsonWriter& Bool(bool value);
  JsonWriter& Null();
  JsonWriter& Raw(std::string_view json);  // a value that is JSON already

  const std::string& text() const { return text_; }
  std::string Finish() &&;

 private:
  void BeforeValue();
  std::string text_;
  std::vector<char> open_;  // '{' or '['
  bool need_comma_ = false;
  bool after_key_ = false;
};

}  // namespace strongroom
