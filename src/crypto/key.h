#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/secret.h"
#include "crypto/hash.h"

namespace strongroom::crypto {

enum class KeyType { kP224, kP256, kP384, kP521, kRsa, kEd25519 };

// "P-256", "RSA", "Ed25519".
std::string_view KeyTypeName(KeyType type);

// ECDSA takes any curve; PSS salts are as long as the digest, and verification demands that.
enum class SignatureScheme {
  kEcdsaSha256,
  kEcdsaSha384,
  kEcdsaSha512,
  kRsaPkcs1Sha256,
  kRsaPkcs1Sha384,
  kRsaPkcs1Sha512,
  kRsaPssSha256,
  kRsaPssSha384,
  kRsaPssSha512,
  kEd25519,
};

// What keys of this type sign with where nothing else is asked for: a digest as strong as the
// curve, PKCS#1 v1.5 with SHA-256 for RSA.
SignatureScheme DefaultScheme(KeyType type);

// A public key that was parsed whole and found valid: points are on their curve and not at
// infinity, RSA moduli have 2048 to 8192 bits. Copies share one immutable key, because a
// certificate, its chain and its sessions all hold it.
class PublicKey {
 public:
  // A DER SubjectPublicKeyInfo without trailing bytes. kMalformed, or kUnsupported for other
  // algorithms.
  static Result<PublicKey> FromSpkiDer(ByteView der);
  // "-----BEGIN PUBLIC KEY-----", exactly one.
  static Result<PublicKey> FromPem(std::string_view text);
  // x then y, each of the curve's size, big-endian, as quotes carry them. EC types only.
  static Result<PublicKey> FromRawPoint(KeyType curve, ByteView xy);

  KeyType type() const;
  int bits() const;  // of the modulus or the field
  const Bytes& SpkiDer() const;
  const Sha256Digest& SpkiSha256() const;
  std::string Pem() const;
  // x then y. kUnsupported for a key that is no point of a P curve.
  Result<Bytes> RawPoint() const;

  // kUntrusted when `signature` is not this key's over `message`; kUnsupported when the scheme is
  // not of this key type. ECDSA signatures are strict DER.
  Status Verify(SignatureScheme scheme, ByteView message, ByteView signature) const;
  // The same for ECDSA signatures as quotes carry them: r then s, each of the curve's size,
  // big-endian.
  Status VerifyRaw(SignatureScheme scheme, ByteView message, ByteView r_s) const;

  // The same key: equal SubjectPublicKeyInfo.
  friend bool operator==(const PublicKey& a, const PublicKey& b) {
    return a.SpkiSha256() == b.SpkiSha256();
  }

  struct Impl;
  explicit PublicKey(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  const Impl& impl() const { return *impl_; }

 private:
  std::shared_ptr<const Impl> impl_;
};

// A private key. Copies share one immutable key that is wiped when the last goes: a TLS context, an
// issuer and a handover hold the same one.
class PrivateKey {
 public:
  // Any type but kRsa. The randomness is OpenSSL's own generator, seeded by the system.
  static Result<PrivateKey> Generate(KeyType type);
  // 2048, 3072 or 4096 bits; anything else is kUnsupported.
  static Result<PrivateKey> GenerateRsa(int bits);
  static Result<PrivateKey> FromPkcs8Der(ByteView der);
  // PKCS#8 ("PRIVATE KEY"), SEC1 ("EC PRIVATE KEY", parameters may stand before it) or PKCS#1 ("RSA
  // PRIVATE KEY"). Encrypted keys are kUnsupported.
  static Result<PrivateKey> FromPem(std::string_view text);

  SecretBytes Pkcs8Der() const;
  SecretBytes Pkcs8Pem() const;

  KeyType type() const;
  const PublicKey& public_key() const;

  // ECDSA signatures are DER. kUnsupported when the scheme is not of this key type.
  Result<Bytes> Sign(SignatureScheme scheme, ByteView message) const;
  // r then s, each of the curve's size. ECDSA only.
  Result<Bytes> SignRaw(SignatureScheme scheme, ByteView message) const;

  struct Impl;
  explicit PrivateKey(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  const Impl& impl() const { return *impl_; }

 private:
  std::shared_ptr<const Impl> impl_;
};

}  // namespace strongroom::crypto
