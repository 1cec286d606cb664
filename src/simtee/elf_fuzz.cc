#include "simtee/elf.h"

// Programs and libraries are read before anything about them is known.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static_cast<void>(strongroom::simtee::ParseElf(strongroom::ByteView(data, size)));
  return 0;
}
