#include "webhook/service.h"

#include "base/files.h"
#include "crypto/x509.h"
#include "net/address.h"
#include "webhook/authority.h"

namespace strongroom::webhook {
namespace {

constexpr std::size_t kMaxPemBytes = 256 * 1024;
constexpr std::size_t kMaxChain = 10;
// Each may need some ten times its size for a moment.
constexpr int kLargeReviewThreads = 1;
constexpr std::size_t kMaxLargeReviewsWaiting = 16;

Result<Configuration> ReadConfiguration(WatchedFile& file) {
  ASSIGN_OR_RETURN(const std::optional<SecretBytes> text, file.Changed());
  if (!text.has_value()) return Internal("the configuration was read twice");
  return In(file.path().string(), Configuration::Parse(AsText(text->Reveal())));
}

}  // namespace

Result<std::unique_ptr<Service>> Service::Start(const ServiceOptions& options, const Clock& clock,
                                                Log& log, Metrics& metrics) {
  WatchedFile config(options.config, kMaxConfigBytes);
  ASSIGN_OR_RETURN(Configuration configuration, ReadConfiguration(config));
  std::unique_ptr<Service> out(new Service(options, std::move(configuration), clock, log, metrics));
  out->config_file_ = std::move(config);
  RETURN_IF_ERROR(out->Listen(options));
  return out;
}

Service::Service(const ServiceOptions& options, Configuration configuration, const Clock& clock,
                 Log& log, Metrics& metrics)
    : configuration_(std::move(configuration)),
      clock_(clock),
      log_(log),
      metrics_(metrics),
      config_file_(options.config, kMaxConfigBytes),
      certificate_file_(options.certificate, kMaxPemBytes),
      key_file_(options.key, kMaxPemBytes),
      has_health_(!options.health_listen.empty()),
      large_reviews_(kLargeReviewThreads, kMaxLargeReviewsWaiting) {}

Service::~Service() = default;

Status Service::Listen(const ServiceOptions& options) {
  ASSIGN_OR_RETURN(net::Credentials credentials, FirstCredentials());
  const EndpointParts parts{configuration_, readiness_, clock_, log_, metrics_, large_reviews_};
  auto router = std::make_shared<net::Router>();
  AddReviews(*router, parts);
  AddProbes(*router, parts);
  net::ServerOptions server{.event_loops = options.event_loops,
                            .workers = 1,  // metrics
                            .access_log = options.access_log ? &log_ : nullptr,
                            .metrics = &metrics_};
  server.listeners.push_back({.address = net::ListenAddress(options.listen),
                              .tls = net::TlsServerOptions{.credentials = std::move(credentials)},
                              .router = std::move(router),
                              .name = "webhook"});
  if (has_health_) {
    auto probes = std::make_shared<net::Router>();
    AddProbes(*probes, parts);
    server.listeners.push_back({.address = net::ListenAddress(options.health_listen),
                                .router = std::move(probes),
                                .name = "health"});
  }
  ASSIGN_OR_RETURN(server_, net::Server::Start(std::move(server)));
  return {};
}

Result<net::Credentials> Service::FirstCredentials() {
  if (certificate_file_.path().empty()) {
    ASSIGN_OR_RETURN(const ServingState nobodys, MakeServingState({"localhost"}, clock_.Now()));
    return net::Credentials::FromPem(nobodys.leaf.Pem(), nobodys.leaf_key.Pkcs8Pem());
  }
  ASSIGN_OR_RETURN(const std::optional<SecretBytes> chain, certificate_file_.Changed());
  ASSIGN_OR_RETURN(const std::optional<SecretBytes> key, key_file_.Changed());
  if (!chain.has_value() || !key.has_value()) return Internal("the certificate was read twice");
  const std::string_view chain_pem = AsText(chain->Reveal());
  ASSIGN_OR_RETURN(net::Credentials credentials, In(certificate_file_.path().string(),
                                                    net::Credentials::FromPem(chain_pem, *key)));
  Shown(chain_pem);
  return credentials;
}

void Service::Poll() {
  PollConfiguration();
  if (!certificate_file_.path().empty()) PollCertificate();
  LogReadiness();
}

// The kubelet's event about a failed probe has a status and no reason.
void Service::LogReadiness() {
  const Status ready = readiness_.Check(clock_.Now());
  const std::string why = ready.has_value() ? "" : ready.error().message();
  if (why == not_ready_) return;
  not_ready_ = why;
  if (!why.empty()) log_.Warn("not ready", {{"error", why}});
}

void Service::PollConfiguration() {
  const auto text = config_file_.Changed();
  if (!text.has_value()) return ReloadFailed("configuration", text.error());
  if (!text->has_value()) return;
  auto parsed = Configuration::Parse(AsText((*text)->Reveal()));
  if (!parsed.has_value()) return ReloadFailed("configuration", parsed.error());
  configuration_.Set(*std::move(parsed));
  log_.Info("configuration reloaded", {{"file", config_file_.path().string()}});
}

// Both files are of one Secret, whose folder is swapped as a whole; a pair that does not match is
// looked at again until it does.
void Service::PollCertificate() {
  const auto chain = certificate_file_.Changed();
  if (!chain.has_value()) return ReloadFailed("certificate", chain.error());
  const auto key = key_file_.Changed();
  if (!key.has_value()) return ReloadFailed("certificate", key.error());
  if (!chain->has_value() && !key->has_value()) return;
  const auto both = ReadTextFile(certificate_file_.path(), kMaxPemBytes);
  auto secret = ReadSecretFile(key_file_.path(), kMaxPemBytes);
  Status shown = !both.has_value()     ? std::unexpected(both.error())
                 : !secret.has_value() ? std::unexpected(secret.error())
                                       : Show(*both, *secret);
  if (shown.has_value()) return;
  certificate_file_.Forget();
  ReloadFailed("certificate", shown.error());
}

void Service::ReloadFailed(const std::string& what, const Error& error) {
  metrics_
      .CounterOf("strongroom_webhook_reload_failures_total",
                 "Configurations and certificates that could not be taken over.", {{"what", what}})
      .Add();
  log_.Warn("not reloaded, what was in force stays", {{"what", what}, {"error", error.message()}});
}

Status Service::Show(std::string_view chain_pem, const SecretBytes& key_pem) {
  ASSIGN_OR_RETURN(net::Credentials credentials, net::Credentials::FromPem(chain_pem, key_pem));
  RETURN_IF_ERROR(server_->SetCertificate(0, std::move(credentials)));
  Shown(chain_pem);
  log_.Info("certificate in use");
  return {};
}

void Service::Shown(std::string_view chain_pem) {
  const auto chain = crypto::Certificate::ChainFromPem(chain_pem, kMaxChain);
  if (!chain.has_value() || chain->empty()) return;
  const UnixSeconds end = chain->front().fields().not_after;
  readiness_.ShowsCertificateUntil(end);
  metrics_
      .GaugeOf("strongroom_webhook_certificate_end_seconds",
               "When the certificate in use ends, in seconds since 1970.")
      .Set(static_cast<double>(ToInt(end)));
}

}  // namespace strongroom::webhook
