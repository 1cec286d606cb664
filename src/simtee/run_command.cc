#include <algorithm>
#include <filesystem>
#include <memory>
#include <variant>

#include <fmt/format.h>

#include "base/encoding.h"
#include "simtee/attestation_server.h"
#include "simtee/commands.h"
#include "simtee/container_root.h"
#include "simtee/container_workload.h"
#include "simtee/environment.h"
#include "simtee/execution_limit.h"
#include "simtee/gramine_fuse.h"
#include "simtee/program_process.h"
#include "simtee/state.h"
#include "simtee/workload.h"
#include "tee/attestation_protocol.h"
#include "tee/detect.h"

namespace strongroom::simtee {
namespace {

namespace fs = std::filesystem;

Result<WorkloadSpec> SpecOf(const RunFlags& flags, const PreparedLaunch& launch, UniqueFd socket) {
  ASSIGN_OR_RETURN(auto mount_sources, MountSources(flags.launch));
  WorkloadSpec spec{.root = {.description = launch.description,
                             .files = launch.files,
                             .mount_sources = std::move(mount_sources),
                             .mount_point = {},
                             .gramine_files = flags.gramine_files},
                    .environment = BuildEnvironment(launch.description, ProcessEnvironment),
                    .attestation_socket = {}};
  if (flags.gramine_files.empty()) {
    spec.attestation_socket = std::move(socket);
    spec.environment.push_back(fmt::format("{}={}", tee::kAttestationFdVariable, kAttestationFd));
  }
  return spec;
}

Status CheckPlatformName(const std::string& name) {
  const auto models = sim::PlatformModels();
  if (std::ranges::find(models, name, &sim::PlatformModel::name) != models.end()) return {};
  return NotFound(
      fmt::format("no simulated platform \"{}\": see `strongroom-simtee platforms`", name));
}

void LogStart(const PreparedLaunch& launch, const RunFlags& flags, Log& log) {
  log.Info("enclave started", {{"program", launch.description.program},
                               {"mrenclave", HexEncode(launch.identity.mrenclave.view())},
                               {"mrsigner", launch.SignerText()},
                               {"platform", flags.platform},
                               {"root", flags.container_root ? "container" : "own"},
                               {"debug", launch.identity.debug ? "yes" : "no"}});
}

Result<Workload> StartInOwnRoot(const RunFlags& flags, WorkloadSpec spec) {
  ASSIGN_OR_RETURN(const fs::path folder, StateFolder(flags.world.state));
  ASSIGN_OR_RETURN(spec.root.mount_point, MountPointIn(folder));
  RETURN_IF_ERROR(CheckMounts(spec.root));
  return Workload::Start(std::move(spec));
}

// Says what a container's root does not give.
Result<ContainerWorkload> StartInContainerRoot(WorkloadSpec spec, Log& log) {
  RETURN_IF_ERROR(CheckContainerRoot(spec.root));
  for (const std::string& path : ExecutableMounts(spec.root.description)) {
    log.Warn("code could be loaded from a mount with host data: it is not noexec",
             {{"mount", path}});
  }
  auto limit = MakeExecutionLimit(spec.root.files);
  if (!limit.has_value()) {
    if (limit.error().code() != Code::kUnsupported) return std::unexpected(limit.error());
    log.Warn("nothing keeps the workload from starting programs that were not measured",
             {{"reason", limit.error().message()}});
    limit = UniqueFd();
  }
  return ContainerWorkload::Start(std::move(spec), *limit);
}

// The workload's first process began as a copy of this one and may be within the workload's reach:
// the platform's keys are read only after it was made.
Result<int> ServeUntilItEnds(const RunFlags& flags, const PreparedLaunch& launch, UniqueFd socket,
                             std::variant<Workload, ContainerWorkload> workload,
                             const Machine& machine) {
  ASSIGN_OR_RETURN(const sim::World world, OpenWorld(flags.world, machine.entropy, machine.clock));
  ASSIGN_OR_RETURN(const sim::Platform* platform, world.FindPlatform(flags.platform));
  const Enclave enclave(world, *platform, launch.identity);
  LogStart(launch, flags, machine.log);
  const AttestationServer server(std::move(socket), enclave, machine.log);
  std::unique_ptr<GramineFuse> files;
  if (auto* own = std::get_if<Workload>(&workload);
      own != nullptr && !flags.gramine_files.empty()) {
    ASSIGN_OR_RETURN(files, GramineFuse::Serve(own->TakeFuse(), enclave));
  }
  return std::visit([](auto& running) { return running.Wait(); }, workload);
}

}  // namespace

Result<int> RunWorkload(const RunFlags& flags, const Machine& machine) {
  RETURN_IF_ERROR(CheckPlatformName(flags.platform));
  ASSIGN_OR_RETURN(PreparedLaunch launch, Prepare(flags.launch, machine.entropy));
  ASSIGN_OR_RETURN(AttestationSocketPair sockets, MakeAttestationSocket());
  ASSIGN_OR_RETURN(WorkloadSpec spec, SpecOf(flags, launch, std::move(sockets.workload)));
  using Started = std::variant<Workload, ContainerWorkload>;
  ASSIGN_OR_RETURN(Started started, [&]() -> Result<Started> {
    if (flags.container_root) return StartInContainerRoot(std::move(spec), machine.log);
    return StartInOwnRoot(flags, std::move(spec));
  }());
  launch.files.clear();
  return ServeUntilItEnds(flags, launch, std::move(sockets.server), std::move(started), machine);
}

}  // namespace strongroom::simtee
