#pragma once

#include <cstdint>
#include <set>
#include <string_view>

#include "attest/sgx/report_body.h"
#include "base/bytes.h"
#include "base/result.h"
#include "base/secret.h"
#include "sim/world.h"

namespace strongroom::sim {

// Who a simulated enclave is; with the platform it decides all of its report but the report data.
struct EnclaveIdentity {
  attest::MrEnclave mrenclave;
  attest::MrSigner mrsigner;
  std::uint16_t isv_prod_id = 0;
  std::uint16_t isv_svn = 0;
  bool debug = false;
};

// What a test wants wrong with a quote. Everything not named stays right, so that the fault is the
// only cause.
enum class QuoteFault {
  kQuoteSignature,  // one bit of r‖s
  kBodyChanged,     // MRENCLAVE changed after signing
  kQeReportSignature,
  kQeReportChanged,        // ISVSVN of the QE raised after signing
  kAttestationKeySwapped,  // a fresh key that the QE report does not name; the quote is signed by
                           // it
  kForeignQe,              // a genuine PCK signs the report of an enclave that is not Intel's QE
  kDebugQe,                // the QE runs in debug mode, properly signed
  kQeReportDataTail,       // the last 32 bytes of the QE's report data are not zero
  kForeignRoot,            // the same chain under another root of the same names
  kOtherPlatformsPck,      // PCK chain of another platform
  kVendorId,
  kVersion,  // says 4
  kTrailingBytes,
};

// A DCAP quote, version 3, ECDSA P-256, certification data type 5, as Intel's quoting enclave makes
// them.
Result<Bytes> IssueQuote(const World& world, const Platform& platform,
                         const EnclaveIdentity& enclave, const attest::ReportData& report_data,
                         const std::set<QuoteFault>& faults = {});

// As EGETKEY's seal keys: policies "this enclave" and "this signer, product and security version".
enum class SealBinding : std::uint8_t { kEnclave = 1, kSigner = 2 };

// 16 bytes from the platform's secret: HKDF-SHA-256 over binding, measurement or signer, product
// id, SVN and debug.
Result<SecretBytes> DeriveSealingKey(const Platform& platform, const EnclaveIdentity& enclave,
                                     SealBinding binding);

}  // namespace strongroom::sim
