#include "simtee/loader_lookup.h"

// An image's cache is what its maker wrote.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static_cast<void>(strongroom::simtee::ParseLoaderCache(strongroom::ByteView(data, size)));
  return 0;
}
