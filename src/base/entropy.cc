#include "base/entropy.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>

namespace strongroom {

Bytes Entropy::Take(std::size_t n) {
  Bytes out(n);
  Fill(out);
  return out;
}

SecretBytes Entropy::TakeSecret(std::size_t n) {
  SecretBytes out(n);
  Fill(out.RevealWritable());
  return out;
}

void SystemEntropy::Fill(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const ssize_t n = getrandom(out.data(), out.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) std::abort();
    out = out.subspan(static_cast<std::size_t>(n));
  }
}

}  // namespace strongroom
