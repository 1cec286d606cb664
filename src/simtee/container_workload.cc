#include "simtee/container_workload.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include <fmt/format.h>

#include "base/child_signals.h"
#include "simtee/execution_limit.h"
#include "simtee/program_process.h"

namespace strongroom::simtee {
namespace {

[[noreturn]] void Fail(int report, std::string_view what) {
  SendReport(report, fmt::format("failed {}: {}", what, strerror(errno)));
  _exit(kExitNotStarted);
}

[[noreturn]] void RunChild(const WorkloadSpec& spec, const UniqueFd& execution_limit, int report,
                           pid_t parent, const sigset_t& mask) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) Fail(report, "prctl");
  if (getppid() != parent) _exit(kExitNotStarted);  // it died before PDEATHSIG was set
  const LaunchDescription& description = spec.root.description;
  if (chdir(description.working_directory.c_str()) != 0) Fail(report, "working directory");
  if (execution_limit.valid() && !EnterExecutionLimit(execution_limit)) Fail(report, "Landlock");
  ExecuteProgram({.program = description.program,
                  .argv = description.argv,
                  .environment = spec.environment,
                  .attestation_socket = spec.attestation_socket},
                 report, mask);
}

}  // namespace

Result<ContainerWorkload> ContainerWorkload::Start(WorkloadSpec spec,
                                                   const UniqueFd& execution_limit) {
  int reports[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, reports) != 0)
    return FromErrno(errno, "socketpair");
  const UniqueFd report_in(reports[0]);
  UniqueFd report_out(reports[1]);
  HeedChildren();
  const sigset_t signals = ChildSignals();
  sigset_t mask;
  if (sigprocmask(SIG_BLOCK, &signals, &mask) != 0) return FromErrno(errno, "sigprocmask");
  // The platform's keys will be in this memory; orphans of the program are ours to bury.
  if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
    return FromErrno(errno, "prctl");
  const pid_t parent = getpid();
  const pid_t program = fork();
  if (program < 0) return FromErrno(errno, "fork");
  if (program == 0) RunChild(spec, execution_limit, report_out.get(), parent, mask);
  report_out.Reset();
  ContainerWorkload workload(program);
  ASSIGN_OR_RETURN(const Report failure, ReceiveReport(report_in.get()));
  if (!failure.text.empty())
    return Precondition("cannot start the workload: " + failure.text.substr(sizeof("failed")));
  return workload;
}

ContainerWorkload::~ContainerWorkload() {
  if (program_ <= 0) return;
  kill(program_, SIGKILL);
  waitpid(program_, nullptr, 0);
}

Result<int> ContainerWorkload::Wait() { return WaitForProgram(std::exchange(program_, -1)); }

}  // namespace strongroom::simtee
