#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "manifest/manifest.h"

namespace strongroom::coordinator {

// How often each marble was activated, and how many activations are on their way: a place is held
// from before the first secret is made until the activation is durable or has failed, so that
// activations in parallel cannot pass a limit together. Not thread-safe; the owner guards it.
class ActivationBudget {
 public:
  void Restore(const std::string& marble, std::uint64_t used) { counts_[marble].used = used; }

  // kDenied when `limit` activations (0: no limit) are used or on their way.
  Status Reserve(const std::string& marble, std::uint64_t limit);
  void Use(const std::string& marble);       // a reserved one came to be
  void GiveBack(const std::string& marble);  // a reserved one failed

 private:
  struct Count {
    std::uint64_t used = 0;
    std::uint64_t reserved = 0;
  };
  manifest::ByName<Count> counts_;
};

}  // namespace strongroom::coordinator
