#include "coordinator/core/coordinator.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/reader.h"
#include "coordinator/core/records.h"
#include "manifest/access.h"

namespace strongroom::coordinator {
namespace {

std::string FingerprintText(const Deployment& deployment) {
  return HexEncode(deployment.fingerprint.view());
}

Result<SecretTable> ReadSecrets(Store& store, const manifest::Manifest& manifest) {
  SecretTable out;
  for (const auto& [name, secret] : manifest.secrets) {
    if (!IsCommon(secret)) continue;
    ASSIGN_OR_RETURN(const SecretBytes stored, ReadOne(store, std::string(kSecretPrefix) + name));
    ASSIGN_OR_RETURN(manifest::SecretValue value, DecodeSecret(secret, stored.Reveal()));
    out.emplace(name, std::make_shared<const manifest::SecretValue>(std::move(value)));
  }
  return out;
}

// Exactly those from number `first` on: a store may lose entries without noticing.
Result<std::vector<std::string>> ReadAuditEntries(Store& store, std::uint64_t first,
                                                  std::size_t count) {
  std::vector<std::string> out;
  if (count == 0) return out;
  ASSIGN_OR_RETURN(const std::vector<LogEntry> entries, store.ReadLog(first, count));
  for (const LogEntry& entry : entries) {
    if (entry.number != first + out.size()) break;
    out.push_back(ToText(entry.value.Reveal()));
  }
  if (out.size() != count)
    return Untrusted(fmt::format("audit entry {} is not there any more", first + out.size()));
  return out;
}

Result<Hierarchy> FirstAuthorities(const Parts& parts, const Options& options) {
  if (parts.store.found() == Store::Found::kState) {
    ASSIGN_OR_RETURN(const SecretBytes stored, ReadOne(parts.store, kHierarchyName));
    return DecodeHierarchy(stored.Reveal());
  }
  return MakeHierarchy(SplitNames(options.names), parts.clock.Now());
}

}  // namespace

Bytes AuditHeadMessage(const AuditHead& head) {
  Writer w;
  w.Put("strongroom audit head v1").U64Le(head.sequence).Put(head.digest.view());
  return std::move(w).Finish();
}

Coordinator::Coordinator(Parts parts, Hierarchy authorities, const QuoteLimits& quotes)
    : parts_(parts),
      authorities_(std::move(authorities)),
      journal_(parts.store, parts.clock),
      quotes_(QuoteBudget(quotes)),
      proofs_(QuoteBudget(quotes)) {}

Result<std::unique_ptr<Coordinator>> Coordinator::Start(Parts parts, const Options& options) {
  ASSIGN_OR_RETURN(Hierarchy authorities, FirstAuthorities(parts, options));
  std::unique_ptr<Coordinator> out(new Coordinator(parts, std::move(authorities), options.quotes));
  switch (parts.store.found()) {
    case Store::Found::kNothing: out->Enter(State::kAcceptingManifest, nullptr, {}); break;
    case Store::Found::kSealed: out->Enter(State::kRecovery, nullptr, {}); break;
    case Store::Found::kState: RETURN_IF_ERROR(In("stored state", out->Resume())); break;
  }
  return out;
}

Status Coordinator::Resume() {
  ASSIGN_OR_RETURN(const SecretBytes raw, ReadOne(parts_.store, kManifestName));
  ASSIGN_OR_RETURN(Deployment deployment, PlanDeployment(raw.Reveal()));
  ASSIGN_OR_RETURN(const SecretBytes signature, ReadOne(parts_.store, kSignatureName));
  deployment.signature = ToBytes(signature.Reveal());
  ASSIGN_OR_RETURN(deployment.root_secret, ReadOne(parts_.store, kRootSecretName));
  ASSIGN_OR_RETURN(SecretTable secrets, ReadSecrets(parts_.store, deployment.manifest));
  RETURN_IF_ERROR(journal_.Resume());
  world_.With([&](World& world) {
    for (const auto& [name, marble] : deployment.manifest.marbles)
      world.budget.Restore(name, journal_.CounterAtStart(name));
  });
  Enter(State::kAcceptingMarbles, std::make_shared<const Deployment>(std::move(deployment)),
        std::move(secrets));
  return {};
}

void Coordinator::Enter(State state, std::shared_ptr<const Deployment> deployment,
                        SecretTable secrets) {
  auto table = std::make_shared<const SecretTable>(std::move(secrets));
  const std::string fingerprint = deployment ? FingerprintText(*deployment) : "none";
  const bool legal = world_.With([&](World& world) {
    if (!MayMove(world.state, state)) return false;
    world.state = state;
    world.deployment = std::move(deployment);
    world.secrets = std::move(table);
    return true;
  });
  if (!legal) std::abort();  // our own bug: no caller may ask for another move
  parts_.metrics.GaugeOf("coordinator_state", "State by MarbleRun's numbers, 0 to 3.")
      .Set(static_cast<double>(state));
  parts_.log.Info("state", {{"code", std::to_string(static_cast<int>(state))},
                            {"manifest", fingerprint},
                            {"message", std::string(StateMessage(state))}});
}

State Coordinator::state() const {
  return world_.With([](const World& world) { return world.state; });
}

Result<std::shared_ptr<const Deployment>> Coordinator::deployment() const {
  ASSIGN_OR_RETURN(Snapshot now, Active());
  return std::move(now.deployment);
}

Result<Coordinator::Snapshot> Coordinator::Active() const {
  return world_.With([](const World& world) -> Result<Snapshot> {
    if (world.state != State::kAcceptingMarbles)
      return Precondition(fmt::format("no manifest is in force: {}", StateMessage(world.state)));
    return Snapshot{world.deployment, world.secrets};
  });
}

Result<std::shared_ptr<const Deployment>> Coordinator::SetManifest(ByteView raw) {
  RETURN_IF_ERROR(world_.With([](World& world) -> Status {
    if (world.state == State::kAcceptingMarbles)
      return Precondition("a manifest is set already; this version cannot update it");
    if (world.state != State::kAcceptingManifest)
      return Precondition(std::string(StateMessage(world.state)));
    if (world.setting_manifest) return Conflict("another manifest is being set at this moment");
    world.setting_manifest = true;
    return {};
  }));
  auto result = PrepareAndStore(raw);
  world_.With([](World& world) { world.setting_manifest = false; });
  if (!result.has_value())
    parts_.log.Warn("manifest refused", {{"error", result.error().ToString()}});
  return result;
}

Result<std::shared_ptr<const Deployment>> Coordinator::PrepareAndStore(ByteView raw) {
  ASSIGN_OR_RETURN(Deployment deployment, PlanDeployment(raw));
  ASSIGN_OR_RETURN(SecretTable secrets, MakeCommonSecrets(deployment.manifest, authorities_,
                                                          parts_.clock.Now(), parts_.entropy));
  RETURN_IF_ERROR(RehearseTemplates(deployment, secrets));
  ASSIGN_OR_RETURN(deployment.signature,
                   authorities_.root_key.Sign(crypto::SignatureScheme::kEcdsaSha256, raw));
  deployment.root_secret = parts_.entropy.TakeSecret(kRootSecretBytes);

  Commit commit;
  commit.records.push_back({std::string(kManifestName), SecretBytes(raw)});
  commit.records.push_back(
      {std::string(kSignatureName), SecretBytes(ByteView(deployment.signature))});
  commit.records.push_back({std::string(kHierarchyName), EncodeHierarchy(authorities_)});
  commit.records.push_back({std::string(kRootSecretName), deployment.root_secret.Clone()});
  for (const auto& [name, value] : secrets) commit.records.push_back(EncodeSecret(name, *value));
  commit.events.push_back({"manifest-set", {{"manifest", FingerprintText(deployment)}}});

  const manifest::SealMode mode = deployment.manifest.config.seal_mode;
  auto shared = std::make_shared<const Deployment>(std::move(deployment));
  commit.publish = [&] { Enter(State::kAcceptingMarbles, shared, std::move(secrets)); };
  RETURN_IF_ERROR(journal_.Create(mode, std::move(commit)));
  return shared;
}

Result<Bytes> Coordinator::Quote(const attest::ReportData& report_data) {
  const UnixSeconds now = parts_.clock.Now();
  RETURN_IF_ERROR(quotes_.With([now](QuoteBudget& budget) { return budget.Take(now); }));
  return parts_.issuer.Quote(report_data);
}

Result<ProvenEvidence> Coordinator::Prove(const attest::ReportData& report_data) {
  const UnixSeconds now = parts_.clock.Now();
  RETURN_IF_ERROR(proofs_.With([now](QuoteBudget& budget) { return budget.Take(now); }));
  ASSIGN_OR_RETURN(Bytes quote, parts_.issuer.Quote(report_data));
  ASSIGN_OR_RETURN(std::shared_ptr<const attest::Endorsements> endorsements,
                   parts_.endorsements.ForOwn(quote));
  return ProvenEvidence{std::move(quote), std::move(endorsements)};
}

Result<AuditPage> Coordinator::Audit(ByteView user_certificate, std::uint64_t from,
                                     std::size_t limit) {
  ASSIGN_OR_RETURN(const Snapshot now, Active());
  if (!manifest::FindUser(now.deployment->manifest, user_certificate))
    return Untrusted("the certificate is none of the manifest's users");
  AuditPage out;
  out.head = journal_.head();
  // Nothing beyond the head that is signed: entries go on being written meanwhile.
  const std::uint64_t first = std::max<std::uint64_t>(from, 1);
  const std::uint64_t there = out.head.sequence < first ? 0 : out.head.sequence - first + 1;
  const std::size_t count = std::min({limit, kMaxAuditPage, static_cast<std::size_t>(there)});
  ASSIGN_OR_RETURN(out.entries, ReadAuditEntries(parts_.store, first, count));
  ASSIGN_OR_RETURN(out.signature, authorities_.root_key.Sign(crypto::SignatureScheme::kEcdsaSha256,
                                                             AuditHeadMessage(out.head)));
  return out;
}

}  // namespace strongroom::coordinator
