#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/encoding.h"
#include "crypto/pem.h"
#include "manifest/fields.h"
#include "manifest/manifest.h"
#include "manifest/words.h"

namespace strongroom::manifest {

// Found by the readers of lists and maps through their argument's namespace;
// one for each struct of the language.
using parse::Fields;
using Unknown = std::vector<Remark>;

namespace {

std::string LowerCase(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return manifest::LowerCase(c); });
  return out;
}

template <class T>
struct Named {
  std::string_view name;
  T value;
};

// One of a few words, exactly as written there.
template <class T, std::size_t N>
Status ReadWord(const Json& json, const std::array<Named<T>, N>& words, T& out) {
  ASSIGN_OR_RETURN(const std::string_view text, json.String());
  std::string wanted;
  for (const Named<T>& word : words) {
    if (word.name == text) {
      out = word.value;
      return {};
    }
    if (!word.name.empty())
      wanted += fmt::format("{}\"{}\"", wanted.empty() ? "" : ", ", word.name);
  }
  return Malformed(
      fmt::format("{} is \"{}\", wanted one of {}", json.path(), text.substr(0, 80), wanted));
}

constexpr std::array<Named<Dialect>, 2> kDialects = {
    {{"strongroom", Dialect::kStrongroom}, {"marblerun", Dialect::kMarbleRun}}};

constexpr std::array<Named<SecretType>, 5> kSecretTypes = {
    {{"symmetric-key", SecretType::kSymmetricKey},
     {"cert-rsa", SecretType::kCertRsa},
     {"cert-ecdsa", SecretType::kCertEcdsa},
     {"cert-ed25519", SecretType::kCertEd25519},
     {"plain", SecretType::kPlain}}};

constexpr std::array<Named<SealMode>, 4> kSealModes = {{{"", SealMode::kProductKey},
                                                        {"ProductKey", SealMode::kProductKey},
                                                        {"UniqueKey", SealMode::kUniqueKey},
                                                        {"Disabled", SealMode::kDisabled}}};

// "2026-05-14", as people speak of TCB dates, or with the time, as Intel's documents have them.
Status ReadTcbDate(const Json& json, std::optional<UnixSeconds>& out) {
  ASSIGN_OR_RETURN(const std::string_view text, json.String());
  constexpr std::size_t date_only = 10;
  const std::string whole = fmt::format("{}{}", text, text.size() == date_only ? "T00:00:00Z" : "");
  ASSIGN_OR_RETURN(out, In(json.path(), ParseRfc3339(whole)));
  return {};
}

}  // namespace

Status ReadStruct(const Json& json, Package& out, Unknown& unknown) {
  ASSIGN_OR_RETURN(Fields fields, Fields::Of(json, unknown));
  RETURN_IF_ERROR(fields.Get("UniqueID", out.unique_id));
  RETURN_IF_ERROR(fields.Get("SignerID", out.signer_id));
  RETURN_IF_ERROR(fields.Get("ProductID", out.product_id));
  RETURN_IF_ERROR(fields.Get("SecurityVersion", out.security_version));
  RETURN_IF_ERROR(fields.Get("Debug", out.debug));
  RETURN_IF_ERROR(fields.Get("AcceptedTCBStatuses", out.accepted_tcb_statuses));
  RETURN_IF_ERROR(fields.Get("AcceptedAdvisories", out.accepted_advisories));
  RETURN_IF_ERROR(fields.Get("TrustAnchors", out.trust_anchors));
  RETURN_IF_ERROR(fields.Get("MinimumTCBEvaluationDataNumber", out.min_evaluation_number));
  if (const Json* date = fields.Take("MinimumTCBDate"); date != nullptr)
    RETURN_IF_ERROR(ReadTcbDate(*date, out.min_tcb_date));
  out.unique_id = LowerCase(out.unique_id);
  out.signer_id = LowerCase(out.signer_id);
  fields.Finish();
  return {};
}

Status ReadStruct(const Json& json, Infrastructure& out, Unknown& unknown) {
  ASSIGN_OR_RETURN(Fields fields, Fields::Of(json, unknown));
  RETURN_IF_ERROR(fields.Get("CPUSVN", out.cpu_svn));
  RETURN_IF_ERROR(fields.Get("QESVN", out.qe_svn));
  RETURN_IF_ERROR(fields.Get("PCESVN", out.pce_svn));
  RETURN_IF_ERROR(fields.Get("RootCA", out.root_ca));
  fields.Finish();
  return {};
}

Status ReadStruct(const Json& json, Parameter& out, Unknown& unknown) {
  if (json.IsString()) {
    ASSIGN_OR_RETURN(const std::string_view text, json.String());
    out.data = text;
    return {};
  }
  ASSIGN_OR_RETURN(Fields fields, Fields::Of(json, unknown));
  std::string encoding;
  RETURN_IF_ERROR(fields.Get("Data", out.data));
  RETURN_IF_ERROR(fields.Get("Encoding", encoding));
  RETURN_IF_ERROR(fields.Get("NoTemplates", out.no_templates));
  fields.Finish();
  encoding = LowerCase(encoding);
  if (encoding.empty() || encoding == "string") return {};
  Bytes decoded;
  if (encoding == "base64") {
    std::erase_if(out.data, [](char c) { return c == '\r' || c == '\n'; });
    ASSIGN_OR_RETURN(decoded, In(json.path() + ".Data", Base64Decode(out.data)));
  } else if (encoding == "hex") {
    ASSIGN_OR_RETURN(decoded, In(json.path() + ".Data", HexDecode(out.data)));
  } else {
    return Malformed(fmt::format("{}.Encoding is \"{}\", wanted string, base64 or hex", json.path(),
                                 encoding.substr(0, 80)));
  }
  out.data = ToText(decoded);
  return {};
}

namespace {

Status ReadParameters(const Json& json, Marble& out, Unknown& unknown) {
  ASSIGN_OR_RETURN(Fields fields, Fields::Of(json, unknown));
  RETURN_IF_ERROR(fields.Get("Files", out.files));
  RETURN_IF_ERROR(fields.Get("Env", out.env));
  RETURN_IF_ERROR(fields.Get("Argv", out.argv));
  fields.Finish();
  return {};
}

}  // namespace

Status ReadStruct(const Json& json, Marble& out, Unknown& unknown) {
  ASSIGN_OR_RETURN(Fields fields, Fields::Of(json, unknown));
  RETURN_IF_ERROR(fields.Get("Package", out.package));
  RETURN_IF_ERROR(fields.Get("MaxActivations", out.max_activations));
  RETURN_IF_ERROR(fields.Get("TLS", out.tls));
  RETURN_IF_ERROR(fields.Get("DisableSecretBinding", out.disable_secret_binding));
  RETURN_IF_ERROR(fields.Get("Models", out.models));
  RETURN_IF_ERROR(fields.Get("SANs", out.sans));
  if (const Json* parameters = fields.Take("Parameters"))
    RETURN_IF_ERROR(ReadParameters(*parameters, out, unknown));
  if (const Json* activation = fields.Take("Activation")) {
    RETURN_IF_ERROR(ReadWord(*activation, kDialects, out.activation.emplace()));
  }
  fields.Finish();
  return {};
}

Status ReadStruct(const Json& json, DistinguishedName& out, Unknown& unknown) {
  ASSIGN_OR_RETURN(Fields fields, Fields::Of(json, unknown));
  RETURN_IF_ERROR(fields.Get("CommonName", out.common_name));
  RETURN_IF_ERROR(fields.Get("SerialNumber", out.serial_number));
  RETURN_IF_ERROR(fields.Get("Country", out.country));
  RETURN_IF_ERROR(fields.Get("Organization", out.organization));
  RETURN_IF_ERROR(fields.Get("OrganizationalUnit", out.organizational_unit));
  RETURN_IF_ERROR(fields.Get("Locality", out.locality));
  RETURN_IF_ERROR(fields.Get("Province", out.province));
  RETURN_IF_ERROR(fields.Get("StreetAddress", out.street_address));
  RETURN_IF_ERROR(fields.Get("PostalCode", out.postal_code));
  return fields.FinishStrictly();
}

Status ReadStruct(const Json& json, CertificateTemplate& out, Unknown& unknown) {
  ASSIGN_OR_RETURN(Fields fields, Fields::Of(json, unknown));
  RETURN_IF_ERROR(fields.Get("Subject", out.subject));
  RETURN_IF_ERROR(fields.Get("DNSNames", out.dns_names));
  RETURN_IF_ERROR(fields.Get("IPAddresses", out.ip_addresses));
  RETURN_IF_ERROR(fields.Get("EmailAddresses", out.email_addresses));
  RETURN_IF_ERROR(fields.Get("KeyUsage", out.key_usage));
  RETURN_IF_ERROR(fields.Get("ExtKeyUsage", out.ext_key_usage));
  RETURN_IF_ERROR(fields.Get("NotBefore", out.not_before));
  RETURN_IF_ERROR(fields.Get("NotAfter", out.not_after));
  RETURN_IF_ERROR(fields.Get("IsCA", out.is_ca));
  fields.Take("BasicConstraintsValid");  // always written
  return fields.FinishStrictly();
}

Status ReadStruct(const Json& json, Secret& out, Unknown& unknown) {
  ASSIGN_OR_RETURN(Fields fields, Fields::Of(json, unknown));
  const Json* type = fields.Take("Type");
  if (type == nullptr) return Malformed(fmt::format("{} has no Type", json.path()));
  RETURN_IF_ERROR(ReadWord(*type, kSecretTypes, out.type));
  RETURN_IF_ERROR(fields.Get("Size", out.size));
  RETURN_IF_ERROR(fields.Get("Shared", out.shared));
  RETURN_IF_ERROR(fields.Get("UserDefined", out.user_defined));
  RETURN_IF_ERROR(fields.Get("ValidFor", out.valid_for));
  RETURN_IF_ERROR(fields.Get("Cert", out.cert));
  // A definition carries no value; one that does was meant for another door,
  // and its author must hear it.
  for (const std::string_view value : {"Private", "Public"}) {
    if (fields.Take(value) != nullptr) {
      return Malformed(
          fmt::format("{} has a value in {}, wanted a definition only", json.path(), value));
    }
  }
  fields.Finish();
  return {};
}

Status ReadStruct(const Json& json, User& out, Unknown& unknown) {
  ASSIGN_OR_RETURN(Fields fields, Fields::Of(json, unknown));
  RETURN_IF_ERROR(fields.Get("Certificate", out.certificate_pem));
  if (auto der = crypto::DecodeOnePem(out.certificate_pem, crypto::kCertificateLabel);
      der.has_value()) {
    out.certificate_der = std::move(*der);
  }
  RETURN_IF_ERROR(fields.Get("Roles", out.roles));
  fields.Finish();
  return {};
}

Status ReadStruct(const Json& json, Role& out, Unknown& unknown) {
  ASSIGN_OR_RETURN(Fields fields, Fields::Of(json, unknown));
  RETURN_IF_ERROR(fields.Get("ResourceType", out.resource_type));
  RETURN_IF_ERROR(fields.Get("ResourceNames", out.resource_names));
  RETURN_IF_ERROR(fields.Get("Actions", out.actions));
  fields.Finish();
  return {};
}

Status ReadStruct(const Json& json, TlsEntry& out, Unknown& unknown) {
  ASSIGN_OR_RETURN(Fields fields, Fields::Of(json, unknown));
  RETURN_IF_ERROR(fields.Get("Addr", out.addr));
  RETURN_IF_ERROR(fields.Get("Port", out.port));
  RETURN_IF_ERROR(fields.Get("Cert", out.cert));
  RETURN_IF_ERROR(fields.Get("DisableClientAuth", out.disable_client_auth));
  fields.Finish();
  return {};
}

Status ReadStruct(const Json& json, TlsTag& out, Unknown& unknown) {
  ASSIGN_OR_RETURN(Fields fields, Fields::Of(json, unknown));
  RETURN_IF_ERROR(fields.Get("Outgoing", out.outgoing));
  RETURN_IF_ERROR(fields.Get("Incoming", out.incoming));
  fields.Finish();
  return {};
}

Status ReadStruct(const Json& json, Config& out, Unknown& unknown) {
  ASSIGN_OR_RETURN(Fields fields, Fields::Of(json, unknown));
  if (const Json* mode = fields.Take("SealMode"))
    RETURN_IF_ERROR(ReadWord(*mode, kSealModes, out.seal_mode));
  RETURN_IF_ERROR(fields.Get("FeatureGates", out.feature_gates));
  RETURN_IF_ERROR(fields.Get("UpdateThreshold", out.update_threshold));
  RETURN_IF_ERROR(fields.Get("RecoveryThreshold", out.recovery_threshold));
  RETURN_IF_ERROR(fields.Get("RotateRootSecret", out.rotate_root_secret));
  fields.Finish();
  return {};
}

Status ReadStruct(const Json& json, Model& out, Unknown& unknown) {
  ASSIGN_OR_RETURN(Fields fields, Fields::Of(json, unknown));
  RETURN_IF_ERROR(fields.Get("Key", out.key));
  RETURN_IF_ERROR(fields.Get("EmbeddedPrefix", out.embedded_prefix));
  RETURN_IF_ERROR(fields.Get("Files", out.files));
  RETURN_IF_ERROR(fields.Get("Clients", out.clients));
  fields.Finish();
  return {};
}

Status ReadStruct(const Json& json, Manifest& out, Unknown& unknown) {
  ASSIGN_OR_RETURN(Fields fields, Fields::Of(json, unknown));
  RETURN_IF_ERROR(fields.Get("Packages", out.packages));
  RETURN_IF_ERROR(fields.Get("Infrastructures", out.infrastructures));
  RETURN_IF_ERROR(fields.Get("Marbles", out.marbles));
  RETURN_IF_ERROR(fields.Get("Users", out.users));
  RETURN_IF_ERROR(fields.Get("Roles", out.roles));
  RETURN_IF_ERROR(fields.Get("Secrets", out.secrets));
  RETURN_IF_ERROR(fields.Get("TLS", out.tls));
  RETURN_IF_ERROR(fields.Get("RecoveryKeys", out.recovery_keys));
  RETURN_IF_ERROR(fields.Get("Config", out.config));
  RETURN_IF_ERROR(fields.Get("Models", out.models));
  fields.Finish();
  return {};
}

Result<Manifest> ParseManifest(std::string_view json) {
  constexpr JsonLimits limits{
      .max_bytes = kMaxManifestBytes, .max_depth = 32, .max_values = 200'000};
  ASSIGN_OR_RETURN(const JsonDocument document, JsonDocument::Parse(json, limits));
  if (!document.root().IsObject()) return Malformed("the manifest is no JSON object, wanted one");
  Manifest out;
  RETURN_IF_ERROR(ReadStruct(document.root(), out, out.unknown));
  return out;
}

Sha256Digest Fingerprint(std::string_view json) { return crypto::Sha256(AsBytes(json)); }

std::string_view SecretTypeName(SecretType type) {
  for (const auto& word : kSecretTypes) {
    if (word.value == type) return word.name;
  }
  return "unknown";
}

bool IsCertificate(SecretType type) {
  return type == SecretType::kCertRsa || type == SecretType::kCertEcdsa ||
         type == SecretType::kCertEd25519;
}

bool MayActivateBy(const Marble& marble, Dialect dialect) {
  if (dialect == Dialect::kStrongroom) return true;
  if (marble.activation == Dialect::kStrongroom) return false;
  return marble.models.empty() && marble.sans.empty();
}

std::vector<std::string> SansOf(std::string_view marble_name, const Marble& marble) {
  if (!marble.sans.empty()) return marble.sans;
  return {std::string(marble_name), "localhost"};
}

}  // namespace strongroom::manifest
