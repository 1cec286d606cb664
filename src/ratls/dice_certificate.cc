#include "ratls/dialects.h"

namespace strongroom::ratls {

Result<CertificateEvidence> FromDice(ByteView value, const crypto::PublicKey& key,
                                     const DiceOptions& options) {
  ASSIGN_OR_RETURN(const DiceEvidence evidence, ParseDiceEvidence(value, options));
  ASSIGN_OR_RETURN(const DiceClaims claims, ParseDiceClaims(evidence.claims, options));
  RETURN_IF_ERROR(CheckDiceKey(claims, key.SpkiDer()));
  return CertificateEvidence{Dialect::kDice, ToBytes(evidence.quote),
                             DiceReportData(evidence.claims)};
}

Result<crypto::Extension> ToDice(const crypto::PublicKey& key, const QuoteFor& quote_for) {
  const Bytes claims = EncodeDiceClaims(key.SpkiDer());
  ASSIGN_OR_RETURN(const Bytes quote, quote_for(DiceReportData(claims)));
  return crypto::Extension{std::string(kDiceOid), false, EncodeDiceEvidence(quote, claims)};
}

}  // namespace strongroom::ratls
