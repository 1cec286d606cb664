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

using Pkcs8Ptr = OpenSslPtr<PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free>;
using BignumPtr = OpenSslPtr<BIGNUM, BN_free>;

Result<KeyType> TypeOf(EVP_PKEY* key) {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA: return KeyType::kRsa;
    case EVP_PKEY_ED25519: return KeyType::kEd25519;
    case EVP_PKEY_EC: break;
    default: return Unsupported("private key of another type than EC, RSA and Ed25519");
  }
  std::array<char, 64> name{};
  if (EVP_PKEY_get_group_name(key, name.data(), name.size(), nullptr) != 1) {
    ClearOpenSslErrors();
    return Unsupported("EC private key without a named curve");
  }
  const int nid = OBJ_sn2nid(name.data());
  if (nid == NID_secp224r1) return KeyType::kP224;
  if (nid == NID_X9_62_prime256v1) return KeyType::kP256;
  if (nid == NID_secp384r1) return KeyType::kP384;
  if (nid == NID_secp521r1) return KeyType::kP521;
  return Unsupported(fmt::format("EC private key on curve {}", name.data()));
}

Result<Bytes> NumberOf(EVP_PKEY* key, const char* parameter) {
  BIGNUM* raw = nullptr;
  const int got = EVP_PKEY_get_bn_param(key, parameter, &raw);
  const BignumPtr number(raw);
  if (got != 1) return Internal(OpenSslError("RSA key"));
  Bytes out(static_cast<std::size_t>(BN_num_bytes(number.get())));
  BN_bn2bin(number.get(), out.data());
  return out;
}

// The public half, by way of its SubjectPublicKeyInfo, so that it is checked like one from outside.
Result<PublicKey> PublicHalf(EVP_PKEY* key, KeyType type) {
  Spki spki{.type = type, .key = {}, .rsa_modulus = {}, .rsa_exponent = {}};
  if (type == KeyType::kRsa) {
    ASSIGN_OR_RETURN(spki.rsa_modulus, NumberOf(key, OSSL_PKEY_PARAM_RSA_N));
    ASSIGN_OR_RETURN(spki.rsa_exponent, NumberOf(key, OSSL_PKEY_PARAM_RSA_E));
    return PublicKey::FromSpkiDer(EncodeSpki(spki));
  }
  if (IsEc(type) &&
      EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                     OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED) != 1) {
    return Internal(OpenSslError("EC key"));
  }
  std::array<std::uint8_t, 160> buffer{};  // 133 bytes for P-521
  std::size_t size = 0;
  if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, buffer.data(), buffer.size(),
                                      &size) != 1) {
    return Malformed(OpenSslError("private key without its public half"));
  }
  spki.key = ToBytes(ByteView(buffer).first(size));
  return PublicKey::FromSpkiDer(EncodeSpki(spki));
}

Result<PrivateKey> FromNative(EvpPkeyPtr key) {
  ASSIGN_OR_RETURN(const KeyType type, TypeOf(key.get()));
  ASSIGN_OR_RETURN(PublicKey public_key, PublicHalf(key.get(), type));
  return PrivateKey(std::make_shared<const PrivateKey::Impl>(
      PrivateKey::Impl{.key = std::move(key), .public_key = std::move(public_key)}));
}

// An imported key must be one key: the public half in the file is the sender's word.
Result<PrivateKey> FromImported(EvpPkeyPtr key) {
  if (!key) return Malformed(OpenSslError("private key"));
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_ED25519) {
    const EvpPkeyCtxPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
    if (!context || EVP_PKEY_pairwise_check(context.get()) != 1) {
      return Malformed(OpenSslError("private key whose halves do not match"));
    }
  }
  return FromNative(std::move(key));
}

Result<PrivateKey> FromTraditional(int type, ByteView der) {
  const std::uint8_t* at = der.data();
  EvpPkeyPtr key(d2i_PrivateKey(type, nullptr, &at, static_cast<long>(der.size())));
  if (key && at != der.data() + der.size()) return Malformed("bytes after the private key");
  return FromImported(std::move(key));
}

Result<PrivateKey> FromBlock(std::string_view label, ByteView content) {
  if (label == "PRIVATE KEY") return PrivateKey::FromPkcs8Der(content);
  if (label == "EC PRIVATE KEY") return FromTraditional(EVP_PKEY_EC, content);
  if (label == "RSA PRIVATE KEY") return FromTraditional(EVP_PKEY_RSA, content);
  if (label == "ENCRYPTED PRIVATE KEY") {
    return Unsupported("encrypted private key: decrypt it first (openssl pkcs8)");
  }
  return Malformed(fmt::format("PEM block of {}, wanted a private key", label));
}

}  // namespace

Result<PrivateKey> PrivateKey::Generate(KeyType type) {
  const char* curve = CurveName(type);
  if (curve == nullptr && type != KeyType::kEd25519) {
    return Unsupported("RSA key without a size: ask for one by its bits");
  }
  EvpPkeyPtr key(curve != nullptr ? EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve)
                                  : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  if (!key) return Internal(OpenSslError("key generation"));
  return FromNative(std::move(key));
}

Result<PrivateKey> PrivateKey::GenerateRsa(int bits) {
  if (bits != 2048 && bits != 3072 && bits != 4096) {
    return Unsupported(fmt::format("RSA key of {} bits, wanted 2048, 3072 or 4096", bits));
  }
  EvpPkeyPtr key(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", static_cast<std::size_t>(bits)));
  if (!key) return Internal(OpenSslError("key generation"));
  return FromNative(std::move(key));
}

Result<PrivateKey> PrivateKey::FromPkcs8Der(ByteView der) {
  const std::uint8_t* at = der.data();
  const Pkcs8Ptr info(d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, static_cast<long>(der.size())));
  if (!info) return Malformed(OpenSslError("PKCS#8 private key"));
  if (at != der.data() + der.size()) return Malformed("bytes after the PKCS#8 private key");
  return FromImported(EvpPkeyPtr(EVP_PKCS82PKEY(info.get())));
}

Result<PrivateKey> PrivateKey::FromPem(std::string_view text) {
  ASSIGN_OR_RETURN(std::vector<PemBlock> blocks, DecodePem(text, 2));
  // `openssl ecparam -genkey` writes the curve before the key, which names it again.
  if (blocks.size() == 2 && blocks[0].label == "EC PARAMETERS") blocks.erase(blocks.begin());
  std::vector<SecretBytes> contents;
  contents.reserve(blocks.size());
  for (PemBlock& block : blocks) contents.push_back(SecretBytes::Adopt(std::move(block.content)));
  if (contents.size() != 1) return Malformed("two PEM blocks, wanted one private key");
  return FromBlock(blocks[0].label, contents[0].Reveal());
}

SecretBytes PrivateKey::Pkcs8Der() const {
  const Pkcs8Ptr info(EVP_PKEY2PKCS8(impl_->key.get()));
  const int size = info ? i2d_PKCS8_PRIV_KEY_INFO(info.get(), nullptr) : -1;
  if (size <= 0) std::abort();  // a key of ours that cannot be encoded: out of memory
  SecretBytes out(static_cast<std::size_t>(size));
  std::uint8_t* at = out.RevealWritable().data();
  if (i2d_PKCS8_PRIV_KEY_INFO(info.get(), &at) != size) std::abort();
  return out;
}

SecretBytes PrivateKey::Pkcs8Pem() const {
  return EncodeSecretPem("PRIVATE KEY", Pkcs8Der().Reveal());
}

KeyType PrivateKey::type() const { return impl_->public_key.type(); }
const PublicKey& PrivateKey::public_key() const { return impl_->public_key; }

Result<Bytes> PrivateKey::Sign(SignatureScheme scheme, ByteView message) const {
  RETURN_IF_ERROR(CheckScheme(scheme, type()));
  const EvpMdCtxPtr context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* key_context = nullptr;
  Bytes signature(static_cast<std::size_t>(EVP_PKEY_get_size(impl_->key.get())));
  std::size_t size = signature.size();
  if (!context ||
      EVP_DigestSignInit_ex(context.get(), &key_context, DigestName(scheme), nullptr, nullptr,
                            impl_->key.get(), nullptr) != 1 ||
      !SetPadding(key_context, scheme) ||
      EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) != 1) {
    return Internal(OpenSslError("signature"));
  }
  signature.resize(size);
  return signature;
}

Result<Bytes> PrivateKey::SignRaw(SignatureScheme scheme, ByteView message) const {
  const std::size_t size = CoordinateSize(type());
  if (size == 0) return Unsupported(fmt::format("raw signature of {}", KeyTypeName(type())));
  ASSIGN_OR_RETURN(const Bytes signature, Sign(scheme, message));
  DerReader outer(signature, "signature");
  ASSIGN_OR_RETURN(DerReader numbers, outer.Sequence());
  Bytes r_s(2 * size);
  for (const std::size_t end : {size, 2 * size}) {
    ASSIGN_OR_RETURN(ByteView number, numbers.Integer());
    if (number[0] == 0) number = number.subspan(1);
    std::ranges::copy(number, r_s.begin() + static_cast<std::ptrdiff_t>(end - number.size()));
  }
  return r_s;
}

EVP_PKEY* Native(const PrivateKey& key) { return key.impl().key.get(); }

}  // namespace strongroom::crypto
