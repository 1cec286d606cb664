#include "ratls/activation_binding.h"
#include "ratls/dialects.h"

namespace strongroom::ratls {

Result<CertificateEvidence> FromOpenEnclave(ByteView value, const crypto::PublicKey& key) {
  ASSIGN_OR_RETURN(const ByteView quote, UnwrapOpenEnclave(value));
  return CertificateEvidence{Dialect::kOpenEnclave, ToBytes(quote), KeyReportData(key.SpkiDer())};
}

Result<crypto::Extension> ToOpenEnclave(const crypto::PublicKey& key, const QuoteFor& quote_for) {
  ASSIGN_OR_RETURN(const Bytes quote, quote_for(KeyReportData(key.SpkiDer())));
  return crypto::Extension{std::string(kOpenEnclaveOid), false, WrapOpenEnclave(quote)};
}

}  // namespace strongroom::ratls
