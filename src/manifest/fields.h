#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "manifest/manifest.h"

// Reading JSON into structs the way Go's encoding/json does. Private to the
// parser.
namespace strongroom::manifest::parse {

// A field name as Go compares it: ASCII in lower case, and the two characters
// beyond ASCII that fold into it.
std::string FoldName(std::string_view name);

// The members of one JSON object that stands for a struct. Get() takes a field;
// Finish() reports what nobody took.
class Fields {
 public:
  // kMalformed when `json` is neither object nor null, or names a field twice.
  static Result<Fields> Of(const Json& json, std::vector<Remark>& unknown);

  // Leaves `out` as it is when the field is absent or null.
  template <class T>
  Status Get(std::string_view name, T& out) {
    const Json* value = Take(name);
    if (value == nullptr) return {};
    return Read(*value, out);
  }
  // The field's value, or null when it is absent or null.
  const Json* Take(std::string_view name);

  // Members that were not taken become remarks.
  void Finish();
  // The first member that was not taken and is not a zero value ("", 0, false,
  // [], {}, null): kUnsupported.
  Status FinishStrictly();

  // Scalars, lists and maps. Maps and lists of structs come through ReadStruct
  // of the element's type.
  Status Read(const Json& json, std::string& out);
  Status Read(const Json& json, bool& out);
  Status Read(const Json& json, std::uint64_t& out);
  Status Read(const Json& json, std::uint32_t& out);
  Status Read(const Json& json, std::int64_t& out);
  Status Read(const Json& json, std::uint16_t& out);
  Status Read(const Json& json,
              Bytes& out);  // base64 text or an array of numbers

  template <class Tag, std::size_t N>
  Status Read(const Json& json, FixedBytes<Tag, N>& out) {  // hex digits
    return ReadHex(json, out.writable());
  }

  template <class T>
  Status Read(const Json& json, std::optional<T>& out) {
    return Read(json, out.emplace());
  }

  template <class T>
  Status Read(const Json& json, std::vector<T>& out) {
    RETURN_IF_ERROR(WantArray(json));
    for (const Json& item : json.items()) {
      out.emplace_back();
      if (!item.IsNull()) RETURN_IF_ERROR(Read(item, out.back()));
    }
    return {};
  }

  template <class T>
  Status Read(const Json& json, ByName<T>& out) {
    RETURN_IF_ERROR(WantObject(json));
    for (const auto& [name, value] : json.members()) {
      T& element = out[name];
      if (!value.IsNull()) RETURN_IF_ERROR(Read(value, element));
    }
    return {};
  }

  template <class T>
    requires requires(const Json& json, T& out, std::vector<Remark>& unknown) {
      ReadStruct(json, out, unknown);
    }
  Status Read(const Json& json, T& out) {
    return ReadStruct(json, out, *unknown_);
  }

 private:
  explicit Fields(std::vector<Remark>& unknown) : unknown_(&unknown) {}
  static Status WantArray(const Json& json);
  static Status WantObject(const Json& json);
  static Status ReadHex(const Json& json, std::span<std::uint8_t> out);
  static Status ReadNumber(const Json& json, std::uint64_t max, std::uint64_t& out);

  std::vector<Remark>* unknown_;
  std::map<std::string, const Json*, std::less<>> left_;  // by folded name
};

}  // namespace strongroom::manifest::parse
