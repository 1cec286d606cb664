#pragma once

#include <functional>
#include <set>
#include <string_view>

#include "attest/sgx/report_body.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "crypto/key.h"
#include "crypto/x509.h"
#include "ratls/dice.h"

// Evidence inside of X.509 certificates (RA-TLS): who shows the certificate in a handshake holds
// its key, and the quote names that key.
namespace strongroom::ratls {

enum class Dialect {
  kDice,           // 2.23.133.5.4.9, Gramine since 1.8 and others
  kGramineLegacy,  // 1.2.840.113741.1337.6, in both encodings that exist
  kOpenEnclave,    // 1.3.6.1.4.1.311.105.1, EGo and MarbleRun
};
std::string_view DialectName(Dialect dialect);  // "dice", "gramine-legacy", "open-enclave"

// A quote and what it must say to be bound to the certificate it came in. Nothing of it is
// verified.
struct CertificateEvidence {
  Dialect dialect = Dialect::kDice;
  Bytes quote;
  attest::ReportData report_data;  // all 64 bytes of the quote's must equal these
};

// Finds the evidence of a certificate (DER). The DICE extension decides alone where it is, whatever
// else is there. Names, dates and the certificate's own signature say nothing and are not looked
// at, as in Gramine. kNotFound: no evidence; kMalformed: not as its dialect says, or a critical
// evidence extension; kUntrusted: the evidence names another key; kUnsupported: a key other than
// P-256 and P-384 (and RSA in the Open Enclave dialect).
Result<CertificateEvidence> ExtractEvidence(ByteView certificate, const DiceOptions& options = {});

// Asks the local TEE for a quote over the report data.
using QuoteFor = std::function<Result<Bytes>(const attest::ReportData& report_data)>;

struct EvidenceCertificateSpec {
  std::set<Dialect> dialects = {Dialect::kDice};  // each costs a quote
  std::string common_name = "RATLS";
  UnixSeconds not_before{};
  UnixSeconds not_after{};
};

// A self-signed certificate over `key` (P-256 or P-384) with evidence in the dialects asked for.
Result<crypto::Certificate> MakeEvidenceCertificate(const EvidenceCertificateSpec& spec,
                                                    const crypto::PrivateKey& key,
                                                    const QuoteFor& quote_for);

}  // namespace strongroom::ratls
