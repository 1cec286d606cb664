#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attest/anchors.h"
#include "attest/policy.h"
#include "base/clock.h"
#include "base/result.h"
#include "crypto/hash.h"

namespace strongroom::agent {

inline constexpr std::size_t kMaxConfigBytes = 256 * 1024;

// Whom the agent takes for its coordinator. At least one of identity and root is named, and a file
// that pins neither root nor manifest says aloud that any manifest is accepted.
struct CoordinatorExpectation {
  bool by_identity = false;
  attest::AcceptancePolicy policy;           // with by_identity: which enclaves on which platforms
  attest::TrustAnchors anchors;              // Intel's root and those that the file names
  std::optional<crypto::Sha256Digest> root;  // of the DER of the coordinator's root certificate
  std::optional<crypto::Sha256Digest> manifest;  // the fingerprint it must hold
  // A clock that says less was turned back, and old collateral may look fresh to it: nobody is
  // believed then.
  UnixSeconds not_before{};
};

// How a program gets what it needs.
enum class ProgramKind {
  kStrongroom,  // a Handover message over a pipe
  kForeign,     // files on tmpfs, environment, arguments
};

// Where a foreign program expects its certificate and key; empty: not written. On tmpfs only.
struct CredentialFiles {
  std::string certificate_chain;  // leaf, then the intermediate; PEM, as all of these
  std::string private_key;
  std::string marble_root;
  std::string root;
};

// The agent's configuration. Its file is part of the measurement: what the host may choose is not
// in it.
struct AgentConfig {
  CoordinatorExpectation coordinator;
  std::string marble;  // the role; empty: EDG_MARBLE_TYPE says it, so the host chooses
  ProgramKind kind = ProgramKind::kStrongroom;
  std::string program;                     // absolute path
  std::vector<std::string> argv;           // used when the manifest gives none; never empty
  std::map<std::string, std::string> env;  // what the program's environment begins with
  std::vector<std::string> pass_env;       // variables passed on as the host set them
  CredentialFiles credential_files;
  std::string run_folder = "/run/strongroom/agent";  // on tmpfs: notes of what was written
};

// Reads the JSON of docs/formats/agent-config.md. kMalformed: unknown members too, no expectation
// of the coordinator, no word on its manifest, a relative path; kDenied: a variable that steers the
// loader.
Result<AgentConfig> ParseConfig(std::string_view json);

// True for variables that choose which code runs (base/steering_variables.h) and for those of the
// attestation socket: neither the host nor a manifest may set them.
bool ChoosesCode(std::string_view variable);

}  // namespace strongroom::agent
