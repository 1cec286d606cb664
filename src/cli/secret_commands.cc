#include <fmt/format.h>

#include "base/encoding.h"
#include "base/files.h"
#include "cli/commands.h"
#include "cli/coordinator_client.h"
#include "cli/manifest_reference.h"
#include "crypto/key.h"
#include "crypto/pem.h"

namespace strongroom::cli {
namespace {

constexpr std::size_t kMaxSecretFile = 1 << 20;

// The manifest that the secret is given to: named now, or pinned by an earlier verification.
Result<std::string> TargetManifest(const Arguments& arguments, const std::string& name) {
  if (const auto reference = arguments.Optional("manifest")) return FingerprintOf(*reference);
  ASSIGN_OR_RETURN(const Pins pins, Pins::OfThisUser());
  ASSIGN_OR_RETURN(const std::optional<Pin> pin, pins.Find(name));
  if (pin.has_value() && !pin->manifest_sha256.empty()) return pin->manifest_sha256;
  return Precondition(
      fmt::format("a secret is given to a manifest, and none of {} was verified; run \"strongroom "
                  "verify{} --identity FILE "
                  "--manifest FILE|SHA256\" first, or name it with --manifest",
                  name, TypedTarget(arguments)));
}

// The "secrets" member as JSON text. Borders that cannot wipe: JSON text holds the secret for the
// length of the call.
Result<std::string> SecretsJson(const Arguments& arguments) {
  const std::string& file = arguments.One("FILE");
  const auto raw_name = arguments.Optional("from-file"), pem_name = arguments.Optional("from-pem");
  if (raw_name && pem_name)
    return WrongUsage("both --from-file and --from-pem are given, wanted one");
  ASSIGN_OR_RETURN(const SecretBytes content, ReadSecretFile(file, kMaxSecretFile));
  JsonWriter out;
  if (raw_name) {
    out.Object()
        .Key(*raw_name)
        .Object()
        .Key("Key")
        .String(Base64Encode(content.Reveal()))
        .End()
        .End();
    return std::move(out).Finish();
  }
  if (pem_name) {
    const std::string_view text = AsText(content.Reveal());
    const auto certificate = crypto::Certificate::ChainFromPem(text, 16);
    const auto key = crypto::PrivateKey::FromPem(text);
    if (!certificate.has_value() && !key.has_value()) {
      return Malformed(file + " holds neither a certificate nor a private key in PEM");
    }
    out.Object().Key(*pem_name).Object();
    if (certificate.has_value()) out.Key("Cert").String(Base64Encode(certificate->front().der()));
    if (key.has_value()) out.Key("Private").String(Base64Encode(key->Pkcs8Der().Reveal()));
    out.End().End();
    return std::move(out).Finish();
  }
  ASSIGN_OR_RETURN(
      const JsonDocument document,
      In(file, JsonDocument::Parse(AsText(content.Reveal()), {.max_bytes = kMaxSecretFile})));
  if (!document.root().IsObject()) {
    return Malformed(file +
                     " is no JSON object of secrets; a raw key is given with --from-file NAME");
  }
  return std::string(document.root().raw());
}

Result<Exit> Set(const Arguments& arguments, Console& console) {
  ASSIGN_OR_RETURN(const std::string name, TargetName(arguments));
  ASSIGN_OR_RETURN(const std::string secrets, SecretsJson(arguments));
  ASSIGN_OR_RETURN(const auto user, UserCredentials(arguments));
  ASSIGN_OR_RETURN(const std::string fingerprint, TargetManifest(arguments, name));
  ASSIGN_OR_RETURN(CoordinatorClient client, OpenVerified(arguments, user));
  // Looked at before the secret leaves; the coordinator compares again with what is sent along.
  ASSIGN_OR_RETURN(const HeldManifest held, client.GetManifest());
  RETURN_IF_ERROR(ExpectFingerprint(name, held.fingerprint, fingerprint));
  JsonWriter body;
  body.Object().Key("manifestFingerprint").String(fingerprint).Key("secrets").Raw(secrets).End();
  RETURN_IF_ERROR(client.Post("/api/v2/secrets", body.text()));
  console.Line("secret set for manifest " + fingerprint);
  console.Json(JsonWriter().Object().Key("manifest").String(fingerprint).End());
  return Exit::kDone;
}

Result<Exit> Get(const Arguments& typed, Console& console) {
  std::vector<std::string> words = typed.All("NAME... HOST:PORT");
  Arguments arguments = typed;
  // The last word is the address, unless a cluster is named.
  if (!typed.Has("kube-context") && !typed.Has("namespace")) {
    if (words.size() < 2)
      return WrongUsage("wanted at least one secret's name, then HOST:PORT or -n");
    arguments.Add("HOST:PORT", words.back());
    words.pop_back();
  }
  ASSIGN_OR_RETURN(const auto user, UserCredentials(arguments));
  ASSIGN_OR_RETURN(CoordinatorClient client, OpenVerified(arguments, user));
  std::string path = "/api/v2/secrets";
  for (std::size_t i = 0; i < words.size(); ++i) {
    path += (i == 0 ? "?s=" : "&s=") + PercentEncode(words[i]);
  }
  ASSIGN_OR_RETURN(const JsonDocument data, client.Get(path));
  ASSIGN_OR_RETURN(const Json* secrets, data.root().Get("secrets"));
  const std::string text = std::string(secrets->raw()) + "\n";
  if (const auto file = typed.Optional("output")) {
    RETURN_IF_ERROR(WriteFileAtomic(*file, AsBytes(text), 0600));
    console.Line("wrote " + *file);
    console.Json(JsonWriter().Object().Key("file").String(*file).End());
    return Exit::kDone;
  }
  console.Bytes(text);
  console.Json(JsonWriter().Raw(secrets->raw()));
  return Exit::kDone;
}

std::vector<Flag> Flags(std::vector<Flag> own) {
  for (const auto& more : {UserFlags(true), CoordinatorFlags()})
    own.insert(own.end(), more.begin(), more.end());
  return own;
}

}  // namespace

std::vector<Command> SecretCommands() {
  return {
      {.path = {"secret", "set"},
       .summary = "give a secret to a verified manifest",
       .details = "FILE is a JSON object {\"name\": {\"Key\": base64} or {\"Cert\": base64, "
                  "\"Private\": base64}}. The manifest\n"
                  "must have been verified (strongroom verify --manifest) or be named with "
                  "--manifest: the secret is sent with\n"
                  "its fingerprint, and a coordinator that holds another manifest does not get it.",
       .positionals = {{.name = "FILE", .help = "the secret, as JSON unless told otherwise"},
                       CoordinatorPositional()},
       .flags = Flags({{.name = "--from-file",
                        .value = "NAME",
                        .help = "FILE holds the raw bytes of this secret"},
                       {.name = "--from-pem",
                        .value = "NAME",
                        .help = "FILE holds its certificate and key in PEM"},
                       {.name = "--manifest",
                        .value = "FILE|SHA256",
                        .help = "the manifest it is given to (default: the pinned one)"}}),
       .examples = {"strongroom secret set model.key coordinator.example --from-file model_key -c "
                    "owner.crt -k owner.key"},
       .run = Set},
      {.path = {"secret", "get"},
       .summary = "read secrets that the user may read",
       .positionals = {{.name = "NAME... HOST:PORT",
                        .help = "names of secrets, then the coordinator's client API unless -n or "
                                "--kube-context names a cluster",
                        .repeated = true}},
       .flags = Flags(
           {{.name = "--output,-o", .value = "FILE", .help = "write them there (mode 0600)"}}),
       .run = Get},
  };
}

}  // namespace strongroom::cli
