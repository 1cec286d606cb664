#pragma once

namespace strongroom::testing {

// True in builds with AddressSanitizer or ThreadSanitizer, whose shadow memory and quarantine count
// in a process's resident memory.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kUnderSanitizer = true;
#else
inline constexpr bool kUnderSanitizer = false;
#endif

}  // namespace strongroom::testing
