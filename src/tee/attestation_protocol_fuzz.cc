#include <cstdlib>

#include "tee/attestation_protocol.h"

using strongroom::ByteView;
namespace tee = strongroom::tee;

// Both directions read what the other side sent. What is accepted must be written again as it was
// read.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  const auto request = tee::ParseRequest(bytes);
  if (request.has_value() && !strongroom::Equal(tee::SerializeRequest(*request), bytes))
    std::abort();
  const auto answer = tee::ParseAnswer(bytes);
  if (answer.has_value() && !strongroom::Equal(tee::SerializeAnswer(answer).Reveal(), bytes))
    std::abort();
  return 0;
}
