#include "base/bytes.h"
#include "manifest/check.h"

// Any bytes: parsing and checking end, and what passed the check has runnable templates.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto manifest =
      strongroom::manifest::ParseManifest(strongroom::AsText(strongroom::ByteView(data, size)));
  if (manifest.has_value()) static_cast<void>(CheckManifest(*manifest));
  return 0;
}
