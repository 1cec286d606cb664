// The admission webhook: gives pods that run a marble what they need for it. It runs outside of
// what is protected and is convenience only: nobody trusts what it injected.
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/end_signals.h"
#include "base/environment.h"
#include "base/version.h"
#include "webhook/authority_keeper.h"
#include "webhook/service.h"

namespace {

using namespace strongroom;  // NOLINT(google-build-using-namespace): a program's main

constexpr auto kPollInterval = std::chrono::seconds(1);
constexpr auto kKeepInterval = std::chrono::seconds(30);
constexpr auto kRetryInterval = std::chrono::seconds(2);

struct Flags {
  webhook::ServiceOptions service{.config = "/etc/strongroom/webhook.json"};
  bool self_managed = false;
  std::string service_name = "strongroom-webhook";
  std::string secret;
  std::string webhook_configuration;
  std::string service_account = "/var/run/secrets/kubernetes.io/serviceaccount";
  unsigned shutdown_delay = 0;
  std::string log_level = "info";
  std::string log_format = "text";
};

void AddFlags(CLI::App& app, Flags& flags) {
  app.add_option("--config", flags.service.config,
                 "configuration (docs/formats/webhook-config.md); followed when it changes")
      ->capture_default_str();
  app.add_option("--listen", flags.service.listen, "ADDRESS:PORT or :PORT, HTTPS")
      ->capture_default_str();
  app.add_option("--health-listen", flags.service.health_listen,
                 "plain HTTP for /healthz, /readyz and /metrics too (default: only on --listen)");
  auto* certificate = app.add_option("--tls-cert", flags.service.certificate,
                                     "certificate chain, PEM; followed when it changes");
  auto* key = app.add_option("--tls-key", flags.service.key, "its private key, PEM");
  certificate->needs(key);
  key->needs(certificate);
  auto* self =
      app.add_flag("--self-managed-tls", flags.self_managed,
                   "make an authority and a certificate, share them with other copies by a Secret, "
                   "and write the authority into the program's own admission configurations");
  self->excludes(certificate);
  app.add_option("--service", flags.service_name,
                 "self-managed: name of the Service that the API server dials")
      ->needs(self)
      ->capture_default_str();
  app.add_option("--secret", flags.secret, "self-managed: the Secret (default: SERVICE-authority)")
      ->needs(self);
  app.add_option("--webhook-configuration", flags.webhook_configuration,
                 "self-managed: name of the mutating and of the validating configuration (default: "
                 "SERVICE-NAMESPACE)")
      ->needs(self);
  app.add_option("--service-account", flags.service_account,
                 "self-managed: folder with ca.crt, namespace and token, as every pod has it")
      ->needs(self)
      ->capture_default_str();
  app.add_option("--shutdown-delay", flags.shutdown_delay,
                 "seconds to go on answering, as not ready, after a signal to end")
      ->check(CLI::Range(0U, 300U))
      ->capture_default_str();
  app.add_option("--log-level", flags.log_level, "debug, info, warn or error")
      ->envname("STRONGROOM_LOG_LEVEL")
      ->capture_default_str();
  app.add_option("--log-format", flags.log_format, "text or json")
      ->envname("STRONGROOM_LOG_FORMAT")
      ->capture_default_str();
  app.add_option("--log_level", flags.log_level)->group("");
  app.add_option("--log_format", flags.log_format)->group("");
  app.add_flag("--access-log", flags.service.access_log, "one line for each request");
  app.footer(
      "Serves POST /mutate and /validate (AdmissionReview of admission.k8s.io/v1), GET /healthz, "
      "/readyz and /metrics.\nOne of --tls-cert with --tls-key (cert-manager, or a Secret of your "
      "own) and --self-managed-tls is needed.");
}

webhook::KeeperOptions KeeperOptionsOf(const Flags& flags, const std::string& name_space) {
  const std::string& service = flags.service_name;
  webhook::KeeperOptions out{.name_space = name_space, .secret = flags.secret};
  // Without the cluster's domain: the API server dials and verifies the short name.
  out.names = {fmt::format("{}.{}.svc", service, name_space),
               fmt::format("{}.{}", service, name_space)};
  if (out.secret.empty()) out.secret = service + "-authority";
  out.webhook_configuration = flags.webhook_configuration.empty()
                                  ? fmt::format("{}-{}", service, name_space)
                                  : flags.webhook_configuration;
  return out;
}

// Keeps the certificates until it is stopped; a thread of its own, because it waits for the API
// server.
Result<std::jthread> KeepCertificates(const Flags& flags, webhook::Service& service,
                                      const Clock& clock, Log& log) {
  ASSIGN_OR_RETURN(k8s::ClusterAccess access,
                   k8s::InCluster(ProcessEnvironment, flags.service_account));
  return std::jthread([&, access = std::move(access)](const std::stop_token& stop) {
    k8s::ApiClient api(access);
    webhook::AuthorityKeeper keeper(api, KeeperOptionsOf(flags, access.name_space), clock, log,
                                    [&service](const webhook::ServingState& state) {
                                      return service.Show(state.leaf.Pem(),
                                                          state.leaf_key.Pkcs8Pem());
                                    });
    std::mutex mutex;
    std::condition_variable_any wake;
    while (!stop.stop_requested()) {
      const Status status = keeper.Step();
      if (!status.has_value()) log.Warn("certificates", {{"error", status.error().message()}});
      std::unique_lock lock(mutex);
      wake.wait_for(lock, stop, status.has_value() ? kKeepInterval : kRetryInterval,
                    [] { return false; });
    }
  });
}

Status Run(const Flags& flags, const EndSignals& signals) {
  ASSIGN_OR_RETURN(const LogLevel level, ParseLogLevel(flags.log_level));
  ASSIGN_OR_RETURN(const LogFormat format, ParseLogFormat(flags.log_format));
  Log log("webhook", level, format);
  Metrics metrics;
  const SystemClock clock;
  ASSIGN_OR_RETURN(const std::unique_ptr<webhook::Service> service,
                   webhook::Service::Start(flags.service, clock, log, metrics));
  std::jthread keeper;
  if (flags.self_managed) {
    ASSIGN_OR_RETURN(keeper, KeepCertificates(flags, *service, clock, log));
  }
  log.Info("ready", {{"version", std::string(Version())},
                     {"port", std::to_string(service->port())},
                     {"health-port", std::to_string(service->health_port())}});
  while (signals.WaitFor(kPollInterval) == 0) service->Poll();
  log.Info("ending");
  service->BeginDraining();
  if (flags.shutdown_delay > 0) signals.WaitFor(std::chrono::seconds(flags.shutdown_delay));
  service->Stop();
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  CLI::App app("strongroom-webhook: gives pods that run a marble what they need for it.",
               "strongroom-webhook");
  app.set_version_flag("--version", std::string(Version()));
  AddFlags(app, flags);
  CLI11_PARSE(app, argc, argv);
  if (flags.service.certificate.empty() && !flags.self_managed) {
    fmt::print(stderr,
               "strongroom-webhook: no certificate, wanted --tls-cert with --tls-key, or "
               "--self-managed-tls\n");
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  const EndSignals signals;
  if (const Status status = Run(flags, signals); !status.has_value()) {
    fmt::print(stderr, "strongroom-webhook: {}\n", status.error().message());
    return 1;
  }
  return 0;
}
