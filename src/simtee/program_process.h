#pragma once

#include <csignal>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/result.h"

// The workload's program as a process: how it is started, what its parent does until it ends. For
// both kinds of workload, in a root of its own and in a container's.
namespace strongroom::simtee {

// The descriptor at which a workload finds its attestation socket.
inline constexpr int kAttestationFd = 3;

// Of a first process that could not start the program.
inline constexpr int kExitNotStarted = 125;

// The signals that are passed on to the program, and SIGCHLD. Who waits for a program blocks them
// before any thread is started.
sigset_t WaitedSignals();

// True for signals that a process sent; the terminal's own (SI_KERNEL) reach the whole process
// group by themselves.
bool WasSent(const siginfo_t& info);

// The exit code, or 128 plus the signal that ended the process, as shells say it.
int ExitCodeOf(int status);

// Passes signals on and buries the dead until `program` itself has ended; its exit code. With
// WaitedSignals blocked.
int Reap(pid_t program);

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
