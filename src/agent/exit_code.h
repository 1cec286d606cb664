#pragma once

namespace strongroom::agent {

// What `strongroom-agent run` ends with when the program did not run to its own end; otherwise it
// is the program's exit code, or 128 plus the signal that ended it. Part of the interface: --help
// and docs/formats/agent-config.md list them.
enum ExitCode : int {
  kExitConfiguration =
      120,  // the command line, the environment or the measured configuration is wrong
  kExitUnreachable = 121,  // no coordinator answered within the time limit
  kExitUntrusted = 122,  // the coordinator did not prove to be the one that the configuration names
  kExitRefused = 123,    // the coordinator refused the activation
  kExitNoEvidence = 124,  // the TEE gave no evidence, or there is none
  kExitLayout = 125,      // what was received could not be laid out
  kExitNotExecutable =
      126,              // the program could not be executed: it is not part of what was measured
  kExitNotFound = 127,  // there is no such program
};

}  // namespace strongroom::agent
