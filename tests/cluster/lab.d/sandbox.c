// What holds a pod's namespaces: waits for the end, and reaps what a shared PID namespace leaves to it.
#include <signal.h>
#include <unistd.h>

static void Leave(int signal) {
  (void)signal;
  _exit(0);
}

int main(void) {
  struct sigaction leave = {.sa_handler = Leave};
  struct sigaction reap = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT};
  sigaction(SIGTERM, &leave, 0);
  sigaction(SIGINT, &leave, 0);
  sigaction(SIGCHLD, &reap, 0);
  for (;;) pause();
}
