#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/config.h"
#include "base/guarded.h"
#include "crypto/key.h"
#include "crypto/x509.h"
#include "net/server.h"
#include "sim/collateral.h"
#include "sim/evidence.h"
#include "sim/world.h"
#include "strongroom/v1/coordinator.pb.h"
#include "tee/evidence_source.h"

// A coordinator's mesh port without a coordinator behind it: real TLS, real evidence of a simulated
// world, and whatever a test wants wrong.
namespace strongroom::agent::testing {

inline constexpr UnixSeconds kNow{1'790'000'000};

// The world that fakes and tests share; made once, because its keys take a moment.
const sim::World& TestWorld();
// Another, whose root nobody names.
const sim::World& ForeignWorld();

sim::EnclaveIdentity CoordinatorEnclave();
sim::EnclaveIdentity WorkloadEnclave();

// A workload's TEE.
class SimEvidence final : public tee::EvidenceSource {
 public:
  Result<Bytes> Quote(tee::ReportDataView report_data) override;
  Result<SecretBytes> SealingKey(tee::SealPolicy policy) override;
  std::string Description() const override { return "simulated"; }

  std::optional<Bytes> replay;  // returned instead of a fresh quote
  std::optional<Error> failure;
  Bytes last;  // the quote returned last
};

struct Behaviour {
  const sim::World* world = &TestWorld();
  std::string platform = "up-to-date";
  sim::EnclaveIdentity enclave = CoordinatorEnclave();
  sim::CollateralOptions collateral = {};
  std::optional<Bytes> replay_evidence;  // instead of fresh evidence
  bool ignore_nonce = false;             // evidence over another nonce
  bool other_server_key = false;         // evidence over another key than that of the handshake
  std::function<void()> on_attest;       // called before each answer to Attest
  std::optional<Error> refuse_attest;
  std::optional<Error> refuse;  // what Activate answers
  bool certify_other_key = false;
  bool separate_mesh_key = false;  // the handshake shows another key, which the root signed
  bool stranger_mesh_key = false;  // another key, which the root did not sign
  Bytes manifest_sha256 = Bytes(32, 0x42);
  v1::ActivateResponse answer;                       // certificate chain and roots are filled in
  std::optional<v1::ActivateResponse> later_answer;  // from the second activation on
};

struct Counts {
  int attests = 0;
  int challenges = 0;
  int activations = 0;
};

class FakeCoordinator {
 public:
  // On an ephemeral port, or on `port`.
  static std::unique_ptr<FakeCoordinator> Start(Behaviour behaviour, std::uint16_t port = 0);

  std::uint16_t port() const { return server_->port(); }
  std::string address() const { return "127.0.0.1:" + std::to_string(port()); }
  const crypto::Certificate& root() const { return root_; }
  Counts counts() const;
  // Of the last Attest and Activate.
  Bytes last_evidence() const;
  v1::ActivateRequest last_request() const;

 private:
  struct Record {
    Counts counts;
    Bytes evidence;
    v1::ActivateRequest request;
    std::map<Bytes, std::uint64_t> nonces;  // unused, and the connection each belongs to
  };

  FakeCoordinator(Behaviour behaviour, crypto::PrivateKey root_key, crypto::Certificate root,
                  crypto::PrivateKey mesh_key)
      : behaviour_(std::move(behaviour)),
        root_key_(std::move(root_key)),
        root_(std::move(root)),
        mesh_key_(std::move(mesh_key)) {}

  Result<Bytes> Attest(const net::GrpcCall& call, ByteView message);
  Result<Bytes> Challenge(const net::GrpcCall& call);
  Result<Bytes> Activate(const net::GrpcCall& call, ByteView message);
  // What a real coordinator does before it answers.
  Status CheckActivation(const net::GrpcCall& call, const v1::ActivateRequest& request);

  const Behaviour behaviour_;
  const crypto::PrivateKey root_key_;
  const crypto::Certificate root_;
  const crypto::PrivateKey mesh_key_;  // of the handshake; the root's own by default
  Guarded<Record> record_;
  std::unique_ptr<net::Server> server_;
};

// Expects the fake of the default behaviour by its enclave.
CoordinatorExpectation ExpectedByIdentity();

}  // namespace strongroom::agent::testing
