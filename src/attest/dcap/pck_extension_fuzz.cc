#include <cstdlib>

#include "attest/dcap/pck_extension.h"

// Any bytes: an extension has both of the Platform CA's elements or none.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto platform = strongroom::attest::dcap::ParsePckExtension({data, size});
  if (platform && !platform->instance_id && platform->smt_enabled) std::abort();
  return 0;
}
