#pragma once

#include "attest/sgx/report_body.h"

// The simulated quoting enclave, as evidence shows it and as the QE identity document describes it.
namespace strongroom::sim {

inline constexpr std::uint16_t kQeProdId = 1;
inline constexpr std::uint64_t kQeAttributes =
    attest::kSgxFlagInit | attest::kSgxFlagMode64Bit | attest::kSgxFlagProvisionKey;

// Digests of names of ours: no real signer has them.
attest::MrSigner QeSigner();
attest::MrEnclave QeMeasurement(std::uint16_t isv_svn);

}  // namespace strongroom::sim
