#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "base/secret.h"

namespace strongroom::tee {

inline constexpr std::size_t kReportDataBytes = 64;
inline constexpr std::size_t kSealingKeyBytes = 16;

// What the attester wants signed into the quote; attest::ReportData's array converts to it.
using ReportDataView = std::span<const std::uint8_t, kReportDataBytes>;

// What a sealing key is bound to, besides the platform. kSigner (signer, product id and security
// version) is what state is kept under: a rebuilt program of the same signer reads it. kEnclave:
// this very measurement only.
enum class SealPolicy : std::uint8_t { kEnclave = 1, kSigner = 2 };

// The local TEE: the one place where a workload asks what it is. Safe from any thread; calls block
// for as long as the TEE takes (milliseconds to seconds), so never under a lock of the caller.
class EvidenceSource {
 public:
  virtual ~EvidenceSource() = default;

  // A DCAP quote of this workload whose REPORTDATA is `report_data`, as the TEE gave it. The source
  // compares the report data before it returns; that the quote is genuine is for verifiers to find
  // out. kUnavailable: the TEE is gone or busy; kMalformed: what came back is no quote;
  // kUnsupported: no quotes here.
  virtual Result<Bytes> Quote(ReportDataView report_data) = 0;

  // kSealingKeyBytes that only this platform gives, and only to workloads of the same identity
  // under `policy`. Raw key material: derive keys of your own from it (crypto/kdf.h), one a
  // purpose.
  virtual Result<SecretBytes> SealingKey(SealPolicy policy) = 0;

  // For logs: "gramine files in /dev/attestation", "attestation socket 3".
  virtual std::string Description() const = 0;
};

}  // namespace strongroom::tee
