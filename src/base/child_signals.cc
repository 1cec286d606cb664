#include "base/child_signals.h"

#include <sys/wait.h>

#include <cerrno>
#include <initializer_list>

namespace strongroom {

sigset_t ChildSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal :
       {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT, SIGCHLD})
    sigaddset(&set, signal);
  return set;
}

void HeedChildren() { std::signal(SIGCHLD, SIG_DFL); }

bool WasSent(const siginfo_t& info) { return info.si_code <= 0; }

int ExitCodeOf(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : kSignalExit + WTERMSIG(status);
}

int WaitForProgram(pid_t program) {
  const sigset_t set = ChildSignals();
  while (true) {
    siginfo_t info{};
    const int signal = sigwaitinfo(&set, &info);
    if (signal < 0) continue;
    if (signal != SIGCHLD) {
      if (WasSent(info)) kill(program, signal);
      continue;
    }
    int status = 0;
    pid_t ended = 0;
    while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {
      if (ended == program) return ExitCodeOf(status);
    }
    // Nobody can say how it ended: not well, to be safe.
    if (ended < 0 && errno == ECHILD) return kSignalExit + SIGKILL;
  }
}

}  // namespace strongroom
