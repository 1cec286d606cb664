#include <utility>

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/uuid.h"
#include "coordinator/core/coordinator.h"
#include "coordinator/core/evidence_check.h"

// Challenge and activation.
namespace strongroom::coordinator {
namespace {

std::string_view DialectName(manifest::Dialect dialect) {
  return dialect == manifest::Dialect::kStrongroom ? "strongroom" : "marblerun";
}

Error AtStage(std::string_view finding, const Error& error) {
  return Error(error.code(), error.message(), finding);
}

// Names of marbles come from the network: only those that the manifest knows become labels.
std::string MarbleLabel(const std::shared_ptr<const Deployment>& deployment,
                        const std::string& marble) {
  return deployment && deployment->plans.contains(marble) ? marble : "unknown";
}

}  // namespace

Result<Bytes> Coordinator::Challenge(std::uint64_t connection) {
  ChallengeNonce nonce{};
  parts_.entropy.Fill(nonce);
  const UnixSeconds now = parts_.clock.Now();
  RETURN_IF_ERROR(
      world_.With([&](World& world) { return world.challenges.Add(nonce, connection, now); }));
  return ToBytes(ByteView(nonce));
}

void Coordinator::ForgetConnection(std::uint64_t connection) {
  world_.With([&](World& world) { world.challenges.ForgetConnection(connection); });
}

std::size_t Coordinator::challenges() const {
  return world_.With([](const World& world) { return world.challenges.size(); });
}

Result<ActivationGrant> Coordinator::Activate(const ActivationRequest& request) {
  const auto count = [&](const char* name, const char* help,
                         const std::shared_ptr<const Deployment>& deployment) {
    parts_.metrics.CounterOf(name, help, {{"type", MarbleLabel(deployment, request.marble)}}).Add();
  };
  Result<Snapshot> now = Active();
  const std::shared_ptr<const Deployment> deployment = now.has_value() ? now->deployment : nullptr;
  count("coordinator_marble_activations_total", "Activations that were asked for.", deployment);
  auto result = now.has_value()
                    ? Admit(request, *now)
                    : Result<ActivationGrant>(std::unexpected(AtStage(kFindingState, now.error())));
  if (!result.has_value()) {
    Refuse(request, result.error());
    return result;
  }
  count("coordinator_marble_activations_success_total", "Activations that succeeded.", deployment);
  parts_.log.Info("activated", {{"marble", request.marble},
                                {"uuid", result->uuid},
                                {"dialect", std::string(DialectName(request.dialect))}});
  return result;
}

Result<ActivationGrant> Coordinator::Admit(const ActivationRequest& request, const Snapshot& now) {
  ASSIGN_OR_RETURN(const attest::VerifiedClaims claims, CheckAdmission(request, *now.deployment));
  const manifest::Marble& marble = now.deployment->manifest.marbles.at(request.marble);
  RETURN_IF_ERROR(world_.With(
      [&](World& world) { return world.budget.Reserve(request.marble, marble.max_activations); }));
  const auto give_back = [&](const Error& error) {
    world_.With([&](World& world) { world.budget.GiveBack(request.marble); });
    return std::unexpected(error);
  };
  const auto uuid = CanonicalUuid(request.uuid);
  if (!uuid.has_value()) return give_back(AtStage(kFindingUuid, uuid.error()));
  const GrantMaker maker(*now.deployment, *now.secrets, authorities_, parts_.clock.Now());
  auto grant = maker.Make(request, *uuid, claims);
  if (!grant.has_value()) return give_back(AtStage(kFindingGrant, grant.error()));
  const Status recorded = Account(request, *grant, claims);
  if (!recorded.has_value()) return give_back(AtStage(kFindingGrant, recorded.error()));
  return grant;
}

// Whether this workload may have this role, in MarbleRun's order of questions.
Result<attest::VerifiedClaims> Coordinator::CheckAdmission(const ActivationRequest& request,
                                                           const Deployment& deployment) {
  if (request.dialect == manifest::Dialect::kStrongroom) {
    if (!request.challenge) return Untrusted("no nonce, wanted one from Challenge");
    const UnixSeconds now = parts_.clock.Now();
    RETURN_IF_ERROR(world_.With([&](World& world) {
      return world.challenges.Take(request.challenge->nonce, request.challenge->connection, now);
    }));
  }
  const auto marble = deployment.manifest.marbles.find(request.marble);
  if (marble == deployment.manifest.marbles.end())
    return Denied(fmt::format("the manifest has no marble \"{}\"", request.marble.substr(0, 80)));
  if (!manifest::MayActivateBy(marble->second, request.dialect))
    return Denied(
        fmt::format("marble \"{}\" may not activate in the {} dialect: the manifest "
                    "wants strongroom's",
                    request.marble, DialectName(request.dialect)));
  const manifest::Package& package = deployment.manifest.packages.at(marble->second.package);
  EvidenceVerdict verdict = CheckEvidence(request.quote, package, request.report_data,
                                          parts_.endorsements, parts_.clock.Now());
  if (!verdict.claims) {
    parts_.log.Debug("evidence refused", {{"marble", marble->first}, {"findings", verdict.Ids()}});
    return std::unexpected(verdict.ToError());
  }
  return *std::move(verdict.claims);
}

Status Coordinator::Account(const ActivationRequest& request, const ActivationGrant& grant,
                            const attest::VerifiedClaims& claims) {
  Commit commit;
  commit.counter = request.marble;
  commit.events.push_back({"activated",
                           {{"marble", request.marble},
                            {"uuid", grant.uuid},
                            {"dialect", std::string(DialectName(request.dialect))},
                            {"mrenclave", HexEncode(claims.mrenclave().view())},
                            {"mrsigner", HexEncode(claims.mrsigner().view())},
                            {"tcb-status", std::string(attest::TcbStatusName(claims.tcb().status))},
                            {"anchor", HexEncode(claims.anchor().view())},
                            {"certificate", HexEncode(grant.leaf.Fingerprint().view())},
                            {"evidence", HexEncode(crypto::Sha256(request.quote).view())}}});
  commit.publish = [&] { world_.With([&](World& world) { world.budget.Use(request.marble); }); };
  return journal_.Write(std::move(commit));
}

// Anyone on the network can cause a refusal, as often and with as long texts as it likes: what is
// written of it, in either log, is bounded.
void Coordinator::Refuse(const ActivationRequest& request, const Error& error) {
  const std::string marble = request.marble.substr(0, 80);
  const std::string uuid = request.uuid.substr(0, 64);
  const std::string reason = error.ToString().substr(0, 500);
  const std::string dialect(DialectName(request.dialect));
  const UnixSeconds now = parts_.clock.Now();
  const auto left_out = refusals_.With([now](RefusalMeter& meter) { return meter.Admit(now); });
  if (!left_out) {
    parts_.log.Debug("activation refused",
                     {{"marble", marble}, {"uuid", uuid}, {"dialect", dialect}, {"error", reason}});
    return;
  }
  parts_.log.Warn("activation refused", {{"marble", marble},
                                         {"uuid", uuid},
                                         {"dialect", dialect},
                                         {"error", reason},
                                         {"left_out_before", std::to_string(*left_out)}});
  if (state() != State::kAcceptingMarbles) return;
  Commit commit;
  commit.events.push_back({"activation-refused",
                           {{"marble", marble},
                            {"uuid", uuid},
                            {"error", reason},
                            {"left-out-before", std::to_string(*left_out)}}});
  if (const Status written = journal_.Write(std::move(commit)); !written.has_value())
    parts_.log.Error("audit not written", {{"error", written.error().ToString()}});
}

}  // namespace strongroom::coordinator
