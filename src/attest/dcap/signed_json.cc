#include "attest/dcap/signed_json.h"

#include "attest/dcap/json_fields.h"

namespace strongroom::attest::dcap {
namespace {

constexpr JsonLimits kLimits = {.max_bytes = 256UL * 1024, .max_depth = 16, .max_values = 100'000};
constexpr std::size_t kSignatureBytes = 64;

}  // namespace

Result<SignedJson> SignedJson::Parse(std::string_view text, std::string_view name) {
  ASSIGN_OR_RETURN(JsonDocument document, JsonDocument::Parse(text, kLimits));
  const Json& root = document.root();
  RETURN_IF_ERROR(ExpectOnly(root, {name, "signature"}));
  ASSIGN_OR_RETURN(const Json* body, root.Get(name));
  if (!body->IsObject()) return Malformed(body->path() + " is no object");
  ASSIGN_OR_RETURN(Bytes signature, GetHexBytes(root, "signature", kSignatureBytes));
  return SignedJson(std::move(document), body, std::move(signature));
}

Status SignedJson::VerifySignature(const crypto::PublicKey& key) const {
  return key.VerifyRaw(crypto::SignatureScheme::kEcdsaSha256, AsBytes(body_->raw()), signature_);
}

}  // namespace strongroom::attest::dcap
