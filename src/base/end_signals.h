#pragma once

#include <chrono>
#include <csignal>

namespace strongroom {

// Waits for one of the signals, which are blocked, for at most so long; 0: none came.
int WaitForSignal(const sigset_t& signals, std::chrono::nanoseconds at_most);

// SIGTERM and SIGINT, by which Kubernetes and people end a program: blocked from here on in this
// thread and in all that it starts later, and waited for instead of handled. Made before the first
// thread.
class EndSignals {
 public:
  EndSignals();

  // Which one came.
  int Wait() const;
  // The same, for at most so long; 0: none came.
  int WaitFor(std::chrono::nanoseconds at_most) const { return WaitForSignal(set_, at_most); }

 private:
  sigset_t set_;
};

}  // namespace strongroom
