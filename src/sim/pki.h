#pragma once

#include "attest/claims.h"
#include "base/clock.h"
#include "base/entropy.h"
#include "sim/keys.h"
#include "sim/platform.h"

// Certificates in the formats of Intel's "SGX PCK Certificate and CRL Profile Specification" 1.5.
namespace strongroom::sim {

inline constexpr std::string_view kRootCrlUrl = "https://simulated.invalid/TestSGXRootCA.der";

// A root named TEST and the three certificates that hang from it, valid from a day before `now`.
Result<WorldKeys> MakePki(Entropy& entropy, UnixSeconds now);

// The PCK certificate of one platform, with the SGX extension.
Result<CertifiedKey> MakePck(const WorldKeys& keys, PckCa ca,
                             const attest::PlatformIdentity& identity, Entropy& entropy,
                             UnixSeconds now);

// The value of the extension 1.2.840.113741.1.13.1: five parts under the Processor CA, seven under
// the Platform CA.
Bytes EncodeSgxExtension(const attest::PlatformIdentity& identity);

}  // namespace strongroom::sim
