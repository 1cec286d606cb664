#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace strongroom::webhook {

// A JSON Pointer (RFC 6901) one step below `parent`: `~` becomes `~0` and `/` becomes `~1`.
std::string Pointer(std::string_view parent, std::string_view member);
std::string Pointer(std::string_view parent, std::size_t index);

// One string as JSON text.
std::string Quoted(std::string_view text);
// Strings as a JSON array.
std::string QuotedArray(const std::vector<std::string>& texts);

// Members by name; every value is JSON text.
using JsonMembers = std::map<std::string, std::string>;

// A JSON Patch (RFC 6902) that only adds: what an object holds already stays as it is, so nothing
// that this program does not know of is ever lost. Values are JSON text.
class JsonPatch {
 public:
  void Add(std::string_view pointer, std::string_view value);
  // Makes the whole patch fail unless `pointer` holds this.
  void Test(std::string_view pointer, std::string_view value);

  // Appends to the array that the object holds at `pointer`. When it holds none (`existing` is null
  // or JSON null), the array is made, with all values, in one operation.
  void Append(const std::string& pointer, const Json* existing,
              const std::vector<std::string>& values);

  // Adds the members that the object at `pointer` has not; one operation when there is no object.
  void AddMissing(const std::string& pointer, const Json* existing, const JsonMembers& members);

  // Puts values in front of the array at `pointer`, in their order. When there is none, the array
  // is made in one operation.
  void Prepend(const std::string& pointer, const Json* existing,
               const std::vector<std::string>& values);

  bool empty() const { return operations_.empty(); }
  // The pointers that are added to, in order, for people.
  const std::vector<std::string>& added() const { return added_; }
  // The array of operations.
  std::string Text() const;

 private:
  void Operation(std::string_view name, std::string_view pointer, std::string_view value);

  std::string operations_;  // with commas between them
  std::vector<std::string> added_;
};

}  // namespace strongroom::webhook
