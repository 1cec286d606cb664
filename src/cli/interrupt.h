#pragma once

#include <signal.h>

#include "base/files.h"
#include "base/result.h"

namespace strongroom::cli {

// Holds SIGINT, SIGTERM and SIGHUP back while it lives (but for those that are ignored, as nohup
// wants), so that work can stop in order and remove what it began. When it is gone, a signal that
// came meanwhile takes its usual effect. Make it before any thread.
class Interrupt {
 public:
  Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  ~Interrupt();

  // Whether one of them came. From any thread.
  bool Came() const;
  // kCancelled when one of them came. From any thread.
  Status Check() const;

  // Counts what came as not come, for the questions and answers with which work ends in order. The
  // usual effect still follows; what comes from now on counts anew.
  void Postpone();

  // A descriptor that becomes readable when one of them came while any Interrupt holds them back,
  // and never otherwise. Not to be read from.
  static Result<UniqueFd> Watch();

 private:
  sigset_t held_;
  sigset_t before_;
  int postponed_ = 0;  // a signal
};

}  // namespace strongroom::cli
