#include "ratls/activation_binding.h"

#include <fmt/format.h>

#include "base/reader.h"
#include "crypto/hash.h"
#include "ratls/report_data.h"

namespace strongroom::ratls {
namespace {

Status ExpectSize(std::string_view what, ByteView bytes, std::size_t wanted) {
  if (bytes.size() == wanted) return {};
  return Malformed(fmt::format("{} has {} bytes, wanted {}", what, bytes.size(), wanted));
}

// Every part has a fixed size but the tag, and no tag is the beginning of another: the
// concatenation is unambiguous.
Result<attest::ReportData> Bind(std::string_view tag, ByteView nonce, ByteView spki,
                                ByteView exporter) {
  RETURN_IF_ERROR(ExpectSize("nonce", nonce, kNonceBytes));
  RETURN_IF_ERROR(ExpectSize("TLS exporter", exporter, kExporterBytes));
  if (spki.empty()) return Malformed("no public key, wanted a SubjectPublicKeyInfo");
  const crypto::Sha256Digest key = crypto::Sha256(spki);
  return attest::ReportData::From(
      crypto::Sha512({AsBytes(tag), nonce, key.view(), exporter}).view());
}

}  // namespace

Result<attest::ReportData> ActivationReportData(ByteView nonce, ByteView csr_spki,
                                                ByteView exporter) {
  return Bind(kActivationTag, nonce, csr_spki, exporter);
}

Result<attest::ReportData> CoordinatorReportData(ByteView nonce, ByteView server_spki,
                                                 ByteView exporter) {
  return Bind(kCoordinatorEvidenceTag, nonce, server_spki, exporter);
}

attest::ReportData QuoteEndpointReportData(ByteView root_certificate, ByteView nonce) {
  return DigestThenZeros(crypto::Sha256({root_certificate, nonce}));
}

attest::ReportData MarbleRunReportData(ByteView client_certificate) {
  return DigestThenZeros(crypto::Sha256(client_certificate));
}

}  // namespace strongroom::ratls
