#include <algorithm>

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/json.h"
#include "sim/world.h"
#include "sim/world_builder.h"

namespace strongroom::sim {
namespace {

constexpr std::string_view kFormat = "strongroom-simulated-world/1";

void WriteKey(JsonWriter& json, std::string_view name, const crypto::PrivateKey& key) {
  json.Key(name).String(Base64Encode(key.Pkcs8Der().Reveal()));
}

void WriteCertifiedKey(JsonWriter& json, std::string_view name, const CertifiedKey& certified) {
  json.Key(name).Object();
  WriteKey(json, "key", certified.key);
  json.Key("certificate").String(Base64Encode(certified.certificate.der())).End();
}

void WritePlatform(JsonWriter& json, const Platform& platform) {
  const PlatformKeys& keys = platform.keys();
  json.Object().Key("name").String(platform.model().name);
  json.Key("ppid").String(HexEncode(platform.identity().ppid.view()));
  json.Key("instance_id")
      .String(
          HexEncode(platform.identity().instance_id.value_or(attest::PlatformInstanceId()).view()));
  json.Key("qe_id").String(HexEncode(platform.qe_id()));
  WriteCertifiedKey(json, "pck", keys.pck);
  WriteKey(json, "attestation_key", keys.attestation_key);
  json.Key("sealing_secret").String(Base64Encode(keys.sealing_secret.Reveal()));
  json.End();
}

Result<Bytes> ReadBase64(const Json& object, std::string_view name) {
  ASSIGN_OR_RETURN(const std::string_view text, object.GetString(name));
  return In(name, Base64Decode(text));
}

Result<Bytes> ReadHex(const Json& object, std::string_view name) {
  ASSIGN_OR_RETURN(const std::string_view text, object.GetString(name));
  return In(name, HexDecode(text));
}

Status ExpectSize(std::string_view name, ByteView bytes, std::size_t wanted) {
  if (bytes.size() == wanted) return {};
  return Malformed(fmt::format("{} has {} bytes, wanted {}", name, bytes.size(), wanted));
}

Result<crypto::PrivateKey> ReadKey(const Json& object, std::string_view name) {
  ASSIGN_OR_RETURN(Bytes der, ReadBase64(object, name));
  const SecretBytes secret = SecretBytes::Adopt(std::move(der));
  return crypto::PrivateKey::FromPkcs8Der(secret.Reveal());
}

Result<CertifiedKey> ReadCertifiedKey(const Json& parent, std::string_view name) {
  ASSIGN_OR_RETURN(const Json* object, parent.Get(name));
  ASSIGN_OR_RETURN(crypto::PrivateKey key, ReadKey(*object, "key"));
  ASSIGN_OR_RETURN(const Bytes der, ReadBase64(*object, "certificate"));
  ASSIGN_OR_RETURN(crypto::Certificate certificate, crypto::Certificate::FromDer(der));
  return CertifiedKey{.key = std::move(key), .certificate = std::move(certificate)};
}

Result<PlatformModel> FindModel(std::string_view name) {
  const auto models = PlatformModels();
  const auto it = std::ranges::find(models, name, &PlatformModel::name);
  if (it == models.end())
    return Unsupported(fmt::format("platform \"{}\" is none that this version knows", name));
  return *it;
}

Result<WorldBuilder::PlatformParts> ReadPlatform(const Json& object) {
  ASSIGN_OR_RETURN(const std::string_view name, object.GetString("name"));
  ASSIGN_OR_RETURN(const PlatformModel model, FindModel(name));
  ASSIGN_OR_RETURN(const Bytes ppid_bytes, ReadHex(object, "ppid"));
  ASSIGN_OR_RETURN(const auto ppid, attest::Ppid::From(ppid_bytes));
  ASSIGN_OR_RETURN(const Bytes instance_bytes, ReadHex(object, "instance_id"));
  ASSIGN_OR_RETURN(const auto instance, attest::PlatformInstanceId::From(instance_bytes));
  ASSIGN_OR_RETURN(Bytes qe_id, ReadHex(object, "qe_id"));
  RETURN_IF_ERROR(ExpectSize("qe_id", qe_id, kQeIdBytes));
  ASSIGN_OR_RETURN(CertifiedKey pck, ReadCertifiedKey(object, "pck"));
  ASSIGN_OR_RETURN(crypto::PrivateKey attestation_key, ReadKey(object, "attestation_key"));
  ASSIGN_OR_RETURN(Bytes sealing_secret, ReadBase64(object, "sealing_secret"));
  RETURN_IF_ERROR(ExpectSize("sealing_secret", sealing_secret, kSealingSecretBytes));
  return WorldBuilder::PlatformParts{
      .model = model,
      .identity = IdentityOf(model, ppid, instance),
      .qe_id = std::move(qe_id),
      .keys = {.pck = std::move(pck),
               .attestation_key = std::move(attestation_key),
               .sealing_secret = SecretBytes::Adopt(std::move(sealing_secret))}};
}

Result<WorldKeys> ReadWorldKeys(const Json& root_object) {
  ASSIGN_OR_RETURN(CertifiedKey root, ReadCertifiedKey(root_object, "root"));
  ASSIGN_OR_RETURN(CertifiedKey platform_ca, ReadCertifiedKey(root_object, "platform_ca"));
  ASSIGN_OR_RETURN(CertifiedKey processor_ca, ReadCertifiedKey(root_object, "processor_ca"));
  ASSIGN_OR_RETURN(CertifiedKey tcb_signing, ReadCertifiedKey(root_object, "tcb_signing"));
  return WorldKeys{.root = std::move(root),
                   .platform_ca = std::move(platform_ca),
                   .processor_ca = std::move(processor_ca),
                   .tcb_signing = std::move(tcb_signing)};
}

}  // namespace

Result<SecretBytes> World::Serialize() const {
  JsonWriter json;
  json.Object().Key("format").String(kFormat);
  WriteCertifiedKey(json, "root", keys_->root);
  WriteCertifiedKey(json, "platform_ca", keys_->platform_ca);
  WriteCertifiedKey(json, "processor_ca", keys_->processor_ca);
  WriteCertifiedKey(json, "tcb_signing", keys_->tcb_signing);
  json.Key("platforms").Array();
  for (const Platform& platform : platforms_) WritePlatform(json, platform);
  json.End().End();
  return SecretBytes(AsBytes(json.text()));
}

Result<World> World::Parse(ByteView text) {
  ASSIGN_OR_RETURN(const JsonDocument document, JsonDocument::Parse(AsText(text)));
  const Json& root = document.root();
  ASSIGN_OR_RETURN(const std::string_view format, root.GetString("format"));
  if (format != kFormat)
    return Unsupported(
        fmt::format("simulated world of format \"{}\", wanted \"{}\"", format, kFormat));
  ASSIGN_OR_RETURN(WorldKeys keys, ReadWorldKeys(root));
  WorldBuilder builder(std::move(keys));
  ASSIGN_OR_RETURN(const Json* platforms, root.Get("platforms"));
  for (const Json& item : platforms->items()) {
    ASSIGN_OR_RETURN(WorldBuilder::PlatformParts parts, ReadPlatform(item));
    builder.AddPlatform(std::move(parts));
  }
  ASSIGN_OR_RETURN(World world, std::move(builder).Finish());
  for (const PlatformModel& model : PlatformModels()) {
    if (!world.FindPlatform(model.name).has_value()) {
      return Unsupported(fmt::format(
          "simulated world without platform \"{}\": it was made by an older version; remove "
          "it to have a new one made",
          model.name));
    }
  }
  return world;
}

}  // namespace strongroom::sim
