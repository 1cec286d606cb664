#pragma once

#include <cstddef>
#include <cstdint>

#include "attest/claims.h"
#include "attest/sgx/report_body.h"
#include "base/bytes.h"

namespace strongroom::attest {

inline constexpr std::size_t kMaxQuoteBytes = 64 * 1024;
inline constexpr std::size_t kMaxCertificationDataBytes = 16 * 1024;

// How a quote names the PCK certificate of its platform (quote library API, certification data
// types).
enum class CertificationDataType : std::uint16_t {
  kNone = 0,       // no type of Intel's
  kPpidClear = 1,  // platform id only: the certificate must come beside the quote
  kPpidEncrypted2048 = 2,
  kPpidEncrypted3072 = 3,
  kPckLeaf = 4,
  kPckChain = 5,  // PEM of leaf, CA and root
};

// A platform as types 1 to 3 name it, to ask a PCCS for its certificate.
struct PlatformRequest {
  ByteView ppid;  // 16 bytes in the clear, or 256 or 384 encrypted
  CpuSvn cpu_svn;
  std::uint16_t pce_svn = 0;
  PceId pce_id;
};

// A DCAP quote, version 3 (SGX only). Views point into the parsed bytes.
struct Quote {
  std::uint16_t version = 0;
  std::uint16_t attestation_key_type = 0;  // 2: ECDSA P-256
  std::uint16_t qe_svn = 0;
  std::uint16_t pce_svn = 0;
  ByteView qe_vendor_id;  // 16
  ByteView user_data;     // 20
  SgxReportBody body;
  ByteView signed_bytes;  // header and body, 432 bytes

  ByteView signature;        // 64, r‖s big endian, over signed_bytes
  ByteView attestation_key;  // 64, x‖y
  ByteView qe_report_bytes;  // 384
  SgxReportBody qe_report;
  ByteView qe_report_signature;  // 64
  ByteView qe_authentication_data;
  CertificationDataType certification_type = CertificationDataType::kNone;
  ByteView certification_data;

  std::size_t size = 0;  // where the quote ends; only zero bytes follow
};

// Parses an SGX quote of version 3 (quote generation API, appendix A.4). Layout only: nothing in
// the result is trusted. kMalformed if bytes are missing, or left over and not zero; kExhausted
// beyond the limits above; kUnsupported for other versions, attestation key types, TEE types and
// certification data types.
Result<Quote> ParseQuote(ByteView bytes);

// The platform that certification data of types 1 to 3 names. kUnsupported for the other types.
Result<PlatformRequest> ParsePlatformRequest(const Quote& quote);

}  // namespace strongroom::attest
