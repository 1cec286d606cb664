#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/guarded.h"
#include "coordinator/core/coordinator.h"
#include "net/http.h"
#include "net/router.h"

namespace strongroom::coordinator {

// The REST API for people and their tools: MarbleRun's v2 and the part of v1 that asks nothing of a
// user, with additions of ours (docs/protocols/client-api.md). Stateless over the core but for one
// cached quote. Users are known by the TLS client certificate, byte for byte.
class ClientApi {
 public:
  // Borrowed for life.
  ClientApi(Coordinator& core, const Metrics& metrics) : core_(core), metrics_(metrics) {}

  // Adds all paths; this must outlive the router.
  void Register(net::Router& router);
  // Only /metrics, /healthz (the process is alive) and /readyz (workloads may activate).
  void RegisterProbes(net::Router& router);

 private:
  net::Response Status(const net::Request& request);
  net::Response GetManifest(const net::Request& request);
  net::Response PostManifest(const net::Request& request);
  net::Response Quote(const net::Request& request);
  net::Response GetSecrets(const net::Request& request);
  net::Response PostSecrets(const net::Request& request);
  net::Response Audit(const net::Request& request);
  net::Response Ready(const net::Request& request);

  net::Response GetStatusV1(const net::Request& request);
  net::Response GetManifestV1(const net::Request& request);
  net::Response PostManifestV1(const net::Request& request);
  net::Response GetQuoteV1(const net::Request& request);

  void RegisterV2(net::Router& router);
  void RegisterV1(net::Router& router);
  void RegisterUnsupported(net::Router& router);

  // Open Enclave evidence over the root certificate and the nonce.
  Result<Bytes> Evidence(const std::optional<Bytes>& nonce);
  static net::Response NoQuote(const Error& error);
  std::string Certificates() const;  // PEM: intermediate, root

  Coordinator& core_;
  const Metrics& metrics_;
  Guarded<std::optional<Bytes>> quote_;  // without a nonce it is always the same
};

}  // namespace strongroom::coordinator
