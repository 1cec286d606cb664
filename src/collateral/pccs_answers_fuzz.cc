// A lying caching service. The first byte says which of its four answers the rest of the input is,
// the others being good, or that the input is all of them. An answer: its length (u16 LE) and the
// value of its header, then the body: the rest, or its length and that many bytes.

#include <cstdlib>
#include <optional>

#include "attest/testing/test_platform.h"
#include "base/encoding.h"
#include "base/reader.h"
#include "collateral/pccs_answers.h"
#include "crypto/crl.h"

namespace strongroom::collateral {
namespace {

constexpr unsigned kAnswers = 4;
constexpr std::size_t kMaxField = 0xffff;

void Require(bool holds) {
  if (!holds) std::abort();
}

const attest::Endorsements& Good() {
  static const attest::Endorsements good = [] {
    const auto keys = attest::testing::Keys::Generate().value();
    return attest::testing::Make(attest::testing::Recipe(), keys).value().endorsements;
  }();
  return good;
}

// One value under every name that an answer may have it by.
PccsAnswer Answer(std::string_view header, Bytes body) {
  PccsAnswer answer{.body = std::move(body), .headers = {}};
  for (const char* name : {"tcb-info-issuer-chain", "sgx-enclave-identity-issuer-chain",
                           "sgx-pck-crl-issuer-chain", "retry-after"}) {
    answer.headers.Add(name, std::string(header));
  }
  return answer;
}

PccsAnswer GoodAnswer(unsigned which) {
  const attest::Endorsements& e = Good();
  switch (which) {
    case 0: return Answer(PercentEncode(e.tcb_info_issuer_chain), ToBytes(AsBytes(e.tcb_info)));
    case 1:
      return Answer(PercentEncode(e.qe_identity_issuer_chain), ToBytes(AsBytes(e.qe_identity)));
    case 2: return Answer(PercentEncode(e.pck_crl_issuer_chain), e.pck_crl);
    default: return Answer({}, ToBytes(AsBytes(HexEncode(e.root_ca_crl))));
  }
}

PccsAnswer ReadAnswer(Reader& reader, bool whole) {
  const ByteView header = reader.Prefixed16Le(kMaxField).value_or(ByteView());
  const ByteView body = whole ? reader.Rest() : reader.Prefixed16Le(kMaxField).value_or(ByteView());
  return Answer(AsText(header), ToBytes(body));
}

// A list that was taken reads as itself.
void RequireList(ByteView der) {
  const auto list = crypto::Crl::FromAny(der);
  Require(list.has_value() && Equal(list->der(), der));
}

void Run(ByteView input) {
  Reader reader(input);
  const auto mode = reader.U8();
  if (!mode) return;
  const unsigned changed = *mode % (kAnswers + 1);
  unsigned asked = 0;
  const auto get = [&](const std::string& url) -> Result<PccsAnswer> {
    Require(url.starts_with("http://pccs/"));
    const unsigned which = asked++;
    const bool from_input = changed == kAnswers || changed == which;
    PccsAnswer answer = from_input ? ReadAnswer(reader, changed == which) : GoodAnswer(which);
    const auto pause = RetryAfter(answer.headers);
    Require(pause.count() >= 0 && pause.count() <= 10'000);
    return answer;
  };
  const auto got = CollectEndorsements("http://pccs/v4", "http://pccs/root", {}, get);
  if (!got) return Require(got.error().code() == Code::kMalformed);
  Require(asked == kAnswers);
  RequireList(got->pck_crl);
  RequireList(got->root_ca_crl);
  if (changed != kAnswers && changed != 0) Require(got->tcb_info == Good().tcb_info);
}

}  // namespace
}  // namespace strongroom::collateral

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  strongroom::collateral::Run({data, size});
  return 0;
}
