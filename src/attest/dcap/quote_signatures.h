#pragma once

#include "attest/quote.h"
#include "base/result.h"
#include "crypto/key.h"

// The signatures inside a quote, each by the key that the one before vouches for (steps 8, 9 and
// 11). kUntrusted.
namespace strongroom::attest::dcap {

// The quoting enclave's report, by the platform's PCK.
Status CheckQeReportSignature(const Quote& quote, const crypto::PublicKey& pck);

// REPORTDATA of the quoting enclave is SHA-256(attestation key || authentication data), then zeros.
Status CheckKeyBinding(const Quote& quote);

// Header and body, by the attestation key.
Status CheckQuoteSignature(const Quote& quote);

}  // namespace strongroom::attest::dcap
