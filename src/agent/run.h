#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "agent/activation.h"
#include "agent/child.h"
#include "agent/config.h"
#include "agent/workload_identity.h"
#include "base/log.h"

namespace strongroom::agent {

struct RunOptions {
  AgentConfig config;
  std::vector<std::string> asked;  // PROGRAM ARGS of the command line; empty: nothing was asked
  std::chrono::milliseconds timeout{120'000};  // until a coordinator must have answered
  ActivationTimeouts timeouts;                 // of one attempt
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

// The agent's whole life: activates, hands over, starts the program, stays its parent, removes what
// it wrote. Returns what the process shall exit with (exit_code.h); reasons are logged. From the
// main thread.
int Run(const RunOptions& options, const RunParts& parts);

}  // namespace strongroom::agent
