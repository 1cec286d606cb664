#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/entropy.h"
#include "base/guarded.h"
#include "base/log.h"
#include "base/metrics.h"
#include "coordinator/core/activation.h"
#include "coordinator/core/budget.h"
#include "coordinator/core/challenges.h"
#include "coordinator/core/deployment.h"
#include "coordinator/core/journal.h"
#include "coordinator/core/pki.h"
#include "coordinator/core/ports.h"
#include "coordinator/core/quote_budget.h"
#include "coordinator/core/refusals.h"
#include "coordinator/core/secrets.h"
#include "coordinator/core/state.h"

// The coordinator without protocol, disk, clock or socket: it holds one manifest, decides who may
// receive what, and keeps account of it. Front ends translate; ports do the rest.
namespace strongroom::coordinator {

// Borrowed for the coordinator's life.
struct Parts {
  Store& store;
  EvidenceIssuer& issuer;
  EndorsementPort& endorsements;
  const Clock& clock;
  Entropy& entropy;
  Log& log;
  Metrics& metrics;
};

struct Options {
  // DNS names and IP addresses that the coordinator is reached by, for its certificates.
  std::vector<std::string> names = {"localhost"};
  // For each of the two ways to ask, so that nobody who asks by one takes from those by the other.
  QuoteLimits quotes = {};
};

// A quote of the coordinator and what is needed to verify it.
struct ProvenEvidence {
  Bytes quote;
  std::shared_ptr<const attest::Endorsements> endorsements;
};

using NamedSecret = std::pair<std::string, std::shared_ptr<const manifest::SecretValue>>;

struct AuditPage {
  std::vector<std::string> entries;  // texts, in order
  AuditHead head;
  Bytes signature;  // by the root key over AuditHeadMessage(head), ECDSA with SHA-256, DER
};
// What is signed: "strongroom audit head v1", the sequence number (u64 LE), the digest.
Bytes AuditHeadMessage(const AuditHead& head);

inline constexpr std::size_t kMaxAuditPage = 1000;

// Safe from any thread. No lock is held while evidence is verified, certificates are signed or
// anything is written, so activations run on all cores.
class Coordinator {
 public:
  // Takes up the state that the store found, or makes fresh authorities. Fails when state is there
  // that can be opened and makes no sense (kUntrusted, kMalformed): nothing is overwritten.
  static Result<std::unique_ptr<Coordinator>> Start(Parts parts, const Options& options);

  State state() const;
  // For life: fixed at the start, stored with the manifest.
  const Hierarchy& authorities() const { return authorities_; }
  // The manifest in force. kPrecondition when there is none.
  Result<std::shared_ptr<const Deployment>> deployment() const;

  // Sets the manifest, once. kMalformed, kUnsupported: the manifest; kPrecondition: the state is
  // not kAcceptingManifest; kConflict: another request is setting one at this moment.
  Result<std::shared_ptr<const Deployment>> SetManifest(ByteView raw);

  // A quote of this coordinator over `report_data`; with what verifies it. kExhausted when too many
  // are asked for.
  Result<Bytes> Quote(const attest::ReportData& report_data);
  Result<ProvenEvidence> Prove(const attest::ReportData& report_data);

  // For the user whose certificate (DER) the caller proved to hold: kUntrusted when it is nobody's.
  // kDenied, kNotFound: not that secret; kPrecondition: it was not set yet.
  Result<std::vector<NamedSecret>> GetSecrets(ByteView user_certificate,
                                              const std::vector<std::string>& names);
  // All or none. `expected` is the manifest the user means: kConflict when another is in force.
  Status SetSecrets(ByteView user_certificate, const manifest::ByName<SecretUpload>& uploads,
                    const std::optional<manifest::Sha256Digest>& expected);

  // A nonce for one activation on this connection (challenges.h). kExhausted.
  Result<Bytes> Challenge(std::uint64_t connection);
  // The connection was closed; its nonces are freed.
  void ForgetConnection(std::uint64_t connection);
  // Nonces that wait to be used.
  std::size_t challenges() const;
  // Verifies, counts, records, and only then answers. kUntrusted: nonce or evidence; kDenied: not
  // this package, dialect, or not once more; kPrecondition: not in this state, or a secret that the
  // marble needs is not set; kUnavailable: no endorsements to verify with.
  Result<ActivationGrant> Activate(const ActivationRequest& request);

  // Up to `limit` (at most kMaxAuditPage) entries from number `from` on, none beyond the head. For
  // users only; kUntrusted also when the store lost one.
  Result<AuditPage> Audit(ByteView user_certificate, std::uint64_t from, std::size_t limit);

 private:
  // Everything that changes. Short critical sections only.
  struct World {
    State state = State::kUninitialized;
    bool setting_manifest = false;
    std::shared_ptr<const Deployment> deployment;  // shared with requests under way
    std::shared_ptr<const SecretTable> secrets;    // likewise; replaced, never changed
    ActivationBudget budget;
    ChallengeTable challenges;
  };
  struct Snapshot {
    std::shared_ptr<const Deployment> deployment;
    std::shared_ptr<const SecretTable> secrets;
  };

  Coordinator(Parts parts, Hierarchy authorities, const QuoteLimits& quotes);

  Status Resume();
  void Enter(State state, std::shared_ptr<const Deployment> deployment, SecretTable secrets);
  Result<Snapshot> Active() const;
  Result<std::shared_ptr<const Deployment>> PrepareAndStore(ByteView raw);

  Result<attest::VerifiedClaims> CheckAdmission(const ActivationRequest& request,
                                                const Deployment& deployment);
  Result<ActivationGrant> Admit(const ActivationRequest& request, const Snapshot& now);
  Status Account(const ActivationRequest& request, const ActivationGrant& grant,
                 const attest::VerifiedClaims& claims);
  void Refuse(const ActivationRequest& request, const Error& error);

  Parts parts_;
  const Hierarchy authorities_;
  Journal journal_;
  Guarded<World> world_;
  Guarded<RefusalMeter> refusals_;
  Guarded<QuoteBudget> quotes_;
  Guarded<QuoteBudget> proofs_;
};

}  // namespace strongroom::coordinator
