#include "crypto/hash.h"
#include "ratls/dialects.h"
#include "ratls/report_data.h"

namespace strongroom::ratls {

attest::ReportData KeyReportData(ByteView spki) { return DigestThenZeros(crypto::Sha256(spki)); }

Result<CertificateEvidence> FromGramineLegacy(ByteView value, const crypto::PublicKey& key) {
  if (value.empty()) return Malformed("the evidence extension is empty, wanted a quote");
  return CertificateEvidence{Dialect::kGramineLegacy, ToBytes(value), KeyReportData(key.SpkiDer())};
}

Result<crypto::Extension> ToGramineLegacy(const crypto::PublicKey& key, const QuoteFor& quote_for) {
  ASSIGN_OR_RETURN(Bytes quote, quote_for(KeyReportData(key.SpkiDer())));
  // The encoding that verifiers of all versions find.
  return crypto::Extension{std::string(kGramineOidAsWritten), false, std::move(quote)};
}

}  // namespace strongroom::ratls
