#pragma once

#include <cstddef>
#include <cstdint>

#include "attest/sgx/report_body.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "crypto/key.h"

namespace strongroom::simtee {

inline constexpr std::size_t kSigstructBytes = 1808;

// What an enclave's signer vouches for: this measurement, as this product in this security version.
struct Sigstruct {
  attest::MrEnclave mrenclave;
  std::uint16_t isv_prod_id = 0;
  std::uint16_t isv_svn = 0;
  attest::MrSigner mrsigner;  // of the key that signed
};

// SHA-256 of the 384 bytes of the modulus, little-endian. kUnsupported unless RSA-3072 with
// exponent 3.
Result<attest::MrSigner> MrSignerOf(const crypto::PublicKey& key);

// SIGSTRUCT (Intel SDM volume 3D, table 34-19), as `gramine-sgx-sign` and others write it to .sig
// files. The attribute mask leaves DEBUG to whoever starts the enclave, as theirs does: that is why
// verifiers must look at it.
Result<Bytes> SignSigstruct(const attest::MrEnclave& mrenclave, std::uint16_t isv_prod_id,
                            std::uint16_t isv_svn, const crypto::PrivateKey& key, UnixSeconds now);

// Checks all of it, signature included, as EINIT does. kMalformed for its layout, kUntrusted for
// its signature.
Result<Sigstruct> VerifySigstruct(ByteView bytes);

}  // namespace strongroom::simtee
