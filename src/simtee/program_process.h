#pragma once

#include <csignal>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/result.h"

// The workload's program as a process: how it is started. For both kinds of workload, in a root of
// its own and in a container's.
namespace strongroom::simtee {

// The descriptor at which a workload finds its attestation socket.
inline constexpr int kAttestationFd = 3;

// Of a first process that could not start the program.
inline constexpr int kExitNotStarted = 125;

// A message to the process that started us, over a SOCK_SEQPACKET socket, with a descriptor when
// `passed` is one.
struct Report {
  std::string text;  // empty: the other end was closed
  UniqueFd passed;
};
void SendReport(int fd, const std::string& text, int passed = -1);
Result<Report> ReceiveReport(int fd);

struct ProgramStart {
  const std::string& program;
  const std::vector<std::string>& argv;
  const std::vector<std::string>& environment;  // "NAME=value"
  const UniqueFd& attestation_socket;           // becomes kAttestationFd; not valid: it gets none
};

// Becomes the program: no core dumps, no new privileges, the signal mask `mask`, and no descriptor
// but the standard streams and the attestation socket. What goes wrong is sent as "failed …" to
// `report`, which otherwise is closed by the exec.
[[noreturn]] void ExecuteProgram(const ProgramStart& start, int report, const sigset_t& mask);

}  // namespace strongroom::simtee
