#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "agent/activation.h"
#include "agent/child.h"
#include "agent/config.h"
#include "agent/workload_identity.h"
#include "base/log.h"

namespace strongroom::agent {

// What the agent is there for once it is activated.
enum class Purpose : std::uint8_t {
  kProgram,  // start the measured program and stay its parent
  kFiles,    // lay files out for other containers of the pod, and end
  kSidecar,  // the same, and renew them before the certificate ends, until a signal
};

// In the run folder as long as a sidecar's files are there.
inline constexpr const char* kReadyMark = "ready";

struct RunOptions {
  AgentConfig config;
  Purpose purpose = Purpose::kProgram;
  std::vector<std::string> asked;  // PROGRAM ARGS of the command line; empty: nothing was asked
  std::chrono::milliseconds timeout{120'000};       // until a coordinator must have answered
  ActivationTimeouts timeouts;                      // of one attempt
  std::chrono::milliseconds renewal_pause{60'000};  // at least so long between two renewals
  std::chrono::milliseconds reading_time{10'000};   // of a file that is replaced; then it is wiped
};

// Borrowed for the run.
struct RunParts {
  tee::EvidenceSource& evidence;
  const Clock& clock;
  Entropy& entropy;
  Environment environment;  // the host's
  Log& log;
  const BlockedSignals& signals;
};

// The agent's whole life: activates, hands over, starts the program and stays its parent (or serves
// another purpose), removes what it wrote. Returns what the process shall exit with (exit_code.h);
// reasons are logged. From the main thread.
int Run(const RunOptions& options, const RunParts& parts);

}  // namespace strongroom::agent
