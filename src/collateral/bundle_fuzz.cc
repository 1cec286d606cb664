#include <cstdlib>

#include "collateral/bundle.h"
#include "collateral/floors.h"

// Any text: a bundle that is read writes back to one that reads the same; floors likewise.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strongroom::collateral;
  const std::string_view text = strongroom::AsText({data, size});
  if (const auto bundle = Bundle::FromJson(text)) {
    const std::string written = WriteBundle((*bundle)->sets());
    const auto again = Bundle::FromJson(written);
    if (!again || WriteBundle((*again)->sets()) != written) std::abort();
    static_cast<void>((*bundle)->Fetch({}));
  }
  if (const auto floors = Floors::Parse(text)) {
    const auto again = Floors::Parse(floors->Serialize());
    if (!again || again->subjects() != floors->subjects()) std::abort();
  }
  return 0;
}
