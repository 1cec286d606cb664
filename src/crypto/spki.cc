#include "crypto/spki.h"

#include <array>
#include <optional>

#include <fmt/format.h>

#include "crypto/der.h"

namespace strongroom::crypto {
namespace {

constexpr std::string_view kEcPublicKey = "1.2.840.10045.2.1";
constexpr std::string_view kRsaEncryption = "1.2.840.113549.1.1.1";
constexpr std::string_view kEd25519Oid = "1.3.101.112";
constexpr std::size_t kEd25519KeySize = 32;
constexpr std::uint8_t kUncompressed = 0x04;
constexpr std::uint8_t kDerNull[] = {der::kNull, 0};

struct Curve {
  KeyType type;
  std::string_view oid;
  std::size_t coordinate_size;
};
constexpr std::array kCurves = {
    Curve{KeyType::kP224, "1.3.132.0.33", 28},
    Curve{KeyType::kP256, "1.2.840.10045.3.1.7", 32},
    Curve{KeyType::kP384, "1.3.132.0.34", 48},
    Curve{KeyType::kP521, "1.3.132.0.35", 66},
};

const Curve* FindCurve(KeyType type) {
  for (const Curve& curve : kCurves) {
    if (curve.type == type) return &curve;
  }
  return nullptr;
}

Result<Spki> ParseEc(DerReader algorithm, ByteView key) {
  if (!algorithm.NextIs(der::kOid)) return Unsupported("EC key without a named curve");
  ASSIGN_OR_RETURN(const std::string oid, algorithm.Oid());
  RETURN_IF_ERROR(algorithm.ExpectEnd());
  for (const Curve& curve : kCurves) {
    if (curve.oid != oid) continue;
    if (key.size() == 1 + curve.coordinate_size) return Unsupported("compressed EC point");
    if (key.size() != 1 + 2 * curve.coordinate_size || key[0] != kUncompressed) {
      return Malformed(fmt::format("EC point of {} bytes, wanted 04 and {}", key.size(),
                                   2 * curve.coordinate_size));
    }
    return Spki{.type = curve.type, .key = ToBytes(key), .rsa_modulus = {}, .rsa_exponent = {}};
  }
  return Unsupported(fmt::format("EC key on curve {}", oid));
}

Result<Bytes> PositiveInteger(DerReader& reader) {
  ASSIGN_OR_RETURN(ByteView value, reader.Integer());
  if (value[0] >= 0x80) return Malformed("negative number in an RSA key");
  if (value[0] == 0) value = value.subspan(1);
  return ToBytes(value);
}

Result<Spki> ParseRsa(DerReader algorithm, ByteView key) {
  RETURN_IF_ERROR(algorithm.Expect(der::kNull));
  RETURN_IF_ERROR(algorithm.ExpectEnd());
  DerReader outer(key, "RSA key");
  ASSIGN_OR_RETURN(DerReader numbers, outer.Sequence());
  RETURN_IF_ERROR(outer.ExpectEnd());
  Spki spki{.type = KeyType::kRsa, .key = {}, .rsa_modulus = {}, .rsa_exponent = {}};
  ASSIGN_OR_RETURN(spki.rsa_modulus, PositiveInteger(numbers));
  ASSIGN_OR_RETURN(spki.rsa_exponent, PositiveInteger(numbers));
  RETURN_IF_ERROR(numbers.ExpectEnd());
  return spki;
}

Result<Spki> ParseEd25519(const DerReader& algorithm, ByteView key) {
  RETURN_IF_ERROR(algorithm.ExpectEnd());
  if (key.size() != kEd25519KeySize) {
    return Malformed(
        fmt::format("Ed25519 key of {} bytes, wanted {}", key.size(), kEd25519KeySize));
  }
  return Spki{
      .type = KeyType::kEd25519, .key = ToBytes(key), .rsa_modulus = {}, .rsa_exponent = {}};
}

}  // namespace

Result<Spki> ParseSpki(ByteView bytes) {
  DerReader outer(bytes, "public key");
  ASSIGN_OR_RETURN(DerReader spki, outer.Sequence());
  RETURN_IF_ERROR(outer.ExpectEnd());
  ASSIGN_OR_RETURN(DerReader algorithm, spki.Sequence());
  ASSIGN_OR_RETURN(const ByteView key, spki.BitString());
  RETURN_IF_ERROR(spki.ExpectEnd());
  ASSIGN_OR_RETURN(const std::string oid, algorithm.Oid());
  if (oid == kEcPublicKey) return ParseEc(algorithm, key);
  if (oid == kRsaEncryption) return ParseRsa(algorithm, key);
  if (oid == kEd25519Oid) return ParseEd25519(algorithm, key);
  return Unsupported(fmt::format("public key of algorithm {}", oid));
}

Bytes EncodeSpki(const Spki& spki) {
  if (const Curve* curve = FindCurve(spki.type)) {
    return DerSequence(
        {DerSequence({DerOid(kEcPublicKey), DerOid(curve->oid)}), DerBitString(spki.key)});
  }
  if (spki.type == KeyType::kEd25519) {
    return DerSequence({DerSequence({DerOid(kEd25519Oid)}), DerBitString(spki.key)});
  }
  const Bytes numbers =
      DerSequence({DerUnsignedBig(spki.rsa_modulus), DerUnsignedBig(spki.rsa_exponent)});
  return DerSequence({DerSequence({DerOid(kRsaEncryption), kDerNull}), DerBitString(numbers)});
}

std::size_t CoordinateSize(KeyType type) {
  const Curve* curve = FindCurve(type);
  return curve != nullptr ? curve->coordinate_size : 0;
}

bool IsEc(KeyType type) { return FindCurve(type) != nullptr; }

}  // namespace strongroom::crypto
