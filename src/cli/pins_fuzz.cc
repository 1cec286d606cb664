// Pins of coordinators. What was read is written and read back the same.

#include <cstdlib>

#include "cli/pins.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strongroom;  // NOLINT(google-build-using-namespace)
  const auto pin = cli::ParsePin(AsText(ByteView(data, size)));
  if (!pin) return 0;
  const auto again = cli::ParsePin(cli::FormatPin(*pin));
  if (!again || again->root_pem != pin->root_pem ||
      again->manifest_sha256 != pin->manifest_sha256 ||
      again->intermediate_pem != pin->intermediate_pem) {
    std::abort();
  }
  return 0;
}
