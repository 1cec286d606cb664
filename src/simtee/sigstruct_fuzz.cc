#include "simtee/sigstruct.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static_cast<void>(strongroom::simtee::VerifySigstruct(strongroom::ByteView(data, size)));
  return 0;
}
