// The coordinator: holds one manifest inside a TEE, verifies workloads against it, and gives them
// their certificates, secrets and model keys.

#include <csignal>
#include <cstdio>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/dumps.h"
#include "base/encoding.h"
#include "base/end_signals.h"
#include "base/files.h"
#include "base/version.h"
#include "collateral/bundle.h"
#include "collateral/pccs_source.h"
#include "coordinator/api/adapters.h"
#include "coordinator/api/front_ends.h"
#include "coordinator/store/sqlite_store.h"
#include "net/address.h"
#include "tee/detect.h"

namespace {

using namespace strongroom;  // NOLINT(google-build-using-namespace): a program's main

struct Flags {
  std::string mesh_address = ":2001";
  std::string client_address = ":4433";
  std::string metrics_address;
  std::vector<std::string> names = {"localhost"};
  std::string state_folder = "strongroom-coordinator-data";
  std::string startup_manifest;
  std::string pccs_url = "https://api.trustedservices.intel.com";
  std::string collateral_bundle;
  std::string log_level = "info";
  std::string log_format = "text";
  bool access_log = false;
};

constexpr const char* kIntelRootCrl =
    "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der";

void AddFlags(CLI::App& app, Flags& flags) {
  app.add_option("--mesh-addr", flags.mesh_address, "gRPC for workloads, ADDRESS:PORT or :PORT")
      ->envname("EDG_COORDINATOR_MESH_ADDR")
      ->capture_default_str();
  app.add_option("--client-addr", flags.client_address, "REST for people and tools")
      ->envname("EDG_COORDINATOR_CLIENT_ADDR")
      ->capture_default_str();
  app.add_option("--prometheus-addr", flags.metrics_address,
                 "plain HTTP for /metrics, /healthz and /readyz (default: none)")
      ->envname("EDG_COORDINATOR_PROMETHEUS_ADDR");
  app.add_option("--dns-names", flags.names,
                 "names and addresses that go into the certificates, with commas between them")
      ->envname("EDG_COORDINATOR_DNS_NAMES")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--seal-dir", flags.state_folder, "folder of the sealed state")
      ->envname("EDG_COORDINATOR_SEAL_DIR")
      ->capture_default_str();
  app.add_option("--startup-manifest", flags.startup_manifest,
                 "file with a manifest to set at the start; goes on when it is in force already")
      ->envname("EDG_STARTUP_MANIFEST");
  app.add_option("--pccs-url", flags.pccs_url,
                 "service that gives the collateral of platforms; what it says is signed by Intel "
                 "or by a root that the manifest names")
      ->envname("STRONGROOM_PCCS_URL")
      ->capture_default_str();
  app.add_option("--collateral", flags.collateral_bundle,
                 "file or folder with collateral instead of a service")
      ->envname("STRONGROOM_COLLATERAL");
  app.add_option("--log-level", flags.log_level, "debug, info, warn or error")
      ->envname("STRONGROOM_LOG_LEVEL")
      ->capture_default_str();
  app.add_option("--log-format", flags.log_format, "text or json")
      ->envname("STRONGROOM_LOG_FORMAT")
      ->capture_default_str();
  // As model servers spell flags.
  app.add_option("--log_level", flags.log_level)->group("");
  app.add_option("--log_format", flags.log_format)->group("");
  app.add_flag("--access-log", flags.access_log, "one line for each request");
  app.footer(
      "Runs inside a TEE only: it asks for its evidence over the socket that strongroom-simtee "
      "leaves open\n(STRONGROOM_ATTESTATION_FD) or from /dev/attestation as Gramine offers it. "
      "Roots "
      "of trust are Intel's and\nthose that the manifest names; no flag adds one.");
}

// Secrets are in memory: nothing of it goes to disk, and limits are errors, not signals.
Status Harden() {
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  return ForbidDumps();
}

Result<std::unique_ptr<collateral::EndorsementSource>> OpenCollateral(const Flags& flags) {
  if (!flags.collateral_bundle.empty()) return collateral::Bundle::Read(flags.collateral_bundle);
  const bool intel = flags.pccs_url.starts_with("https://api.trustedservices.intel.com");
  return collateral::PccsSource::Make(
      {.url = flags.pccs_url, .root_ca_crl_url = intel ? kIntelRootCrl : ""});
}

Status SetStartupManifest(coordinator::Coordinator& core, const std::string& path) {
  ASSIGN_OR_RETURN(const Bytes raw, ReadFile(path, manifest::kMaxManifestBytes));
  if (const auto set = core.deployment(); set.has_value()) {
    if ((*set)->fingerprint == manifest::Fingerprint(AsText(raw))) return {};
    return Conflict("another manifest is in force, wanted the one in " + path);
  }
  const auto set = core.SetManifest(raw);
  if (!set.has_value()) return std::unexpected(set.error().In(path));
  return {};
}

Status Run(const Flags& flags, const EndSignals& signals) {
  ASSIGN_OR_RETURN(const LogLevel level, ParseLogLevel(flags.log_level));
  ASSIGN_OR_RETURN(const LogFormat format, ParseLogFormat(flags.log_format));
  Log log("coordinator", level, format);
  Metrics metrics;
  const SystemClock clock;
  SystemEntropy entropy;
  ASSIGN_OR_RETURN(const std::unique_ptr<tee::EvidenceSource> source, tee::DetectEvidenceSource());
  coordinator::TeePort tee_port(*source);
  ASSIGN_OR_RETURN(const std::unique_ptr<collateral::EndorsementSource> endorsements,
                   OpenCollateral(flags));
  ASSIGN_OR_RETURN(const std::unique_ptr<coordinator::SqliteStore> store,
                   coordinator::SqliteStore::Open(flags.state_folder, tee_port, entropy));
  ASSIGN_OR_RETURN(collateral::Floors floors, coordinator::RestoreFloors(*store));
  collateral::EndorsementCache cache(*endorsements, clock, {}, std::move(floors));
  coordinator::CollateralPort collateral_port(cache, *store);
  const coordinator::Parts parts{.store = *store,
                                 .issuer = tee_port,
                                 .endorsements = collateral_port,
                                 .clock = clock,
                                 .entropy = entropy,
                                 .log = log,
                                 .metrics = metrics};
  ASSIGN_OR_RETURN(const std::unique_ptr<coordinator::Coordinator> core,
                   coordinator::Coordinator::Start(parts, {.names = flags.names}));
  if (!flags.startup_manifest.empty())
    RETURN_IF_ERROR(SetStartupManifest(*core, flags.startup_manifest));
  ASSIGN_OR_RETURN(
      const std::unique_ptr<coordinator::FrontEnds> front_ends,
      coordinator::FrontEnds::Start(
          *core,
          {.client_address = net::ListenAddress(flags.client_address),
           .mesh_address = net::ListenAddress(flags.mesh_address),
           .metrics_address =
               flags.metrics_address.empty() ? "" : net::ListenAddress(flags.metrics_address),
           .access_log = flags.access_log},
          log, metrics));
  log.Info("ready", {{"version", std::string(Version())},
                     {"tee", source->Description()},
                     {"client-port", std::to_string(front_ends->client_port())},
                     {"mesh-port", std::to_string(front_ends->mesh_port())},
                     {"prometheus-port", std::to_string(front_ends->metrics_port())}});
  signals.Wait();
  log.Info("ending");
  front_ends->Stop();
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  CLI::App app("strongroom-coordinator: holds the manifest, verifies workloads, releases secrets.",
               "strongroom-coordinator");
  app.set_version_flag("--version", std::string(Version()));
  AddFlags(app, flags);
  CLI11_PARSE(app, argc, argv);
  if (const Status hardened = Harden(); !hardened.has_value()) {
    fmt::print(stderr, "strongroom-coordinator: {}\n", hardened.error().message());
    return 1;
  }
  const EndSignals signals;
  if (const Status status = Run(flags, signals); !status.has_value()) {
    fmt::print(stderr, "strongroom-coordinator: {}\n", status.error().message());
    return 1;
  }
  return 0;
}
