#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/bytes.h"

namespace strongroom::pfs {

// Asks for memory that is needed soon, while the cipher, which is slower than memory, is still busy
// with what comes before. The hardware does so by itself only inside a page, and not before a
// system call's copying has stopped: without this, a twentieth of all time is spent waiting at the
// beginning of pages. Hints only: nothing is read or written.
inline constexpr std::size_t kCacheLine = 64;

inline void PrefetchToRead(ByteView bytes) {
  for (std::size_t i = 0; i < bytes.size(); i += kCacheLine) {
    __builtin_prefetch(bytes.data() + i, 0);
  }
}

inline void PrefetchToWrite(std::span<std::uint8_t> bytes) {
  for (std::size_t i = 0; i < bytes.size(); i += kCacheLine) {
    __builtin_prefetch(bytes.data() + i, 1);
  }
}

}  // namespace strongroom::pfs
