#pragma once

namespace strongroom::testing {

// From here on this process and its children have the system calls that Gramine 1.8 and 1.9
// implement (its libos table; Documentation/devel/features.md) and get ENOSYS for all others, as a
// program gets it there. Half implemented ones stay whole, and rseq stays for the C library that
// has begun with it. False when the kernel refuses the filter.
bool KeepGramineSystemCallsOnly();

}  // namespace strongroom::testing
