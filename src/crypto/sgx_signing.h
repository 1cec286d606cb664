#pragma once

#include "crypto/key.h"

// What SGX's enclave signature (SIGSTRUCT, Intel SDM volume 3D, 34.14) wants of RSA beyond a plain
// signature.
namespace strongroom::crypto {

// An RSA-3072 key with public exponent 3, the only kind that signs enclaves.
Result<PrivateKey> GenerateSgxSigningKey();

// The public part of such a key, big-endian, 384 bytes. kUnsupported unless the key is RSA with
// 3072 bits and exponent 3.
Result<Bytes> SgxSigningModulus(const PublicKey& key);

// The two quotients that spare EINIT its divisions: q1 = ⌊s²/m⌋ and q2 = ⌊(s³ − q1·s·m)/m⌋, all 384
// bytes big-endian.
struct SgxQuotients {
  Bytes q1;
  Bytes q2;
};
Result<SgxQuotients> ComputeSgxQuotients(ByteView signature, ByteView modulus);

}  // namespace strongroom::crypto
