#pragma once

#include <string>
#include <vector>

#include "agent/config.h"
#include "base/entropy.h"
#include "base/environment.h"

namespace strongroom::agent {

// What the workload is and whom it asks, as far as the host may say. All of it is untrusted: it can
// keep the workload from running, and no more.
struct WorkloadIdentity {
  std::string coordinator;  // "host:port"
  std::string marble;
  std::string uuid;                // RFC 4122 text
  std::vector<std::string> names;  // wished for in the request; the manifest decides
};

// The names of MarbleRun's premain, and ours:
//   STRONGROOM_COORDINATOR, else EDG_MARBLE_COORDINATOR_ADDR, else localhost:2001
//   EDG_MARBLE_TYPE, when the measured configuration names no marble; when both do, they must agree
//   EDG_MARBLE_UUID_FILE: read, or created when missing; unset: a new UUID each time, where
//     premain has one in <cwd>/uuid. What is in the file is not repeated where it holds none.
//   EDG_MARBLE_DNS_NAMES, comma list, else localhost
// kMalformed: no marble is named, or two different ones, or the file holds no UUID.
Result<WorkloadIdentity> FindIdentity(const AgentConfig& config, const Environment& environment,
                                      Entropy& entropy);

}  // namespace strongroom::agent
