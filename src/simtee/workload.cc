#include "simtee/workload.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "base/child_signals.h"
#include "simtee/program_process.h"

namespace strongroom::simtee {
namespace {

constexpr std::uint64_t kNamespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC;

constexpr std::string_view kNamespaceAdvice =
    "Run as root, or allow user namespaces (sysctl user.max_user_namespaces, "
    "kernel.unprivileged_userns_clone, and on Ubuntu "
    "kernel.apparmor_restrict_unprivileged_userns=0); in a container that may not, see --root "
    "container";

// A fork into new namespaces; like fork, it returns twice.
pid_t Clone(std::uint64_t namespaces) {
  return static_cast<pid_t>(
      syscall(SYS_clone, namespaces | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
}

Status WriteProc(const char* path, const std::string& text) {
  const UniqueFd fd(open(path, O_WRONLY | O_CLOEXEC));
  if (!fd.valid()) return FromErrno(errno, path);
  return WriteAll(fd.get(), AsBytes(text), path);
}

// In a new user namespace: the same ids as outside, nobody else's.
Status MapIds(uid_t uid, gid_t gid) {
  RETURN_IF_ERROR(WriteProc("/proc/self/setgroups", "deny"));
  RETURN_IF_ERROR(WriteProc("/proc/self/uid_map", fmt::format("{} {} 1", uid, uid)));
  return WriteProc("/proc/self/gid_map", fmt::format("{} {} 1", gid, gid));
}

// The first process of the workload's PID namespace.
class Init {
 public:
  Init(const WorkloadSpec& spec, int report, const sigset_t& mask)
      : spec_(spec), report_(report), mask_(mask) {}

  [[noreturn]] void Run(bool user_namespace, uid_t uid, gid_t gid, int parent_alive) {
    if (const Status status = Prepare(user_namespace, uid, gid, parent_alive);
        !status.has_value()) {
      // Ubuntu lets anybody make user namespaces, and then nobody mount in them.
      const bool restricted = user_namespace && status.error().code() == Code::kDenied;
      SendReport(report_, fmt::format("failed {}{}{}", status.error().message(),
                                      restricted ? ". " : "", restricted ? kNamespaceAdvice : ""));
      _exit(kExitNotStarted);
    }
    const pid_t program = fork();
    if (program == 0) {
      ExecuteProgram({.program = spec_.root.description.program,
                      .argv = spec_.root.description.argv,
                      .environment = spec_.environment,
                      .attestation_socket = spec_.attestation_socket},
                     report_, mask_);
    }
    if (program < 0) {
      SendReport(report_, fmt::format("failed fork: {}", strerror(errno)));
      _exit(kExitNotStarted);
    }
    close_range(kAttestationFd, ~0U, 0);  // the program alone may ask for evidence
    _exit(WaitForProgram(program));
  }

 private:
  Status Prepare(bool user_namespace, uid_t uid, gid_t gid, int parent_alive) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return FromErrno(errno, "prctl");
    pollfd alive{.fd = parent_alive, .events = POLLIN, .revents = 0};
    if (poll(&alive, 1, 0) != 0)
      _exit(kExitNotStarted);  // the parent died before PDEATHSIG was set
    if (user_namespace) RETURN_IF_ERROR(MapIds(uid, gid));
    const mode_t mask = umask(022);
    ASSIGN_OR_RETURN(const UniqueFd fuse, EnterEnclaveRoot(spec_.root));
    umask(mask);
    // No memory of this copy of our parent for the program; only now, because it takes /proc/self
    // too.
    if (prctl(PR_SET_DUMPABLE, 0) != 0) return FromErrno(errno, "prctl");
    SendReport(report_, "ready", fuse.get());
    return {};
  }

  const WorkloadSpec& spec_;
  int report_;
  const sigset_t mask_;
};

Error NoNamespaces(int error) {
  return {Code::kUnsupported, fmt::format("cannot make namespaces for the workload: {}. {}",
                                          strerror(error), kNamespaceAdvice)};
}

// Waits until the program runs: the report channel closes when it was executed.
Result<UniqueFd> AwaitStart(int report) {
  UniqueFd fuse;
  while (true) {
    ASSIGN_OR_RETURN(Report message, ReceiveReport(report));
    if (message.text.empty())
      return Internal("the workload's first process ended before it started the program");
    if (message.text != "ready")
      return Precondition("cannot start the workload: " + message.text.substr(sizeof("failed")));
    fuse = std::move(message.passed);
    break;
  }
  ASSIGN_OR_RETURN(const Report message, ReceiveReport(report));
  if (!message.text.empty())
    return Precondition("cannot start the workload: " + message.text.substr(sizeof("failed")));
  return fuse;
}

}  // namespace

Result<Workload> Workload::Start(WorkloadSpec spec) {
  int reports[2];
  int alive[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, reports) != 0)
    return FromErrno(errno, "socketpair");
  UniqueFd report_in(reports[0]);
  UniqueFd report_out(reports[1]);
  if (pipe2(alive, O_CLOEXEC) != 0) return FromErrno(errno, "pipe");
  UniqueFd alive_read(alive[0]);
  const UniqueFd alive_write(alive[1]);
  const uid_t uid = geteuid();
  const gid_t gid = getegid();
  HeedChildren();
  const sigset_t signals = ChildSignals();
  sigset_t mask;
  if (sigprocmask(SIG_BLOCK, &signals, &mask) != 0) return FromErrno(errno, "sigprocmask");

  bool user_namespace = uid != 0;
  pid_t init = Clone(kNamespaces | (user_namespace ? CLONE_NEWUSER : 0));
  if (init < 0 && errno == EPERM &&
      !user_namespace) {  // root without the rights of root, as in containers
    user_namespace = true;
    init = Clone(kNamespaces | CLONE_NEWUSER);
  }
  if (init < 0) return std::unexpected(NoNamespaces(errno));
  if (init == 0) {
    close(alive_write.get());
    Init(spec, report_out.get(), mask).Run(user_namespace, uid, gid, alive_read.get());
  }
  report_out.Reset();
  auto fuse = AwaitStart(report_in.get());
  if (!fuse.has_value()) {
    kill(init, SIGKILL);
    waitpid(init, nullptr, 0);
    return std::unexpected(fuse.error());
  }
  return Workload(init, signals, std::move(*fuse));
}

Workload::~Workload() {
  if (init_ <= 0) return;
  kill(init_, SIGKILL);
  waitpid(init_, nullptr, 0);
}

Result<int> Workload::Wait() {
  while (true) {
    siginfo_t info{};
    const int signal = sigwaitinfo(&signals_, &info);
    if (signal < 0) continue;
    if (signal != SIGCHLD) {
      if (WasSent(info)) kill(init_, signal);
      continue;
    }
    int status = 0;
    const pid_t ended = waitpid(init_, &status, WNOHANG);
    if (ended < 0) return FromErrno(errno, "waitpid");
    if (ended != init_) continue;
    init_ = -1;
    return ExitCodeOf(status);
  }
}

}  // namespace strongroom::simtee
