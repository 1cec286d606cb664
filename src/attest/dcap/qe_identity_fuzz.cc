#include <cstdlib>

#include "attest/dcap/qe_identity.h"
#include "attest/dcap/signed_json.h"

// A report of 384 bytes, then any text. What is read has its levels newest first; matching only
// reads.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strongroom::attest;
  if (size < SgxReportBody::kSize) return 0;
  const strongroom::ByteView bytes(data, size);
  const auto parsed = dcap::SignedJson::Parse(
      strongroom::AsText(bytes.subspan(SgxReportBody::kSize)), "enclaveIdentity");
  if (!parsed) return 0;
  const auto identity = dcap::ReadQeIdentity(parsed->body());
  if (!identity) return 0;
  if (dcap::MatchLevel(identity->levels, 65535) != &identity->levels.front().verdict) std::abort();
  static_cast<void>(dcap::MatchQeReport(*identity, bytes.first(SgxReportBody::kSize)));
  return 0;
}
