#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include "crypto/der.h"
#include "crypto/key_internal.h"
#include "crypto/pem.h"

namespace strongroom::crypto {
namespace {

constexpr int kMinRsaBits = 2048;
constexpr int kMaxRsaBits = 8192;
constexpr std::size_t kMaxRsaExponentBytes = 8;

Result<EvpPkeyPtr> FromParameters(const char* algorithm, OSSL_PARAM* parameters) {
  const EvpPkeyCtxPtr context(EVP_PKEY_CTX_new_from_name(nullptr, algorithm, nullptr));
  EVP_PKEY* key = nullptr;
  if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1) {
    return Malformed(OpenSslError("public key"));
  }
  return EvpPkeyPtr(key);
}

// The curve without a point.
EvpPkeyPtr MakeCurve(KeyType curve) {
  const EvpPkeyCtxPtr context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* parameters = nullptr;
  if (!context || EVP_PKEY_paramgen_init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_group_name(context.get(), CurveName(curve)) != 1 ||
      EVP_PKEY_paramgen(context.get(), &parameters) != 1) {
    return nullptr;
  }
  return EvpPkeyPtr(parameters);
}

// Naming a curve makes OpenSSL build its group anew, four times the cost of all the rest of making
// a key: it is done once a curve, and copied.
const EVP_PKEY* Curve(KeyType curve) {
  static const std::array curves = {MakeCurve(KeyType::kP224), MakeCurve(KeyType::kP256),
                                    MakeCurve(KeyType::kP384), MakeCurve(KeyType::kP521)};
  static_assert(static_cast<int>(KeyType::kP224) == 0 && static_cast<int>(KeyType::kP521) == 3);
  return curves.at(static_cast<std::size_t>(curve)).get();
}

// These curves have cofactor 1: a point that OpenSSL decodes, so that it is on the curve and not at
// infinity, is a valid key, and the full check would cost a scalar multiplication to say the same.
Result<EvpPkeyPtr> EcKey(const Spki& spki) {
  EvpPkeyPtr key(EVP_PKEY_new());
  if (!key || EVP_PKEY_copy_parameters(key.get(), Curve(spki.type)) != 1) {
    return Internal(OpenSslError("curve"));
  }
  if (EVP_PKEY_set1_encoded_public_key(key.get(), spki.key.data(), spki.key.size()) != 1) {
    return Malformed(OpenSslError("EC point"));
  }
  return key;
}

Result<EvpPkeyPtr> RsaKey(const Spki& spki) {
  const Bytes& e = spki.rsa_exponent;
  const bool odd = !e.empty() && !spki.rsa_modulus.empty() && (e.back() & 1) != 0 &&
                   (spki.rsa_modulus.back() & 1) != 0;
  if (!odd || e.size() > kMaxRsaExponentBytes || (e.size() == 1 && e[0] < 3)) {
    return Malformed("RSA key with an even number, or an exponent below 3 or above 64 bits");
  }
  // Native order is little-endian on every platform this runs on; OSSL_PARAM integers are native.
  Bytes n(spki.rsa_modulus.rbegin(), spki.rsa_modulus.rend());
  Bytes reversed_e(e.rbegin(), e.rend());
  std::array parameters = {
      OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, n.data(), n.size()),
      OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_E, reversed_e.data(), reversed_e.size()),
      OSSL_PARAM_construct_end(),
  };
  ASSIGN_OR_RETURN(EvpPkeyPtr key, FromParameters("RSA", parameters.data()));
  const int bits = EVP_PKEY_get_bits(key.get());
  if (bits < kMinRsaBits || bits > kMaxRsaBits) {
    return Malformed(
        fmt::format("RSA key of {} bits, wanted {} to {}", bits, kMinRsaBits, kMaxRsaBits));
  }
  return key;
}

Result<EvpPkeyPtr> Ed25519Key(const Spki& spki) {
  EvpPkeyPtr key(EVP_PKEY_new_raw_public_key_ex(nullptr, "ED25519", nullptr, spki.key.data(),
                                                spki.key.size()));
  if (!key) return Malformed(OpenSslError("Ed25519 key"));
  return key;
}

Result<EvpPkeyPtr> MakeKey(const Spki& spki) {
  if (IsEc(spki.type)) return EcKey(spki);
  return spki.type == KeyType::kRsa ? RsaKey(spki) : Ed25519Key(spki);
}

Result<PublicKey> FromSpki(Spki spki, Bytes spki_der) {
  ASSIGN_OR_RETURN(EvpPkeyPtr key, MakeKey(spki));
  const Sha256Digest digest = Sha256(spki_der);
  return PublicKey(
      std::make_shared<const PublicKey::Impl>(PublicKey::Impl{.key = std::move(key),
                                                              .spki = std::move(spki),
                                                              .spki_der = std::move(spki_der),
                                                              .spki_sha256 = digest}));
}

}  // namespace

Result<PublicKey> PublicKey::FromSpkiDer(ByteView der) {
  ASSIGN_OR_RETURN(Spki spki, ParseSpki(der));
  return FromSpki(std::move(spki), ToBytes(der));
}

Result<PublicKey> PublicKey::FromPem(std::string_view text) {
  ASSIGN_OR_RETURN(const Bytes der, DecodeOnePem(text, "PUBLIC KEY"));
  return FromSpkiDer(der);
}

Result<PublicKey> PublicKey::FromRawPoint(KeyType curve, ByteView xy) {
  const std::size_t size = 2 * CoordinateSize(curve);
  if (size == 0) return Unsupported(fmt::format("raw point of {}", KeyTypeName(curve)));
  if (xy.size() != size) {
    return Malformed(fmt::format("raw point of {} bytes, wanted {}", xy.size(), size));
  }
  constexpr std::uint8_t kUncompressed[] = {0x04};
  Spki spki{
      .type = curve, .key = Concat({kUncompressed, xy}), .rsa_modulus = {}, .rsa_exponent = {}};
  Bytes spki_der = EncodeSpki(spki);
  return FromSpki(std::move(spki), std::move(spki_der));
}

KeyType PublicKey::type() const { return impl_->spki.type; }
int PublicKey::bits() const { return EVP_PKEY_get_bits(impl_->key.get()); }
const Bytes& PublicKey::SpkiDer() const { return impl_->spki_der; }
const Sha256Digest& PublicKey::SpkiSha256() const { return impl_->spki_sha256; }
std::string PublicKey::Pem() const { return EncodePem("PUBLIC KEY", impl_->spki_der); }

Result<Bytes> PublicKey::RawPoint() const {
  if (!IsEc(type())) return Unsupported(fmt::format("raw point of {}", KeyTypeName(type())));
  return ToBytes(ByteView(impl_->spki.key).subspan(1));
}

Status PublicKey::Verify(SignatureScheme scheme, ByteView message, ByteView signature) const {
  RETURN_IF_ERROR(CheckScheme(scheme, type()));
  const EvpMdCtxPtr context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* key_context = nullptr;
  if (!context ||
      EVP_DigestVerifyInit_ex(context.get(), &key_context, DigestName(scheme), nullptr, nullptr,
                              impl_->key.get(), nullptr) != 1 ||
      !SetPadding(key_context, scheme)) {
    return Internal(OpenSslError("signature check"));
  }
  const int verdict = EVP_DigestVerify(context.get(), signature.data(), signature.size(),
                                       message.data(), message.size());
  if (verdict == 1) return {};
  ClearOpenSslErrors();
  return Untrusted(
      fmt::format("signature does not fit the message and the {} key", KeyTypeName(type())));
}

Status PublicKey::VerifyRaw(SignatureScheme scheme, ByteView message, ByteView r_s) const {
  const std::size_t size = CoordinateSize(type());
  if (size == 0) return Unsupported(fmt::format("raw signature of {}", KeyTypeName(type())));
  if (r_s.size() != 2 * size) {
    return Malformed(fmt::format("raw signature of {} bytes, wanted {}", r_s.size(), 2 * size));
  }
  const Bytes der =
      DerSequence({DerUnsignedBig(r_s.first(size)), DerUnsignedBig(r_s.subspan(size))});
  return Verify(scheme, message, der);
}

EVP_PKEY* Native(const PublicKey& key) { return key.impl().key.get(); }

}  // namespace strongroom::crypto
