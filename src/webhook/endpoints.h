#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "net/router.h"
#include "net/worker_pool.h"
#include "webhook/live_configuration.h"

namespace strongroom::webhook {

// Whether the program can do its work, as /readyz says it.
class Readiness {
 public:
  // The certificate that is shown ends then; nothing is shown yet before the first call.
  void ShowsCertificateUntil(UnixSeconds end) { certificate_end_ = ToInt(end); }
  void BeginDraining() { draining_ = true; }

  // OK, or why not.
  Status Check(UnixSeconds now) const;

 private:
  std::atomic<std::int64_t> certificate_end_ = 0;
  std::atomic<bool> draining_ = false;
};

// What the endpoints work with; all outlive the router.
struct EndpointParts {
  const LiveConfiguration& configuration;
  const Readiness& readiness;
  const Clock& clock;
  Log& log;
  Metrics& metrics;
  net::WorkerPool& large_reviews;  // judges what would hold up an event loop
};

// Reviews up to this size take a fraction of a millisecond and are judged on the connection's own
// loop: waking another thread would cost more than the work.
inline constexpr std::size_t kMaxReviewOnLoop = 64 * 1024;

// POST /mutate and /validate: an AdmissionReview in, one out. 400 for what is no review of v1, 413
// for one that is too large, 415 for another media type than application/json, 503 while too many
// large ones wait.
void AddReviews(net::Router& router, const EndpointParts& parts);
// GET /healthz (it runs), /readyz (503 and the reason while it cannot work) and /metrics
// (Prometheus).
void AddProbes(net::Router& router, const EndpointParts& parts);

}  // namespace strongroom::webhook
