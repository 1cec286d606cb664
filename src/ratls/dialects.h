#pragma once

#include <optional>
#include <string_view>

#include "crypto/x509.h"
#include "ratls/evidence_certificate.h"

// One dialect a file; evidence_certificate.cc chooses between them.
namespace strongroom::ratls {

inline constexpr std::string_view kGramineOid = "1.2.840.113741.1337.6";
// What Gramine up to 1.7 writes by mistake: the intended identifier's tag and length as its first
// two arcs.
inline constexpr std::string_view kGramineOidAsWritten = "0.6.9.42.840.113741.1337.6";
inline constexpr std::string_view kOpenEnclaveOid = "1.3.6.1.4.1.311.105.1";

// SHA-256 of the key (DER SubjectPublicKeyInfo), then 32 zero bytes: Gramine's legacy and Open
// Enclave's binding.
attest::ReportData KeyReportData(ByteView spki);

// The evidence in an extension's value, for the certificate's key.
Result<CertificateEvidence> FromDice(ByteView value, const crypto::PublicKey& key,
                                     const DiceOptions& options);
Result<CertificateEvidence> FromGramineLegacy(ByteView value, const crypto::PublicKey& key);
Result<CertificateEvidence> FromOpenEnclave(ByteView value, const crypto::PublicKey& key);

// The extension for a new certificate.
Result<crypto::Extension> ToDice(const crypto::PublicKey& key, const QuoteFor& quote_for);
Result<crypto::Extension> ToGramineLegacy(const crypto::PublicKey& key, const QuoteFor& quote_for);
Result<crypto::Extension> ToOpenEnclave(const crypto::PublicKey& key, const QuoteFor& quote_for);

}  // namespace strongroom::ratls
