#pragma once

#include <string>
#include <vector>

#include "agent/activation.h"
#include "agent/config.h"
#include "agent/workload_identity.h"
#include "base/secret.h"

namespace strongroom::agent {

// The Handover message for a program of ours.
Result<SecretBytes> MakeHandover(const Activation& activation, const WorkloadIdentity& identity);

// The program's whole environment, "NAME=value", later ones winning: measured, passed on, the
// manifest's, and for a marble declared MarbleRun-style MARBLE_PREDEFINED_* with its private key.
// `handover` below 0: none.
std::vector<SecretBytes> MakeEnvironment(const Activation& activation, const AgentConfig& config,
                                         const Environment& host, int handover);

// The arguments to start with: the manifest's, else the measured ones. `asked` is PROGRAM ARGS of
// the command line; kDenied when it is not empty and says anything else.
Result<std::vector<std::string>> ChooseArguments(const Activation& activation,
                                                 const AgentConfig& config,
                                                 const std::vector<std::string>& asked);

}  // namespace strongroom::agent
