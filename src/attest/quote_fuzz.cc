#include <cstdlib>

#include "attest/endorsement_subject.h"
#include "attest/quote.h"

// Any bytes: what parses lies within the input, says the same without its padding, and names a
// platform or not.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strongroom::attest;
  const strongroom::ByteView bytes(data, size);
  const auto quote = ParseQuote(bytes);
  if (!quote) return 0;
  if (quote->size > size) std::abort();
  const auto again = ParseQuote(bytes.first(quote->size));
  if (!again || !strongroom::Equal(again->certification_data, quote->certification_data))
    std::abort();
  static_cast<void>(ParsePlatformRequest(*quote));
  static_cast<void>(UnverifiedEndorsementSubject(*quote));
  return 0;
}
