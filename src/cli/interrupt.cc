#include "cli/interrupt.h"

#include <initializer_list>

namespace strongroom::cli {
namespace {

constexpr std::initializer_list<int> kSignals = {SIGINT, SIGTERM, SIGHUP};

}  // namespace

Interrupt::Interrupt() {
  sigemptyset(&held_);
  for (const int signal : kSignals) sigaddset(&held_, signal);
  pthread_sigmask(SIG_BLOCK, &held_, &before_);
}

Interrupt::~Interrupt() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

Status Interrupt::Check() const {
  sigset_t pending;
  sigemptyset(&pending);
  sigpending(&pending);
  for (const int signal : kSignals) {
    if (sigismember(&pending, signal) == 1) return Cancelled("stopped; nothing was written");
  }
  return {};
}

}  // namespace strongroom::cli
