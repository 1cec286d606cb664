#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "collateral/source.h"
#include "net/client.h"

namespace strongroom::collateral {

struct PccsOptions {
  // "https://pccs.example:8081" or "http://127.0.0.1:8081", with or without the path
  // "/sgx/certification/v4" (or v3).
  std::string url;
  // Where the root's revocation list is, if not under <url>/rootcacrl as PCCS has it; for Intel's
  // own service "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der".
  std::string root_ca_crl_url = {};
  // Roots that the service's TLS certificate must chain to, DER. Empty: any certificate will do, as
  // caching services sign their own: all that is fetched is signed by the hardware's vendor, and a
  // forger gains nothing but the power not to answer, which the network has anyway.
  std::vector<Bytes> tls_roots = {};

  int attempts = 3;  // of each request; 5xx, 429 and lost connections are tried again
  net::Milliseconds first_backoff{200};  // doubled each time; Retry-After counts up to ten seconds
  net::Milliseconds request_timeout{10'000};
  net::Milliseconds timeout{30'000};  // of all requests of one Fetch together
};

// A caching service for attestation collateral (PCCS) or Intel's own (PCS), SGX paths of API v3 or
// v4.
class PccsSource final : public EndorsementSource {
 public:
  // kMalformed when the URL is none.
  static Result<std::unique_ptr<PccsSource>> Make(PccsOptions options);
  // For tests: how to wait between attempts.
  using Sleep = std::function<void(net::Milliseconds)>;
  static Result<std::unique_ptr<PccsSource>> Make(PccsOptions options, Sleep sleep);
  ~PccsSource() override;

  Result<attest::Endorsements> Fetch(const attest::EndorsementSubject& subject) override;

 private:
  struct Impl;
  explicit PccsSource(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace strongroom::collateral
