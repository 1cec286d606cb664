// Evidence in its wrappers: certificates, DICE values and claims, Open Enclave's header.
#include <cstdlib>

#include "ratls/activation_binding.h"
#include "ratls/cbor.h"
#include "ratls/evidence_certificate.h"

namespace strongroom::ratls {
namespace {

// What reads strictly writes back to the same bytes.
void RunDice(ByteView value, const DiceOptions& options) {
  const auto evidence = ParseDiceEvidence(value, options);
  if (!evidence) return;
  if (!options.tolerate_trailing_zeros &&
      EncodeDiceEvidence(evidence->quote, evidence->claims) != ToBytes(value)) {
    std::abort();
  }
  static_cast<void>(ParseDiceClaims(evidence->claims, options));
}

void RunOpenEnclave(ByteView bytes) {
  const auto quote = UnwrapOpenEnclave(bytes);
  if (quote && WrapOpenEnclave(*quote) != ToBytes(bytes)) std::abort();
  static_cast<void>(UnwrapIfOpenEnclave(bytes));
}

void RunClaims(ByteView bytes) {
  const auto claims = ParseDiceClaims(bytes);
  if (claims) static_cast<void>(CheckDiceKey(*claims, bytes));
  CborReader reader(bytes);
  while (!reader.empty() && reader.Skip()) {
  }
}

}  // namespace
}  // namespace strongroom::ratls

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strongroom::ratls;
  if (size == 0) return 0;
  const strongroom::ByteView rest(data + 1, size - 1);
  switch (data[0] % 5) {
    case 0: RunDice(rest, {}); break;
    case 1: RunDice(rest, {.tolerate_trailing_zeros = true}); break;
    case 2: RunClaims(rest); break;
    case 3: RunOpenEnclave(rest); break;
    default: static_cast<void>(ExtractEvidence(rest)); break;
  }
  return 0;
}
