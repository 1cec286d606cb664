#include "coordinator/api/secrets_json.h"

#include <utility>

#include <fmt/format.h>

#include "base/encoding.h"
#include "manifest/words.h"

namespace strongroom::coordinator {
namespace {

Result<Bytes> Base64Member(const Json& value) {
  if (value.IsNull()) return Bytes{};
  ASSIGN_OR_RETURN(const std::string_view text, value.String());
  return In(value.path(), Base64Decode(text));
}

Result<SecretUpload> ParseUpload(const Json& json) {
  if (!json.IsObject()) return Malformed(json.path() + ": wanted an object");
  SecretUpload out;
  for (const auto& [name, value] : json.members()) {
    ASSIGN_OR_RETURN(Bytes bytes, Base64Member(value));
    if (manifest::EqualInAnyCase(name, "Key")) {
      out.key = SecretBytes::Adopt(std::move(bytes));
    } else if (manifest::EqualInAnyCase(name, "Cert")) {
      out.certificate = std::move(bytes);
    } else if (manifest::EqualInAnyCase(name, "Private")) {
      out.private_key = SecretBytes::Adopt(std::move(bytes));
    } else {
      return Malformed(json.path() + ": unknown member, wanted Key, or Cert and Private");
    }
  }
  return out;
}

void WriteBytes(ByteView bytes, JsonWriter& w) {
  if (bytes.empty()) {
    w.Null();
  } else {
    w.String(Base64Encode(bytes));
  }
}

void WriteSecret(const manifest::SecretValue& value, JsonWriter& w) {
  w.Object();
  w.Key("Type").String(manifest::SecretTypeName(value.definition.type));
  w.Key("Size").Unsigned(value.definition.size);
  w.Key("Shared").Bool(value.definition.shared);
  w.Key("UserDefined").Bool(value.definition.user_defined);
  w.Key("Cert");
  WriteBytes(value.certificate, w);
  w.Key("ValidFor").Unsigned(value.definition.valid_for);
  w.Key("Private");
  WriteBytes(value.private_part.Reveal(), w);
  w.Key("Public");
  WriteBytes(value.public_part.Reveal(), w);
  w.End();
}

}  // namespace

Result<SecretsUpload> ParseSecretsUpload(std::string_view json) {
  ASSIGN_OR_RETURN(const JsonDocument document,
                   JsonDocument::Parse(json, {.max_bytes = kMaxSecretsUploadBytes}));
  SecretsUpload out;
  // A misspelt fingerprint must not mean "no fingerprint".
  for (const auto& [name, value] : document.root().members()) {
    if (name != "secrets" && name != "manifestFingerprint") {
      return Malformed(fmt::format("member \"{}\", wanted secrets and manifestFingerprint only",
                                   name.substr(0, 80)));
    }
  }
  ASSIGN_OR_RETURN(const Json* secrets, document.root().Get("secrets"));
  if (!secrets->IsObject()) return Malformed("secrets: wanted an object");
  for (const auto& [name, value] : secrets->members()) {
    ASSIGN_OR_RETURN(SecretUpload upload, ParseUpload(value));
    out.secrets.emplace(name, std::move(upload));
  }
  if (const Json* expected = document.root().Find("manifestFingerprint"); expected != nullptr) {
    ASSIGN_OR_RETURN(const std::string_view hex, expected->String());
    ASSIGN_OR_RETURN(const Bytes digest, In("manifestFingerprint", HexDecode(hex)));
    ASSIGN_OR_RETURN(out.expected, In("manifestFingerprint", manifest::Sha256Digest::From(digest)));
  }
  return out;
}

void WriteSecrets(const std::vector<NamedSecret>& secrets, JsonWriter& w) {
  w.Object().Key("secrets").Object();
  for (const auto& [name, value] : secrets) {
    w.Key(name);
    WriteSecret(*value, w);
  }
  w.End().End();
}

}  // namespace strongroom::coordinator
