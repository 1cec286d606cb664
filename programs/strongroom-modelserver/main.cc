// The model server: takes the handover, opens the models, answers until it is told to end.

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/clock.h"
#include "base/cpus.h"
#include "base/dumps.h"
#include "base/end_signals.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/version.h"
#include "engine_variables.h"
#include "handover.h"
#include "net/server.h"
#include "options.h"
#include "serving/api/front_door.h"
#include "serving/core/manager.h"
#include "serving/models/folder_source.h"
#include "serving/openvino/engine.h"

namespace strongroom::modelserver {
namespace {

using serving::AccessList;
using serving::Manager;
using serving::ModelSource;

// Everything that depends on whether there is a handover.
struct Trust {
  std::optional<net::TlsServerOptions> tls;
  AccessList access;
  std::map<std::string, std::unique_ptr<ModelSource>> sources;
};

Result<Trust> SecureTrust(const Options& options, unsigned threads, const Clock& clock) {
  ASSIGN_OR_RETURN(Handover handover, ReadHandover());
  if (!options.model_name.empty() && !handover.models.contains(options.model_name)) {
    return NotFound(fmt::format("model {} was not handed over, wanted one of those that were",
                                options.model_name));
  }
  Trust trust{.tls = net::TlsServerOptions{.credentials = handover.credentials,
                                           .client_certificate = net::ClientCertificate::kRequired},
              .access = AccessList(std::move(handover.clients), clock),
              .sources = {}};
  const std::filesystem::path base(options.model_base_path);
  for (auto& [name, model] : handover.models) {
    if (!options.model_name.empty() && name != options.model_name) continue;
    const auto folder = options.model_name.empty() ? base / name : base;
    ASSIGN_OR_RETURN(trust.sources[name], serving::models::ProtectedFolder::Make(
                                              name, folder, std::move(model), threads));
  }
  return trust;
}

Result<Trust> InsecurePlainTrust(const Options& options) {
  if (options.address != "127.0.0.1")
    return Denied("--insecure_plain serves on --address 127.0.0.1 only");
  const std::string name = options.model_name.empty() ? "default" : options.model_name;
  Trust trust{.tls = std::nullopt, .access = AccessList::InsecureEveryone(), .sources = {}};
  trust.sources[name] =
      std::make_unique<serving::models::InsecurePlainFolder>(options.model_base_path);
  return trust;
}

Status LoadModels(Log& log, Manager& manager, Trust& trust) {
  for (auto& [name, source] : trust.sources) {
    RETURN_IF_ERROR(manager.Load(name, *source, serving::LatestVersions{}));
    const auto handle = manager.Acquire(name, std::nullopt);
    if (!handle) return std::unexpected(handle.error());
    log.Info("model is available",
             {{"model", name}, {"version", std::to_string((*handle)->version)}});
  }
  return {};
}

void AnnounceThreads(Log& log, const CpuAllowance& allowance, int threads,
                     std::string_view capabilities) {
  log.Info("threads",
           {{"inference", std::to_string(threads)},
            {"event_loops", std::to_string(allowance.cpus)},
            {"affinity", std::to_string(allowance.affinity)},
            {"quota", allowance.quota > 0 ? fmt::format("{:.2f}", allowance.quota) : "none"},
            {"quota_source", allowance.quota_source},
            {"native", std::string(capabilities)}});
}

// All threads of this process: what an enclave must have room for. 0 where /proc does not tell.
int ThreadsInAll() {
  std::error_code error;
  int threads = 0;
  std::filesystem::directory_iterator task("/proc/self/task", error);
  for (; !error && task != std::filesystem::directory_iterator(); task.increment(error)) ++threads;
  return threads;
}

net::ServerOptions ListenOptions(const Options& options, const Trust& trust,
                                 const serving::api::FrontDoor& door, int loops, Log& log,
                                 Metrics& metrics) {
  net::ServerOptions server{
      .event_loops = loops,
      .limits = {.max_connection_age = std::chrono::seconds(options.max_connection_age)},
      .access_log = &log,
      .metrics = &metrics};
  std::vector<std::uint16_t> ports = {options.port};
  if (options.rest_api_port != 0) ports.push_back(options.rest_api_port);
  for (const std::uint16_t port : ports) {
    server.listeners.push_back({.address = fmt::format("{}:{}", options.address, port),
                                .tls = trust.tls,
                                .router = door.router(),
                                .grpc_services = door.grpc_services(),
                                .name = server.listeners.empty() ? "port" : "rest_api_port"});
  }
  if (options.health_port != 0) {
    server.listeners.push_back(
        {.address = fmt::format("{}:{}", options.address, options.health_port),
         .router = door.health_router(),
         .name = "health"});
  }
  return server;
}

Status Serve(const Options& options, const EndSignals& signals, Log& log) {
  RETURN_IF_ERROR(ForbidDumps());
  DropEngineVariables(log);
  if (options.insecure_plain)
    log.Warn("INSECURE: plain models, no TLS, every local process may ask");
  const CpuAllowance allowance = AllowedCpus();
  const int threads = options.threads > 0 ? options.threads : allowance.cpus;
  const SystemClock clock;
  ASSIGN_OR_RETURN(Trust trust, options.insecure_plain
                                    ? InsecurePlainTrust(options)
                                    : SecureTrust(options, static_cast<unsigned>(threads), clock));
  ASSIGN_OR_RETURN(const auto engine, serving::openvino::MakeEngine({.threads = threads,
                                                                     .precision = options.precision,
                                                                     .insecure_explain_load_errors =
                                                                         options.insecure_plain}));
  ASSIGN_OR_RETURN(const auto capabilities, serving::openvino::Capabilities());
  AnnounceThreads(log, allowance, threads, fmt::format("{}", fmt::join(capabilities, ",")));

  Manager manager(*engine);
  RETURN_IF_ERROR(LoadModels(log, manager, trust));
  Metrics metrics;
  const serving::api::FrontDoor door(
      {.manager = manager, .access = trust.access, .metrics = metrics}, Version());
  ASSIGN_OR_RETURN(const auto server, net::Server::Start(ListenOptions(
                                          options, trust, door, allowance.cpus, log, metrics)));
  // The line that users of TensorFlow Serving wait for.
  fmt::print("Running gRPC ModelServer at {}:{} ...\n", options.address, server->port());
  if (options.rest_api_port != 0) {
    fmt::print("Exporting HTTP/REST API at:localhost:{} ...\n", server->port(1));
  }
  std::fflush(stdout);
  log.Info("serving", {{"port", std::to_string(server->port())},
                       {"threads_in_all", std::to_string(ThreadsInAll())},
                       {"engine", serving::openvino::EngineVersion()}});

  const int signal = signals.Wait();
  log.Info("draining", {{"signal", std::to_string(signal)},
                        {"seconds", std::to_string(options.drain_seconds)}});
  manager.BeginDrain();
  signals.WaitFor(std::chrono::seconds(options.drain_seconds));
  server->Stop();
  log.Info("ended");
  return {};
}

}  // namespace
}  // namespace strongroom::modelserver

int main(int argc, char** argv) {
  using namespace strongroom;
  const auto parsed = modelserver::ParseOptions(argc, argv);
  if (!parsed.run) return parsed.exit_code;
  std::signal(SIGPIPE, SIG_IGN);
  const EndSignals signals;
  Log log("strongroom-modelserver", LogLevel::kInfo, parsed.options.log_format);
  const Status status = modelserver::Serve(parsed.options, signals, log);
  if (status) return 0;
  log.Error("cannot serve", {{"error", status.error().ToString()},
                             {"finding", std::string(status.error().finding())}});
  return 1;
}
