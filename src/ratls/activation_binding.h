#pragma once

#include <cstddef>
#include <string_view>

#include "attest/sgx/report_body.h"
#include "base/bytes.h"

namespace strongroom::ratls {

// What evidence commits to, so that it is good for one purpose, one nonce, one key and one
// connection only. Both ends compute the value by themselves and compare all 64 bytes.
// Certificates, keys and CSRs are DER.

// TLS 1.3 exporter (RFC 8446, 7.5) that ties evidence to a connection; no context.
inline constexpr std::string_view kExporterLabel = "EXPORTER-strongroom-attestation";
inline constexpr std::size_t kExporterBytes = 32;
inline constexpr std::size_t kNonceBytes = 32;

inline constexpr std::string_view kActivationTag = "strongroom activation v1";
inline constexpr std::string_view kCoordinatorEvidenceTag = "strongroom coordinator evidence v1";

// Our own dialect: SHA-512(tag || nonce || SHA-256(SubjectPublicKeyInfo) || exporter). kMalformed
// when nonce or exporter are not 32 bytes or the key is empty.
//   activation: the key that the CSR asks to certify
//   coordinator evidence: the key of the TLS server certificate that the client saw
Result<attest::ReportData> ActivationReportData(ByteView nonce, ByteView csr_spki,
                                                ByteView exporter);
Result<attest::ReportData> CoordinatorReportData(ByteView nonce, ByteView server_spki,
                                                 ByteView exporter);

// GET /api/v2/quote?nonce=: SHA-256(root certificate || nonce), then 32 zero bytes. The nonce may
// be empty or of any length, as MarbleRun has it.
attest::ReportData QuoteEndpointReportData(ByteView root_certificate, ByteView nonce);

// MarbleRun's Activate: SHA-256(the marble's TLS client certificate), then 32 zero bytes.
attest::ReportData MarbleRunReportData(ByteView client_certificate);

// Open Enclave wraps a quote into 16 bytes of header: u32 version 1, u32 type 2 (SGX ECDSA), u64
// length, little endian.
inline constexpr std::size_t kOpenEnclaveHeaderBytes = 16;
Bytes WrapOpenEnclave(ByteView quote);
// The quote inside; kMalformed when the header is not exactly that or the length is not that of the
// rest.
Result<ByteView> UnwrapOpenEnclave(ByteView evidence);
// MarbleRun marbles send either: a bare quote begins with its version (3, 0), the header with (1,
// 0, 0, 0, 2).
Result<ByteView> UnwrapIfOpenEnclave(ByteView evidence);

}  // namespace strongroom::ratls
