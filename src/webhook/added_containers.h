#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "webhook/config.h"
#include "webhook/json_patch.h"
#include "webhook/marble.h"

namespace strongroom::webhook {

// As whom added containers run where nothing else is asked for.
inline constexpr std::int64_t kAddedUser = 65532;

// The containers that this program adds, as JSON text. All run under the "restricted" pod security
// standard: as an unprivileged user that a pod may override, without capabilities, on a read-only
// root.

// An init container that copies the agent into a shared folder, or the software TEE.
std::string AgentCopyJson(const Configuration& configuration);
std::string SimulationCopyJson(const Configuration& configuration);

struct AgentContainer {
  std::string uuid_folder = {};
  // As whom the workload runs: only that user can read what the agent lays out.
  std::int64_t user = kAddedUser;
  std::int64_t group = kAddedUser;
  JsonMembers limits = {};            // of its TEE
  std::vector<std::string> env = {};  // JSON text of each
};

// The agent before (mode init) or beside (mode sidecar) the workload.
std::string AgentJson(const AgentContainer& agent, const Marble& marble,
                      const Configuration& configuration);

// The words that start what a launch description names.
std::vector<std::string> SimulationWords(const Marble& marble, const Configuration& configuration);

}  // namespace strongroom::webhook
