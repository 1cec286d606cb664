#include "manifest/gotemplate/value.h"

#include <array>
#include <utility>

#include <fmt/format.h>

namespace strongroom::manifest::gotemplate {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

SecretBytes Literal(std::string_view text) { return SecretBytes(AsBytes(text)); }

std::unexpected<Error> NoField(std::string_view of, std::string_view name) {
  return Malformed(fmt::format("{} has no field {} here", of, name.substr(0, 80)));
}

Result<Value> RootField(Scope scope, std::string_view name, const TemplateData& data) {
  if (scope == Scope::kRoot) {
    if (name == "Secrets") return Value(&data.secrets);
    if (name == "Previous") return Value(Scope::kPrevious);
    if (name == "MarbleRun") return Value(Scope::kMarbleRun);
    return NoField("the root of templates", name);
  }
  if (scope == Scope::kPrevious) {
    if (name == "Secrets" && data.previous_secrets.empty()) {
      return Unsupported(
          ".Previous.Secrets is empty: previous values come with updates of the manifest, which "
          "are not carried out by this version");
    }
    if (name == "Secrets") return Value(&data.previous_secrets);
    return NoField(".Previous", name);
  }
  using Entry = std::pair<std::string_view, const SecretValue*>;
  const std::array<Entry, 4> entries = {
      Entry{"RootCA", data.root_ca}, Entry{"MarbleCert", data.marble_cert},
      Entry{"CoordinatorRoot", data.coordinator_root},
      Entry{"CoordinatorIntermediate", data.coordinator_intermediate}};
  for (const auto& [key, value] : entries) {
    if (key != name) continue;
    if (value == nullptr)
      return Malformed(fmt::format(".MarbleRun.{} is not available here", name));
    return Value(SecretRef{value, key});
  }
  return NoField(".MarbleRun", name);
}

Result<Value> SecretField(const SecretRef& secret, std::string_view name) {
  const Secret& definition = secret.value->definition;
  if (name == "Cert") return Value(Part{secret, PartKind::kCertificate});
  if (name == "Public") return Value(Part{secret, PartKind::kPublic});
  if (name == "Private") return Value(Part{secret, PartKind::kPrivate});
  if (name == "Type") return Value(Literal(SecretTypeName(definition.type)));
  if (name == "Size") return Value(static_cast<std::int64_t>(definition.size));
  if (name == "Shared") return Value(definition.shared);
  if (name == "UserDefined") return Value(definition.user_defined);
  if (name == "ValidFor") return Value(static_cast<std::int64_t>(definition.valid_for));
  return NoField("a secret", name);
}

}  // namespace

ByteView Part::Bytes() const {
  switch (kind) {
    case PartKind::kCertificate: return secret.value->certificate;
    case PartKind::kPublic: return secret.value->public_part.Reveal();
    case PartKind::kPrivate: return secret.value->private_part.Reveal();
  }
  return {};
}

SecretBytes AdoptText(std::string&& text) {
  SecretBytes out(AsBytes(text));
  Wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  text.clear();
  return out;
}

Value CloneValue(const Value& value) {
  return std::visit(Overloaded{[](const SecretBytes& text) { return Value(text.Clone()); },
                               [](const auto& other) { return Value(other); }},
                    value);
}

std::string_view KindOf(const Value& value) {
  constexpr std::array<std::string_view, 7> names = {
      "a boolean",        "a number", "a text",          "a struct",
      "a map of secrets", "a secret", "part of a secret"};
  return names[value.index()];
}

bool Truth(const Value& value) {
  return std::visit(Overloaded{[](bool b) { return b; }, [](std::int64_t n) { return n != 0; },
                               [](const SecretBytes& text) { return !text.empty(); },
                               [](SecretMap map) { return !map->empty(); },
                               [](const Part& part) {
                                 return part.kind == PartKind::kCertificate ||
                                        !part.Bytes().empty();
                               },
                               [](const auto&) { return true; }},
                    value);
}

Result<Value> SecretOf(SecretMap map, std::string_view name) {
  const auto found = map->find(name);
  if (found == map->end() || found->second == nullptr) {
    return Malformed(fmt::format("there is no secret \"{}\"", name.substr(0, 80)));
  }
  return Value(SecretRef{found->second, found->first});
}

Result<Value> FieldOf(const Value& value, std::string_view name, const TemplateData& data) {
  if (const Scope* scope = std::get_if<Scope>(&value)) return RootField(*scope, name, data);
  if (const SecretMap* map = std::get_if<SecretMap>(&value)) return SecretOf(*map, name);
  if (const SecretRef* secret = std::get_if<SecretRef>(&value)) return SecretField(*secret, name);
  return NoField(KindOf(value), name);
}

Result<SecretBytes> PrintedText(const Value& value) {
  if (const SecretBytes* text = std::get_if<SecretBytes>(&value)) return text->Clone();
  if (const bool* b = std::get_if<bool>(&value)) return Literal(*b ? "true" : "false");
  if (const std::int64_t* n = std::get_if<std::int64_t>(&value))
    return Literal(fmt::format("{}", *n));
  return Malformed(fmt::format(
      "{} cannot be printed, wanted pem, hex, base64, raw or string before it", KindOf(value)));
}

}  // namespace strongroom::manifest::gotemplate
