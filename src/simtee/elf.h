#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace strongroom::simtee {

// What the dynamic loader reads of an object before it runs it (ELF specification, chapter 5).
struct ElfInfo {
  std::string interpreter;          // PT_INTERP; empty for shared objects and static programs
  std::vector<std::string> needed;  // DT_NEEDED in order
  std::string soname;
  std::vector<std::string> rpath;    // DT_RPATH, split at colons
  std::vector<std::string> runpath;  // DT_RUNPATH, split; when there, DT_RPATH does not count
};

// Reads a 64-bit little-endian x86-64 ELF program or shared object. kMalformed when its tables do
// not hold together; kUnsupported for anything else, scripts included.
Result<ElfInfo> ParseElf(ByteView bytes);

}  // namespace strongroom::simtee
