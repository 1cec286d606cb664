#pragma once

#include "crypto/key.h"

namespace strongroom::crypto {

// The scheme that an AlgorithmIdentifier (whole DER element) of a certificate, request or list
// names. kUnsupported for SHA-1, for PSS whose digests differ or whose salt is not as long as the
// digest, and for all others.
Result<SignatureScheme> ParseSignatureAlgorithm(ByteView bytes);

// The AlgorithmIdentifier that certificates of ours carry. PKCS#1, ECDSA and Ed25519 only: nothing
// of ours signs by PSS.
Bytes EncodeSignatureAlgorithm(SignatureScheme scheme);

// What X.509 signs: the body, the algorithm, the signature.
struct SignedBody {
  ByteView body;       // the whole element that is signed
  ByteView algorithm;  // the whole AlgorithmIdentifier outside of it
  ByteView signature;
};
// Takes apart SEQUENCE { body, AlgorithmIdentifier, BIT STRING }, nothing after it. `what` must be
// a literal.
Result<SignedBody> ParseSigned(ByteView bytes, std::string_view what);

// kUntrusted unless `key` signed it; kUnsupported as above.
Status VerifySigned(const SignedBody& parts, const PublicKey& key);

// Signs `body` by the key's default scheme and puts the three together.
Result<Bytes> SignBody(ByteView body, const PrivateKey& key);

}  // namespace strongroom::crypto
