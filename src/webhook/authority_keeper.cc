#include "webhook/authority_keeper.h"

#include <fmt/format.h>

#include "base/encoding.h"
#include "webhook/json_patch.h"

namespace strongroom::webhook {
namespace {

Result<SecretData> DecodeData(const Json& secret) {
  SecretData out;
  const Json* data = secret.Find("data");
  if (data == nullptr) return out;
  for (const auto& [name, value] : data->members()) {
    ASSIGN_OR_RETURN(const std::string_view text, value.String());
    ASSIGN_OR_RETURN(Bytes bytes, In(name, Base64Decode(text)));
    out[name] = SecretBytes::Adopt(std::move(bytes));
  }
  return out;
}

// What the API server is sent, hence text (SECURITY.md: borders that cannot wipe).
std::string EncodeData(const ServingState& state) {
  JsonWriter writer;
  writer.Object();
  for (const auto& [name, text] : ToSecretData(state)) {
    std::string encoded = Base64Encode(text.Reveal());
    writer.Key(name).String(encoded);
    Wipe(encoded);
  }
  return std::move(writer.End()).Finish();
}

std::string_view TextAt(const Json& object, std::string_view outer, std::string_view inner) {
  const Json* value = object.Find(outer);
  if (value == nullptr) return {};
  return value->GetString(inner).value_or(std::string_view());
}

}  // namespace

AuthorityKeeper::AuthorityKeeper(k8s::ApiClient& api, KeeperOptions options, const Clock& clock,
                                 Log& log, Show show)
    : api_(api), options_(std::move(options)), clock_(clock), log_(log), show_(std::move(show)) {}

Status AuthorityKeeper::Step() {
  ASSIGN_OR_RETURN(const Stored stored, Read());
  ASSIGN_OR_RETURN(const ServingState state, Decide(stored));
  if (!stored.state.has_value() || !(stored.state->leaf == state.leaf) ||
      CaBundle(*stored.state) != CaBundle(state)) {
    RETURN_IF_ERROR(Write(stored, state));
    log_.Info("certificates renewed",
              {{"until", FormatRfc3339(state.leaf.fields().not_after)},
               {"authority-until", FormatRfc3339(state.current.certificate.fields().not_after)}});
  }
  const Status published = Publish(state);
  if (shown_ == state.leaf) return published;
  if (!published.has_value() && shown_.has_value()) return published;
  RETURN_IF_ERROR(show_(state));
  shown_ = state.leaf;
  return published;
}

Result<AuthorityKeeper::Stored> AuthorityKeeper::Read() {
  const auto secret = api_.Get(
      fmt::format("/api/v1/namespaces/{}/secrets/{}", options_.name_space, options_.secret));
  if (!secret.has_value()) {
    if (secret.error().code() == Code::kNotFound) return Stored{};
    return std::unexpected(secret.error());
  }
  Stored out{.version = std::string(TextAt(secret->root(), "metadata", "resourceVersion"))};
  if (out.version.empty()) return Malformed("the secret has no resourceVersion");
  const auto data = DecodeData(secret->root());
  if (data.has_value() && data->empty()) return out;
  auto state = data.has_value() ? FromSecretData(*data) : std::unexpected(data.error());
  if (state.has_value()) {
    out.state = *std::move(state);
  } else {
    log_.Warn("the secret holds no usable certificates, making new ones",
              {{"secret", options_.secret}, {"error", state.error().message()}});
  }
  return out;
}

Result<ServingState> AuthorityKeeper::Decide(const Stored& stored) const {
  const UnixSeconds now = clock_.Now();
  if (!stored.state.has_value() || stored.state->current.certificate.fields().not_after < now)
    return MakeServingState(options_.names, now);
  ASSIGN_OR_RETURN(std::optional<ServingState> renewed, Renew(*stored.state, options_.names, now));
  return renewed.has_value() ? *std::move(renewed) : *stored.state;
}

Status AuthorityKeeper::Write(const Stored& stored, const ServingState& state) {
  const std::string folder = fmt::format("/api/v1/namespaces/{}/secrets", options_.name_space);
  if (stored.version.empty()) {
    JsonWriter writer;
    writer.Object().Key("apiVersion").String("v1").Key("kind").String("Secret");
    writer.Key("metadata").Object().Key("name").String(options_.secret).End();
    writer.Key("type").String("Opaque").Key("data").Raw(EncodeData(state)).End();
    const auto made = api_.Create(folder, writer.text());
    if (!made.has_value()) return std::unexpected(made.error());
    return {};
  }
  // Setting the version that was read makes the write conditional: 409 when another was faster.
  // "add" puts a member in the place of the one that is there (RFC 6902, 4.1).
  JsonPatch patch;
  patch.Add("/metadata/resourceVersion", Quoted(stored.version));
  patch.Add("/data", EncodeData(state));
  const auto written = api_.JsonPatch(fmt::format("{}/{}", folder, options_.secret), patch.Text());
  if (!written.has_value()) return std::unexpected(written.error());
  return {};
}

Status AuthorityKeeper::Publish(const ServingState& state) {
  const std::string bundle = Base64Encode(AsBytes(CaBundle(state)));
  const Status mutating = PublishTo("mutatingwebhookconfigurations", bundle);
  const Status validating = PublishTo("validatingwebhookconfigurations", bundle);
  return mutating.has_value() ? validating : mutating;
}

Status AuthorityKeeper::PublishTo(const std::string& kind, const std::string& bundle) {
  const std::string path = fmt::format("/apis/admissionregistration.k8s.io/v1/{}/{}", kind,
                                       options_.webhook_configuration);
  ASSIGN_OR_RETURN(const JsonDocument found, api_.Get(path));
  const Json* webhooks = found.root().Find("webhooks");
  if (webhooks == nullptr) return {};
  JsonPatch patch;
  for (std::size_t i = 0; i < webhooks->items().size(); ++i) {
    const Json& webhook = webhooks->items()[i];
    if (TextAt(webhook, "clientConfig", "caBundle") == bundle) continue;
    const std::string pointer = Pointer("/webhooks", i);
    ASSIGN_OR_RETURN(const std::string_view name, webhook.GetString("name"));
    patch.Test(Pointer(pointer, "name"), Quoted(name));
    patch.Add(Pointer(pointer, "clientConfig") + "/caBundle", Quoted(bundle));
  }
  if (patch.empty()) return {};
  const auto patched = api_.JsonPatch(path, patch.Text());
  if (!patched.has_value()) return std::unexpected(patched.error());
  log_.Info("authority published", {{"kind", kind}, {"name", options_.webhook_configuration}});
  return {};
}

}  // namespace strongroom::webhook
