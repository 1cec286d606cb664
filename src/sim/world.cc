#include "sim/world.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sim/pki.h"
#include "sim/world_builder.h"

namespace strongroom::sim {
namespace {

Status AddNewPlatform(WorldBuilder& builder, const PlatformModel& model, Entropy& entropy,
                      UnixSeconds now) {
  ASSIGN_OR_RETURN(const auto ppid, attest::Ppid::From(entropy.Take(attest::Ppid::kSize)));
  ASSIGN_OR_RETURN(const auto instance, attest::PlatformInstanceId::From(
                                            entropy.Take(attest::PlatformInstanceId::kSize)));
  const auto identity = IdentityOf(model, ppid, instance);
  ASSIGN_OR_RETURN(CertifiedKey pck, MakePck(builder.keys(), model.ca, identity, entropy, now));
  ASSIGN_OR_RETURN(crypto::PrivateKey attestation_key,
                   crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  builder.AddPlatform({.model = model,
                       .identity = identity,
                       .qe_id = entropy.Take(kQeIdBytes),
                       .keys = {.pck = std::move(pck),
                                .attestation_key = std::move(attestation_key),
                                .sealing_secret = entropy.TakeSecret(kSealingSecretBytes)}});
  return {};
}

}  // namespace

attest::PlatformIdentity IdentityOf(const PlatformModel& model, const attest::Ppid& ppid,
                                    const attest::PlatformInstanceId& instance_id) {
  attest::PlatformIdentity identity;
  identity.fmspc = model.fmspc;
  identity.ppid = ppid;
  identity.tcb_components = model.tcb_components;
  identity.pce_svn = model.pce_svn;
  identity.cpu_svn = attest::CpuSvn(model.tcb_components);
  if (model.ca == PckCa::kPlatform) {
    identity.sgx_type = attest::SgxType::kScalable;
    identity.instance_id = instance_id;
    identity.dynamic_platform = true;
    identity.cached_keys = true;
    identity.smt_enabled = model.smt_enabled;
  }
  return identity;
}

WorldBuilder::WorldBuilder(WorldKeys keys) {
  world_.keys_ = std::make_shared<const WorldKeys>(std::move(keys));
  world_.root_pem_ = world_.keys_->root.certificate.Pem();
}

void WorldBuilder::AddPlatform(PlatformParts parts) {
  Platform platform;
  const CertifiedKey& ca = keys().Ca(parts.model.ca == PckCa::kPlatform);
  platform.pck_chain_pem_ =
      parts.keys.pck.certificate.Pem() + ca.certificate.Pem() + world_.root_pem_;
  platform.model_ = parts.model;
  platform.identity_ = parts.identity;
  platform.qe_id_ = std::move(parts.qe_id);
  platform.keys_ = std::make_shared<const PlatformKeys>(std::move(parts.keys));
  world_.platforms_.push_back(std::move(platform));
}

Result<World> WorldBuilder::Finish() && {
  ASSIGN_OR_RETURN(const crypto::PublicKey root, world_.keys_->root.certificate.public_key());
  world_.anchor_ = attest::Anchor(root.SpkiSha256().array());
  return std::move(world_);
}

Result<World> World::Create(Entropy& entropy, UnixSeconds now) {
  ASSIGN_OR_RETURN(WorldKeys keys, MakePki(entropy, now));
  WorldBuilder builder(std::move(keys));
  for (const PlatformModel& model : PlatformModels()) {
    RETURN_IF_ERROR(AddNewPlatform(builder, model, entropy, now));
  }
  return std::move(builder).Finish();
}

Result<const Platform*> World::FindPlatform(std::string_view name) const {
  const auto it =
      std::ranges::find(platforms_, name, [](const Platform& p) { return p.model().name; });
  if (it != platforms_.end()) return &*it;
  std::vector<std::string_view> names;
  for (const Platform& platform : platforms_) names.push_back(platform.model().name);
  return NotFound(
      fmt::format("no simulated platform \"{}\", wanted one of {}", name, fmt::join(names, ", ")));
}

}  // namespace strongroom::sim
