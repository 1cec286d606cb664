#include "simtee/commands.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/files.h"
#include "base/json.h"
#include "crypto/sgx_signing.h"
#include "simtee/attestation_server.h"
#include "simtee/environment.h"
#include "simtee/gramine_fuse.h"
#include "simtee/sigstruct.h"
#include "simtee/state.h"
#include "simtee/workload.h"
#include "tee/attestation_protocol.h"
#include "tee/detect.h"

namespace strongroom::simtee {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxKeyBytes = 16 * 1024;

struct Pair {
  std::string left;
  std::string right;  // empty when there was no =
};

Pair SplitAtEquals(const std::string& text) {
  const auto at = text.find('=');
  if (at == std::string::npos) return {.left = text, .right = {}};
  return {.left = text.substr(0, at), .right = text.substr(at + 1)};
}

std::string AbsolutePath(const std::string& path) {
  return fs::absolute(path).lexically_normal().string();
}

std::vector<std::string> AbsolutePaths(const std::vector<std::string>& paths) {
  std::vector<std::string> out;
  for (const std::string& path : paths) out.push_back(AbsolutePath(path));
  return out;
}

Result<LaunchDescription> DescribedByFlags(const LaunchFlags& flags) {
  LaunchDescription described;
  for (const std::string& text : flags.env) {
    if (text.find('=') == std::string::npos)
      return Malformed(fmt::format("--env {}, wanted NAME=VALUE", text));
    const Pair pair = SplitAtEquals(text);
    described.env[pair.left] = pair.right;
  }
  described.host_env = flags.host_env;
  described.programs = AbsolutePaths(flags.programs);
  described.plugins = AbsolutePaths(flags.plugins);
  for (const std::string& text : flags.files) {
    const Pair pair = SplitAtEquals(text);
    described.files.push_back(
        {.path = pair.right.empty() ? AbsolutePath(pair.left) : pair.left,
         .source = AbsolutePath(pair.right.empty() ? pair.left : pair.right)});
  }
  for (const std::string& text : flags.mounts)
    described.mounts.push_back({.path = SplitAtEquals(text).left, .writable = false});
  for (const std::string& text : flags.writable_mounts) {
    described.mounts.push_back({.path = SplitAtEquals(text).left, .writable = true});
  }
  described.working_directory = flags.working_directory;
  described.product_id = flags.product_id;
  described.security_version = flags.security_version;
  return described;
}

Result<LaunchRequest> RequestOf(const LaunchFlags& flags) {
  LaunchRequest request;
  request.command = flags.command;
  request.debug = flags.debug;
  if (!flags.launch.empty()) {
    request.description_file = flags.launch;
  } else {
    ASSIGN_OR_RETURN(request.described, DescribedByFlags(flags));
  }
  return request;
}

LaunchSigner SignerOf(const LaunchFlags& flags) {
  if (!flags.signature.empty())
    return {.sigstruct_file = flags.signature, .key_file = std::nullopt};
  if (!flags.key.empty()) return {.sigstruct_file = std::nullopt, .key_file = flags.key};
  const std::string beside = flags.launch + ".sig";
  std::error_code error;
  if (!flags.is_unsigned && !flags.launch.empty() && fs::exists(beside, error)) {
    return {.sigstruct_file = beside, .key_file = std::nullopt};
  }
  return {};
}

Result<PreparedLaunch> Prepare(const LaunchFlags& flags, Entropy& entropy) {
  RETURN_IF_ERROR(CheckOwnEnvironment(tee::ProcessEnvironment));
  ASSIGN_OR_RETURN(const LaunchRequest request, RequestOf(flags));
  const char* path = std::getenv("PATH");
  ASSIGN_OR_RETURN(LaunchDescription description,
                   DescribeLaunch(request, path == nullptr ? "" : path));
  return PrepareLaunch(std::move(description), SignerOf(flags), entropy);
}

std::map<std::string, std::string> MountSources(const LaunchFlags& flags) {
  std::map<std::string, std::string> sources;
  for (const auto* list : {&flags.mounts, &flags.writable_mounts}) {
    for (const std::string& text : *list) {
      const Pair pair = SplitAtEquals(text);
      sources[pair.left] = AbsolutePath(pair.right.empty() ? pair.left : pair.right);
    }
  }
  return sources;
}

Result<WorkloadSpec> SpecOf(const RunFlags& flags, const PreparedLaunch& launch,
                            std::string mount_point) {
  WorkloadSpec spec{.root = {.description = launch.description,
                             .files = launch.files,
                             .mount_sources = MountSources(flags.launch),
                             .mount_point = std::move(mount_point),
                             .gramine_files = flags.gramine_files},
                    .environment = BuildEnvironment(launch.description, tee::ProcessEnvironment),
                    .attestation_socket = {}};
  RETURN_IF_ERROR(CheckMounts(spec.root));
  return spec;
}

std::string SignerText(const PreparedLaunch& launch) {
  return launch.is_signed ? HexEncode(launch.identity.mrsigner.view())
                          : "none (unsigned: a fresh one for every run)";
}

// The names that manifests give these values.
std::string IdentityJson(const PreparedLaunch& launch, const std::string& anchor) {
  const sim::EnclaveIdentity& identity = launch.identity;
  JsonWriter out;
  out.Object().Key("UniqueID").String(HexEncode(identity.mrenclave.view()));
  if (launch.is_signed) out.Key("SignerID").String(HexEncode(identity.mrsigner.view()));
  out.Key("ProductID").Unsigned(identity.isv_prod_id);
  out.Key("SecurityVersion").Unsigned(identity.isv_svn).Key("Debug").Bool(identity.debug);
  out.Key("TrustAnchor").String(anchor).End();
  return std::move(out).Finish();
}

void PrintIdentity(const PreparedLaunch& launch, const std::string& anchor, bool json) {
  if (json) {
    fmt::print("{}\n", IdentityJson(launch, anchor));
    return;
  }
  const sim::EnclaveIdentity& identity = launch.identity;
  fmt::print(
      "mrenclave         {}\nmrsigner          {}\nproduct id        {}\nsecurity version  {}\n"
      "debug             {}\ntrust anchor      {}\nmeasured files    {}\n",
      HexEncode(identity.mrenclave.view()), SignerText(launch), identity.isv_prod_id,
      identity.isv_svn, identity.debug ? "yes" : "no", anchor, launch.files.size());
}

Result<sim::World> WorldOf(const std::string& state, const Machine& machine) {
  ASSIGN_OR_RETURN(const fs::path folder, StateFolder(state));
  return OpenWorld(folder, machine.entropy, machine.clock);
}

Status CheckPlatformName(const std::string& name) {
  const auto& models = sim::PlatformModels();
  if (std::ranges::find(models, name, &sim::PlatformModel::name) != models.end()) return {};
  return NotFound(
      fmt::format("no simulated platform \"{}\": see `strongroom-simtee platforms`", name));
}

void LogStart(const PreparedLaunch& launch, const std::string& platform, Log& log) {
  log.Info("enclave started", {{"program", launch.description.program},
                               {"mrenclave", HexEncode(launch.identity.mrenclave.view())},
                               {"mrsigner", SignerText(launch)},
                               {"platform", platform},
                               {"debug", launch.identity.debug ? "yes" : "no"}});
}

}  // namespace

Result<int> RunWorkload(const RunFlags& flags, const Machine& machine) {
  RETURN_IF_ERROR(CheckPlatformName(flags.platform));
  ASSIGN_OR_RETURN(PreparedLaunch launch, Prepare(flags.launch, machine.entropy));
  ASSIGN_OR_RETURN(const fs::path folder, StateFolder(flags.state));
  ASSIGN_OR_RETURN(std::string mount_point, MountPointIn(folder));
  ASSIGN_OR_RETURN(AttestationSocketPair sockets, MakeAttestationSocket());
  ASSIGN_OR_RETURN(WorkloadSpec spec, SpecOf(flags, launch, std::move(mount_point)));
  if (flags.gramine_files.empty()) {
    spec.attestation_socket = std::move(sockets.workload);
    spec.environment.push_back(fmt::format("{}={}", tee::kAttestationFdVariable, kAttestationFd));
  }
  // The workload's first process is a copy of this one and stays within the workload's reach: the
  // platform's keys are read only after it was made.
  ASSIGN_OR_RETURN(Workload workload, Workload::Start(std::move(spec)));
  launch.files.clear();
  ASSIGN_OR_RETURN(const sim::World world, OpenWorld(folder, machine.entropy, machine.clock));
  ASSIGN_OR_RETURN(const sim::Platform* platform, world.FindPlatform(flags.platform));
  const Enclave enclave(world, *platform, launch.identity);
  LogStart(launch, flags.platform, machine.log);
  const AttestationServer server(std::move(sockets.server), enclave, machine.log);
  std::unique_ptr<GramineFuse> files;
  if (!flags.gramine_files.empty()) {
    ASSIGN_OR_RETURN(files, GramineFuse::Serve(workload.TakeFuse(), enclave));
  }
  return workload.Wait();
}

Status PrintMeasurement(const MeasureFlags& flags, bool json, const Machine& machine) {
  ASSIGN_OR_RETURN(const PreparedLaunch launch, Prepare(flags.launch, machine.entropy));
  if (flags.record) {
    fmt::print("{}", launch.record);
    return {};
  }
  ASSIGN_OR_RETURN(const sim::World world, WorldOf(flags.state, machine));
  PrintIdentity(launch, HexEncode(world.anchor().view()), json);
  return {};
}

Status SignLaunch(const SignFlags& flags, bool json, const Machine& machine) {
  LaunchFlags launch;
  launch.launch = flags.launch;
  launch.key = flags.key;
  ASSIGN_OR_RETURN(const PreparedLaunch prepared, Prepare(launch, machine.entropy));
  ASSIGN_OR_RETURN(const SecretBytes pem, ReadSecretFile(flags.key, kMaxKeyBytes));
  ASSIGN_OR_RETURN(const auto key,
                   In(flags.key, crypto::PrivateKey::FromPem(AsText(pem.Reveal()))));
  const sim::EnclaveIdentity& identity = prepared.identity;
  ASSIGN_OR_RETURN(const Bytes sigstruct,
                   SignSigstruct(identity.mrenclave, identity.isv_prod_id, identity.isv_svn, key,
                                 machine.clock.Now()));
  RETURN_IF_ERROR(
      WriteFileAtomic(flags.out.empty() ? flags.launch + ".sig" : flags.out, sigstruct, 0644));
  ASSIGN_OR_RETURN(const sim::World world, WorldOf(flags.state, machine));
  PrintIdentity(prepared, HexEncode(world.anchor().view()), json);
  return {};
}

Status GenerateSigningKey(const std::string& out) {
  ASSIGN_OR_RETURN(const crypto::PrivateKey key, crypto::GenerateSgxSigningKey());
  ASSIGN_OR_RETURN(const attest::MrSigner mrsigner, MrSignerOf(key.public_key()));
  RETURN_IF_ERROR(CreateFileAtomic(out, key.Pkcs8Pem().Reveal(), 0600));
  fmt::print("mrsigner {}\n", HexEncode(mrsigner.view()));
  return {};
}

Status PrintRoot(const std::string& state, bool certificate, bool json, const Machine& machine) {
  ASSIGN_OR_RETURN(const sim::World world, WorldOf(state, machine));
  const std::string anchor = HexEncode(world.anchor().view());
  if (json) {
    JsonWriter out;
    out.Object()
        .Key("trust_anchor")
        .String(anchor)
        .Key("certificate")
        .String(world.root_certificate_pem())
        .End();
    fmt::print("{}\n", out.text());
  } else if (certificate) {
    fmt::print("{}", world.root_certificate_pem());
  } else {
    fmt::print("{}\n", anchor);
  }
  return {};
}

Status PrintPlatforms(bool json) {
  JsonWriter out;
  out.Array();
  for (const sim::PlatformModel& model : sim::PlatformModels()) {
    const std::string_view verdict =
        model.verdict.has_value() ? attest::TcbStatusName(*model.verdict) : "refused";
    out.Object().Key("name").String(model.name).Key("verdict").String(verdict);
    out.Key("fmspc")
        .String(HexEncode(model.fmspc.view()))
        .Key("description")
        .String(model.description)
        .End();
    if (!json) fmt::print("{:<38} {:<34} {}\n", model.name, verdict, model.description);
  }
  out.End();
  if (json) fmt::print("{}\n", out.text());
  return {};
}

}  // namespace strongroom::simtee
