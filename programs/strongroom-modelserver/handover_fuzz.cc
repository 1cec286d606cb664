// A handover that is accepted has credentials, and for each of its models a name, a key and a list
// of clients that have certificates.

#include <cstdlib>

#include "handover.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto handover = strongroom::modelserver::ParseHandover({data, size});
  if (!handover.has_value()) return 0;
  Require(!handover->credentials.leaf().empty());
  Require(!handover->models.empty() && handover->models.size() == handover->clients.size());
  for (const auto& [name, trust] : handover->models) {
    Require(!name.empty() && trust.key.bytes().size() == 16);
    for (const strongroom::serving::Client& client : handover->clients.at(name))
      Require(!client.certificate.empty());
  }
  return 0;
}
