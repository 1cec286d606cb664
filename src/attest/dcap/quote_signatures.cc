#include "attest/dcap/quote_signatures.h"

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/reader.h"
#include "crypto/hash.h"

namespace strongroom::attest::dcap {

using crypto::SignatureScheme;

Status CheckQeReportSignature(const Quote& quote, const crypto::PublicKey& pck) {
  return In("QE report", pck.VerifyRaw(SignatureScheme::kEcdsaSha256, quote.qe_report_bytes,
                                       quote.qe_report_signature));
}

Status CheckKeyBinding(const Quote& quote) {
  const crypto::Sha256Digest digest =
      crypto::Sha256({quote.attestation_key, quote.qe_authentication_data});
  Writer wanted;
  wanted.Put(digest.view()).Zeros(32);
  if (Equal(quote.qe_report.report_data.view(), wanted.bytes())) return {};
  return Untrusted(fmt::format("QE report data {}, wanted {} for this attestation key",
                               HexEncode(quote.qe_report.report_data.view()),
                               HexEncode(wanted.bytes())));
}

Status CheckQuoteSignature(const Quote& quote) {
  ASSIGN_OR_RETURN(const crypto::PublicKey key,
                   crypto::PublicKey::FromRawPoint(crypto::KeyType::kP256, quote.attestation_key));
  return In("quote",
            key.VerifyRaw(SignatureScheme::kEcdsaSha256, quote.signed_bytes, quote.signature));
}

}  // namespace strongroom::attest::dcap
