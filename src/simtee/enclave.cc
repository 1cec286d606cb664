#include "simtee/enclave.h"

#include <variant>

namespace strongroom::simtee {

Result<Bytes> Enclave::Quote(tee::ReportDataView report_data) const {
  ASSIGN_OR_RETURN(const auto data, attest::ReportData::From(report_data));
  return sim::IssueQuote(world_, platform_, identity_, data);
}

Result<SecretBytes> Enclave::SealingKey(tee::SealPolicy policy) const {
  const auto binding =
      policy == tee::SealPolicy::kEnclave ? sim::SealBinding::kEnclave : sim::SealBinding::kSigner;
  return sim::DeriveSealingKey(platform_, identity_, binding);
}

Result<SecretBytes> Enclave::Answer(const tee::AttestationRequest& request) const {
  if (const auto* sealing = std::get_if<tee::SealingKeyRequest>(&request))
    return SealingKey(sealing->policy);
  ASSIGN_OR_RETURN(Bytes quote, Quote(std::get<tee::QuoteRequest>(request).report_data));
  return SecretBytes::Adopt(std::move(quote));
}

}  // namespace strongroom::simtee
