#pragma once

#include <cstddef>
#include <span>

#include "base/bytes.h"
#include "base/secret.h"

namespace strongroom {

// Where randomness comes from. Abort on failure: no caller can go on without it.
class Entropy {
 public:
  virtual ~Entropy() = default;
  virtual void Fill(std::span<std::uint8_t> out) = 0;

  Bytes Take(std::size_t n);
  SecretBytes TakeSecret(std::size_t n);
};

// getrandom(2).
class SystemEntropy final : public Entropy {
 public:
  void Fill(std::span<std::uint8_t> out) override;
};

}  // namespace strongroom
