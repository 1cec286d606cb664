// The whole verifier over one good platform whose quote or endorsements are changed or replaced as
// the input says: whatever is accepted must say what the unchanged evidence says.
#include <cstdlib>

#include "attest/endorsement_subject.h"
#include "attest/quote.h"
#include "attest/testing/test_platform.h"
#include "attest/verifier.h"
#include "base/reader.h"

namespace strongroom::attest {
namespace {

struct Good {
  testing::Made made;
  PreparedEndorsements prepared;
  Bytes body;

  static Good Make() {
    const auto keys = testing::Keys::Generate().value();
    testing::Made made = testing::Make(testing::Recipe(), keys).value();
    auto prepared =
        PrepareEndorsements(made.endorsements, made.anchors, made.now).ToResult().value();
    Bytes body = EncodeSgxReportBody(testing::Recipe().body);
    return {std::move(made), std::move(prepared), std::move(body)};
  }
};

// Three bytes an edit: offset, little endian, and mask.
template <class Container>
void Edit(Container& target, ByteView edits) {
  Reader reader(edits);
  while (reader.remaining() >= 3 && !target.empty()) {
    const std::size_t offset = reader.U16Le().value() % target.size();
    target[offset] =
        static_cast<typename Container::value_type>(target[offset] ^ reader.U8().value());
  }
}

template <class Container>
void Change(Container& target, ByteView bytes, bool replace) {
  if (replace) {
    target.assign(bytes.begin(), bytes.end());
  } else {
    Edit(target, bytes);
  }
}

void ChangeEndorsements(Endorsements& e, unsigned part, ByteView bytes, bool replace) {
  switch (part % 7) {
    case 0: return Change(e.root_ca_crl, bytes, replace);
    case 1: return Change(e.pck_crl, bytes, replace);
    case 2: return Change(e.pck_crl_issuer_chain, bytes, replace);
    case 3: return Change(e.tcb_info, bytes, replace);
    case 4: return Change(e.tcb_info_issuer_chain, bytes, replace);
    case 5: return Change(e.qe_identity, bytes, replace);
    default: return Change(e.qe_identity_issuer_chain, bytes, replace);
  }
}

void ExpectSame(const Good& good, const Appraisal& appraisal) {
  if (!appraisal.claims) {
    if (appraisal.ToResult().error().code() == Code::kInternal)
      std::abort();  // refused without a finding
    return;
  }
  const VerifiedClaims& claims = *appraisal.claims;
  if (EncodeSgxReportBody(claims.sgx().report) != good.body ||
      claims.tcb().status != TcbStatus::kUpToDate || claims.platform().fmspc.view()[1] != 0x60) {
    std::abort();
  }
}

// A quote's own signatures hold for the good body only, and for every quote that verifies.
void ExpectWorthAFetch(const Good& good, ByteView quote, const Appraisal& appraisal) {
  const auto parsed = ParseQuote(quote);
  const bool worth =
      parsed.has_value() &&
      SignedEndorsementSubject(*parsed, good.made.anchors, good.made.now).has_value();
  if (appraisal.claims && !worth) std::abort();
  if (worth && EncodeSgxReportBody(parsed->body) != good.body) std::abort();
}

void Run(ByteView input) {
  static const Good good = Good::Make();
  Reader reader(input);
  const auto mode = reader.U8();
  if (!mode) return;
  const bool replace = (*mode & 0x80U) != 0;
  const unsigned part = *mode & 0x0fU;
  if (part >= 7) {  // the quote, more often than any other part
    Bytes quote = good.made.quote;
    Change(quote, reader.Rest(), replace);
    const Appraisal appraisal = VerifySgxQuote(quote, good.prepared, good.made.now);
    ExpectWorthAFetch(good, quote, appraisal);
    return ExpectSame(good, appraisal);
  }
  Endorsements endorsements = good.made.endorsements;
  ChangeEndorsements(endorsements, part, reader.Rest(), replace);
  ExpectSame(good,
             VerifySgxEvidence(good.made.quote, endorsements, good.made.anchors, good.made.now));
}

}  // namespace
}  // namespace strongroom::attest

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  strongroom::attest::Run({data, size});
  return 0;
}
