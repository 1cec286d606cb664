#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "agent/config.h"
#include "agent/workload_identity.h"
#include "base/clock.h"
#include "base/entropy.h"
#include "base/secret.h"
#include "collateral/floors.h"
#include "crypto/key.h"
#include "tee/evidence_source.h"

namespace strongroom::agent {

// A model that the workload may load.
struct GrantedModel {
  std::string name;
  SecretBytes key;
  std::string embedded_prefix;
  std::map<std::string, Bytes> files;  // "<version>/<file>" to SHA-256
  std::vector<Bytes> client_certificates;
};

// All that an activation brings.
struct Activation {
  crypto::PrivateKey key;  // made here; never left
  std::string certificate_chain_pem;
  std::string marble_root_pem;
  std::string root_certificate_pem;
  std::map<std::string, SecretBytes> files;
  std::map<std::string, SecretBytes> env;
  std::vector<std::string> argv;
  std::vector<GrantedModel> models;
  bool marblerun_style = false;
};

// Which step of an attempt failed: what to do differs.
enum class Stage {
  kConfiguration,  // what this workload says of itself; nobody was asked
  kConnect,        // no connection, it was lost, or there is too much to do: try again
  kTrust,          // the coordinator did not convince
  kEvidence,       // the local TEE gave none
  kRefused,        // the coordinator refused, or answered nonsense
  kStopped,        // the caller did not want to go on
};

struct ActivationError {
  Stage stage;
  Error error;
};

// Borrowed for the attempt.
struct ActivationParts {
  tee::EvidenceSource& evidence;
  const Clock& clock;
  Entropy& entropy;
  collateral::Floors& floors;  // raised by what coordinators send
  // Asked before each step that may wait; true ends the attempt there. None: goes on.
  std::function<bool()> stop = nullptr;
};

// Each is also how long a wish to stop may wait: less than the half minute that a kubelet gives.
struct ActivationTimeouts {
  std::chrono::milliseconds connect{5'000};
  std::chrono::milliseconds call{20'000};
};

// One attempt, on one TLS 1.3 connection to `identity.coordinator`: the coordinator proves itself
// against `expected` before anything but a nonce was sent; then nonce, evidence over (nonce, key,
// connection), certificate and secrets.
std::expected<Activation, ActivationError> Activate(const WorkloadIdentity& identity,
                                                    const CoordinatorExpectation& expected,
                                                    const ActivationParts& parts,
                                                    const ActivationTimeouts& timeouts = {});

}  // namespace strongroom::agent
