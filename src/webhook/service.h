#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/secret.h"
#include "net/server.h"
#include "webhook/endpoints.h"
#include "webhook/live_configuration.h"

namespace strongroom::webhook {

struct ServiceOptions {
  std::string listen = ":8443";
  std::string health_listen = {};  // plain HTTP for probes and metrics; empty: none
  std::filesystem::path config = {};
  // The certificate chain and key to serve with, PEM files. Empty: what Show is given, and until
  // then a certificate that nobody trusts.
  std::filesystem::path certificate = {};
  std::filesystem::path key = {};
  bool access_log = false;
  int event_loops = 0;  // 0: one a core
};

// The running webhook: endpoints over TLS, configuration and certificates that follow their files.
class Service {
 public:
  // Fails when the configuration or the certificate is missing or bad: then there is nothing to
  // serve by. Clock, log and metrics outlive it.
  static Result<std::unique_ptr<Service>> Start(const ServiceOptions& options, const Clock& clock,
                                                Log& log, Metrics& metrics);
  ~Service();

  // Looks at the files and takes over what changed; every second or so. What is bad is logged and
  // counted, and what was in force stays.
  void Poll();

  // Serves by this certificate from now on; connections that are open stay as they are. Any thread.
  Status Show(std::string_view chain_pem, const SecretBytes& key_pem);

  std::uint16_t port() const { return server_->port(0); }
  std::uint16_t health_port() const { return has_health_ ? server_->port(1) : 0; }

  // From now on not ready, so that no new requests come; still answers those that do.
  void BeginDraining() { readiness_.BeginDraining(); }
  // Ends what is in flight and stops.
  void Stop() { server_->Stop(); }

 private:
  Service(const ServiceOptions& options, Configuration configuration, const Clock& clock, Log& log,
          Metrics& metrics);
  Status Listen(const ServiceOptions& options);
  Result<net::Credentials> FirstCredentials();
  void PollConfiguration();
  void PollCertificate();
  void LogReadiness();
  void ReloadFailed(const std::string& what, const Error& error);
  void Shown(std::string_view chain_pem);

  LiveConfiguration configuration_;
  Readiness readiness_;
  std::string not_ready_;  // why, as the log has it
  const Clock& clock_;
  Log& log_;
  Metrics& metrics_;
  WatchedFile config_file_;
  WatchedFile certificate_file_;
  WatchedFile key_file_;
  bool has_health_;
  net::WorkerPool large_reviews_;
  std::unique_ptr<net::Server> server_;
};

}  // namespace strongroom::webhook
