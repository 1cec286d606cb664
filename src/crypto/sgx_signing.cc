#include "crypto/sgx_signing.h"

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "crypto/der.h"
#include "crypto/openssl_internal.h"

namespace strongroom::crypto {
namespace {

constexpr std::size_t kModulusBytes = 384;
constexpr int kModulusBits = 3072;

using Bn = OpenSslPtr<BIGNUM, BN_clear_free>;
using BnCtx = OpenSslPtr<BN_CTX, BN_CTX_free>;
using PkeyCtx = OpenSslPtr<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using Pkcs8 = OpenSslPtr<PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free>;

Result<EvpPkeyPtr> GenerateExponent3() {
  const PkeyCtx ctx(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  const Bn three(BN_new());
  if (ctx == nullptr || three == nullptr || BN_set_word(three.get(), 3) != 1)
    return Internal("RSA key generation: no memory");
  EVP_PKEY* key = nullptr;
  if (EVP_PKEY_keygen_init(ctx.get()) != 1 ||
      EVP_PKEY_CTX_set_rsa_keygen_bits(ctx.get(), kModulusBits) != 1 ||
      EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx.get(), three.get()) != 1 ||
      EVP_PKEY_keygen(ctx.get(), &key) != 1) {
    return Internal("RSA-3072 key generation with exponent 3 failed");
  }
  return EvpPkeyPtr(key);
}

Result<Bytes> ToPadded(const BIGNUM* number) {
  Bytes out(kModulusBytes);
  if (BN_bn2binpad(number, out.data(), static_cast<int>(out.size())) < 0)
    return Malformed("SGX quotient is longer than 384 bytes");
  return out;
}

}  // namespace

Result<PrivateKey> GenerateSgxSigningKey() {
  ASSIGN_OR_RETURN(const EvpPkeyPtr key, GenerateExponent3());
  const Pkcs8 info(EVP_PKEY2PKCS8(key.get()));
  std::uint8_t* encoded = nullptr;
  const int size = info == nullptr ? -1 : i2d_PKCS8_PRIV_KEY_INFO(info.get(), &encoded);
  if (size <= 0) return Internal("RSA key cannot be encoded");
  const SecretBytes der(ByteView(encoded, static_cast<std::size_t>(size)));
  OPENSSL_clear_free(encoded, static_cast<std::size_t>(size));
  return PrivateKey::FromPkcs8Der(der.Reveal());
}

Result<Bytes> SgxSigningModulus(const PublicKey& key) {
  const auto unsupported = [&] {
    return Unsupported("enclave signing key is " + std::string(KeyTypeName(key.type())) + " with " +
                       std::to_string(key.bits()) +
                       " bits, wanted RSA with 3072 bits and public exponent 3");
  };
  if (key.type() != KeyType::kRsa || key.bits() != kModulusBits) return unsupported();
  DerReader outer(key.SpkiDer(), "SubjectPublicKeyInfo");
  ASSIGN_OR_RETURN(DerReader spki, outer.Sequence());
  ASSIGN_OR_RETURN(const ByteView algorithm, spki.Expect(der::kSequence));
  static_cast<void>(algorithm);  // PublicKey knows that it is RSA
  ASSIGN_OR_RETURN(const ByteView bits, spki.BitString());
  DerReader inner(bits, "RSAPublicKey");
  ASSIGN_OR_RETURN(DerReader rsa, inner.Sequence());
  ASSIGN_OR_RETURN(ByteView modulus, rsa.Integer());
  ASSIGN_OR_RETURN(const std::uint64_t exponent, rsa.Unsigned());
  if (modulus.size() == kModulusBytes + 1 && modulus[0] == 0) modulus = modulus.subspan(1);
  if (modulus.size() != kModulusBytes || exponent != 3) return unsupported();
  return ToBytes(modulus);
}

Result<SgxQuotients> ComputeSgxQuotients(ByteView signature, ByteView modulus) {
  if (signature.size() != kModulusBytes || modulus.size() != kModulusBytes) {
    return Malformed("SGX quotients of numbers that are not 384 bytes long");
  }
  const Bn s(BN_bin2bn(signature.data(), static_cast<int>(signature.size()), nullptr));
  const Bn m(BN_bin2bn(modulus.data(), static_cast<int>(modulus.size()), nullptr));
  const Bn product(BN_new());
  const Bn rest(BN_new());
  const Bn quotient(BN_new());
  const BnCtx ctx(BN_CTX_new());
  if (!s || !m || !product || !rest || !quotient || !ctx)
    return Internal("SGX quotients: no memory");
  // q2 = ⌊s·(s² mod m)/m⌋, since s³ − q1·s·m = s·(s² − q1·m).
  if (BN_sqr(product.get(), s.get(), ctx.get()) != 1 ||
      BN_div(quotient.get(), rest.get(), product.get(), m.get(), ctx.get()) != 1) {
    return Malformed("SGX quotients: modulus is zero");
  }
  SgxQuotients out;
  ASSIGN_OR_RETURN(out.q1, ToPadded(quotient.get()));
  if (BN_mul(product.get(), s.get(), rest.get(), ctx.get()) != 1 ||
      BN_div(quotient.get(), nullptr, product.get(), m.get(), ctx.get()) != 1) {
    return Internal("SGX quotients: no memory");
  }
  ASSIGN_OR_RETURN(out.q2, ToPadded(quotient.get()));
  return out;
}

}  // namespace strongroom::crypto
