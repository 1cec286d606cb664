#include "attest/quote.h"

#include <algorithm>

#include <fmt/format.h>

namespace strongroom::attest {
namespace {

constexpr std::uint16_t kVersion = 3;
constexpr std::uint16_t kEcdsaP256 = 2;
constexpr std::size_t kSignedSize = 48 + SgxReportBody::kSize;
constexpr std::size_t kPointSize = 64;  // r‖s and x‖y alike

Status ReadHeader(Reader& reader, Quote& quote) {
  ASSIGN_OR_RETURN(quote.version, reader.U16Le());
  if (quote.version != kVersion) {
    return Unsupported(fmt::format("quote version {}, wanted {}", quote.version, kVersion));
  }
  ASSIGN_OR_RETURN(quote.attestation_key_type, reader.U16Le());
  if (quote.attestation_key_type != kEcdsaP256) {
    return Unsupported(fmt::format("attestation key type {}, wanted {} (ECDSA P-256)",
                                   quote.attestation_key_type, kEcdsaP256));
  }
  ASSIGN_OR_RETURN(const std::uint32_t tee_type, reader.U32Le());
  if (tee_type != 0)
    return Unsupported(
        fmt::format("TEE type {:#x} in a version 3 quote, wanted 0 (SGX)", tee_type));
  ASSIGN_OR_RETURN(quote.qe_svn, reader.U16Le());
  ASSIGN_OR_RETURN(quote.pce_svn, reader.U16Le());
  ASSIGN_OR_RETURN(quote.qe_vendor_id, reader.Take(16));
  ASSIGN_OR_RETURN(quote.user_data, reader.Take(20));
  return {};
}

Result<CertificationDataType> ReadCertificationType(Reader& reader) {
  ASSIGN_OR_RETURN(const std::uint16_t type, reader.U16Le());
  if (type < 1 || type > 5)
    return Unsupported(fmt::format("certification data type {}, wanted 1 to 5", type));
  return static_cast<CertificationDataType>(type);
}

Status ReadSignatureData(ByteView bytes, Quote& quote) {
  Reader reader(bytes, "quote signature data");
  ASSIGN_OR_RETURN(quote.signature, reader.Take(kPointSize));
  ASSIGN_OR_RETURN(quote.attestation_key, reader.Take(kPointSize));
  ASSIGN_OR_RETURN(quote.qe_report_bytes, reader.Take(SgxReportBody::kSize));
  Reader qe_report(quote.qe_report_bytes, "QE report");
  ASSIGN_OR_RETURN(quote.qe_report, ReadSgxReportBody(qe_report));
  ASSIGN_OR_RETURN(quote.qe_report_signature, reader.Take(kPointSize));
  ASSIGN_OR_RETURN(quote.qe_authentication_data, reader.Prefixed16Le(UINT16_MAX));
  ASSIGN_OR_RETURN(quote.certification_type, ReadCertificationType(reader));
  ASSIGN_OR_RETURN(quote.certification_data, reader.Prefixed32Le(kMaxCertificationDataBytes));
  return reader.ExpectEnd();
}

// Quoting services pad to fixed sizes with zeros; anything else after the end would be bytes that
// nobody signed.
Status ExpectZeros(ByteView rest, std::size_t offset) {
  const auto it = std::find_if(rest.begin(), rest.end(), [](std::uint8_t b) { return b != 0; });
  if (it == rest.end()) return {};
  return Malformed(
      fmt::format("quote ends at {}, then byte {:#04x} at offset {}, wanted zeros only", offset,
                  *it, offset + static_cast<std::size_t>(it - rest.begin())));
}

}  // namespace

Result<Quote> ParseQuote(ByteView bytes) {
  if (bytes.size() > kMaxQuoteBytes) {
    return Exhausted(
        fmt::format("quote has {} bytes, wanted at most {}", bytes.size(), kMaxQuoteBytes));
  }
  Reader reader(bytes, "quote");
  Quote quote;
  RETURN_IF_ERROR(ReadHeader(reader, quote));
  ASSIGN_OR_RETURN(quote.body, ReadSgxReportBody(reader));
  quote.signed_bytes = bytes.first(kSignedSize);
  ASSIGN_OR_RETURN(const ByteView signature_data, reader.Prefixed32Le(kMaxQuoteBytes));
  RETURN_IF_ERROR(ReadSignatureData(signature_data, quote));
  quote.size = reader.offset();
  RETURN_IF_ERROR(ExpectZeros(reader.Rest(), quote.size));
  return quote;
}

Result<PlatformRequest> ParsePlatformRequest(const Quote& quote) {
  std::size_t ppid_size = 0;
  switch (quote.certification_type) {
    case CertificationDataType::kPpidClear: ppid_size = 16; break;
    case CertificationDataType::kPpidEncrypted2048: ppid_size = 256; break;
    case CertificationDataType::kPpidEncrypted3072: ppid_size = 384; break;
    default:
      return Unsupported(fmt::format("certification data type {} names no platform, wanted 1 to 3",
                                     static_cast<int>(quote.certification_type)));
  }
  Reader reader(quote.certification_data, "certification data");
  PlatformRequest request;
  ASSIGN_OR_RETURN(request.ppid, reader.Take(ppid_size));
  ASSIGN_OR_RETURN(request.cpu_svn, reader.TakeFixed<CpuSvn>());
  ASSIGN_OR_RETURN(request.pce_svn, reader.U16Le());
  ASSIGN_OR_RETURN(request.pce_id, reader.TakeFixed<PceId>());
  RETURN_IF_ERROR(reader.ExpectEnd());
  return request;
}

}  // namespace strongroom::attest
