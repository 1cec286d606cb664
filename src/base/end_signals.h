#pragma once

#include <chrono>
#include <csignal>

namespace strongroom {

// SIGTERM and SIGINT, by which Kubernetes and people end a program: blocked from here on in this
// thread and in all that it starts later, and waited for instead of handled. Made before the first
// thread.
class EndSignals {
 public:
  EndSignals();

  // Which one came.
  int Wait() const;
  // The same, for at most so long; 0: none came.
  int WaitFor(std::chrono::nanoseconds at_most) const;

 private:
  sigset_t set_;
};

}  // namespace strongroom
