#pragma once

#include <signal.h>

#include "base/result.h"

namespace strongroom::cli {

// Holds SIGINT, SIGTERM and SIGHUP back while it lives, so that work can stop in order and remove
// what it began. When it is gone, a signal that came meanwhile takes its usual effect. Make it
// before any thread.
class Interrupt {
 public:
  Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  ~Interrupt();

  // kCancelled when one of them came. From any thread.
  Status Check() const;

 private:
  sigset_t held_;
  sigset_t before_;
};

}  // namespace strongroom::cli
