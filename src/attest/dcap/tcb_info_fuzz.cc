#include <cstdlib>

#include "attest/dcap/signed_json.h"
#include "attest/dcap/tcb_info.h"

// Any text: a document that is read has its levels newest first, and the best of platforms reaches
// the first.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strongroom::attest::dcap;
  const auto parsed = SignedJson::Parse(strongroom::AsText({data, size}), "tcbInfo");
  if (!parsed) return 0;
  const auto info = ReadTcbInfo(parsed->body());
  if (!info) return 0;
  SgxTcb best;
  best.components.fill(255);
  best.pce_svn = 65535;
  if (MatchLevel(info->levels, best) != &info->levels.front().verdict) std::abort();
  for (std::size_t i = 1; i < info->levels.size(); ++i) {
    if (!(info->levels[i].tcb < info->levels[i - 1].tcb)) std::abort();
  }
  return 0;
}
