#pragma once

#include <cstdint>
#include <string_view>
#include <variant>

#include "base/secret.h"
#include "manifest/template.h"

// What a template computes with.
namespace strongroom::manifest::gotemplate {

// A secret and the name by which the template found it, for errors.
struct SecretRef {
  const SecretValue* value = nullptr;
  std::string_view name;
};

enum class PartKind { kCertificate, kPublic, kPrivate };

struct Part {
  SecretRef secret;
  PartKind kind = PartKind::kPublic;

  ByteView Bytes() const;
};

// The structs of the data root.
enum class Scope { kRoot, kPrevious, kMarbleRun };

using SecretMap = const ByName<const SecretValue*>*;

// Texts may hold secrets. Move-only; what else a value points to is borrowed from the TemplateData.
using Value = std::variant<bool, std::int64_t, SecretBytes, Scope, SecretMap, SecretRef, Part>;

Value CloneValue(const Value& value);

// "a text", "a secret", …
std::string_view KindOf(const Value& value);

// Go's truth: not false, not 0, not empty; structs are true.
bool Truth(const Value& value);

// .Name of a value. kMalformed when it has no such field, or there is no such secret; kUnsupported
// for previous secrets where there are none.
Result<Value> FieldOf(const Value& value, std::string_view name, const TemplateData& data);

// A secret of a map by name. kMalformed when there is none.
Result<Value> SecretOf(SecretMap map, std::string_view name);

// As an action prints it. kMalformed for what must go through a function first (secrets and their
// parts) and for structs.
Result<SecretBytes> PrintedText(const Value& value);

// Copies the text into a secret and wipes it.
SecretBytes AdoptText(std::string&& text);

}  // namespace strongroom::manifest::gotemplate
