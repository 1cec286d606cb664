#include "base/end_signals.h"

#include <algorithm>
#include <cerrno>
#include <ctime>

namespace strongroom {

EndSignals::EndSignals() {
  sigemptyset(&set_);
  sigaddset(&set_, SIGTERM);
  sigaddset(&set_, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set_, nullptr);
}

int EndSignals::Wait() const {
  int signal = 0;
  while (sigwait(&set_, &signal) != 0) {
  }
  return signal;
}

int WaitForSignal(const sigset_t& signals, std::chrono::nanoseconds at_most) {
  const auto end = std::chrono::steady_clock::now() + at_most;
  while (true) {
    const std::chrono::nanoseconds left =
        std::max<std::chrono::nanoseconds>(end - std::chrono::steady_clock::now(), {});
    const auto whole = std::chrono::floor<std::chrono::seconds>(left);
    const timespec wait{.tv_sec = whole.count(), .tv_nsec = (left - whole).count()};
    const int signal = sigtimedwait(&signals, nullptr, &wait);
    if (signal > 0) return signal;
    if (errno != EINTR) return 0;
  }
}

}  // namespace strongroom
