#include "cli/interrupt.h"

#include <sys/signalfd.h>

#include <cerrno>
#include <ctime>
#include <initializer_list>

namespace strongroom::cli {
namespace {

constexpr std::initializer_list<int> kSignals = {SIGINT, SIGTERM, SIGHUP};

bool IsIgnored(int signal) {
  struct sigaction action{};
  return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

sigset_t SignalsThatCount() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : kSignals) {
    // The kernel queues even these while they are blocked.
    if (!IsIgnored(signal)) sigaddset(&set, signal);
  }
  return set;
}

}  // namespace

Interrupt::Interrupt() : held_(SignalsThatCount()) { pthread_sigmask(SIG_BLOCK, &held_, &before_); }

Interrupt::~Interrupt() {
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  if (postponed_ != 0) raise(postponed_);
}

bool Interrupt::Came() const {
  sigset_t pending;
  sigemptyset(&pending);
  sigpending(&pending);
  for (const int signal : kSignals) {
    if (sigismember(&held_, signal) == 1 && sigismember(&pending, signal) == 1) return true;
  }
  return false;
}

Status Interrupt::Check() const {
  if (Came()) return Cancelled("stopped; nothing was written");
  return {};
}

void Interrupt::Postpone() {
  const timespec at_once{};
  for (int signal = 0; (signal = sigtimedwait(&held_, nullptr, &at_once)) > 0;) {
    postponed_ = signal;
  }
}

Result<UniqueFd> Interrupt::Watch() {
  const sigset_t set = SignalsThatCount();
  UniqueFd watch(signalfd(-1, &set, SFD_CLOEXEC));
  if (watch.get() < 0) return FromErrno(errno, "signalfd");
  return watch;
}

}  // namespace strongroom::cli
