#pragma once

#include <algorithm>
#include <chrono>

#include "net/http.h"

namespace strongroom::net {

// A budget that refills with time: `burst` at once, then `per_second`.
class TokenBucket {
 public:
  TokenBucket(double burst, double per_second, SteadyTime now)
      : burst_(burst), per_second_(per_second), tokens_(burst), last_(now) {}

  // False when there is nothing left to take.
  bool Take(SteadyTime now) {
    tokens_ += std::chrono::duration<double>(now - last_).count() * per_second_;
    last_ = now;
    tokens_ = std::min(tokens_, burst_) - 1;
    return tokens_ >= 0;
  }
  void Earn(double tokens) { tokens_ = std::min(tokens_ + tokens, burst_); }

 private:
  double burst_;
  double per_second_;
  double tokens_;
  SteadyTime last_;
};

}  // namespace strongroom::net
