#include "crypto/cert_builder.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>
#include <openssl/rand.h>

#include "crypto/oid.h"
#include "crypto/openssl_internal.h"
#include "crypto/signature_algorithm.h"
#include "crypto/x509_internal.h"
#include "crypto/x509_parts.h"

namespace strongroom::crypto {
namespace {

constexpr std::size_t kRandomSerialBytes = 16;
constexpr std::size_t kMaxSerialBytes = 20;
constexpr std::size_t kKeyIdBytes = 20;
constexpr std::uint64_t kVersion3 = 2;

// RFC 7093 2, method 1: the leftmost 160 bits of SHA-256 of the subjectPublicKey bits.
Result<Bytes> KeyId(const PublicKey& key) {
  DerReader outer(key.SpkiDer(), "public key");
  ASSIGN_OR_RETURN(DerReader spki, outer.Sequence());
  RETURN_IF_ERROR(spki.Sequence());
  ASSIGN_OR_RETURN(const ByteView bits, spki.BitString());
  return ToBytes(Sha256(bits).view().first(kKeyIdBytes));
}

Bytes KeyUsageValue(std::uint16_t usage) {
  std::uint8_t first = 0;
  for (unsigned bit = 0; bit < 8; ++bit) {
    if ((unsigned{usage} >> bit & 1U) != 0)
      first = static_cast<std::uint8_t>(first | (0x80U >> bit));
  }
  // Named bit lists end at their last set bit (X.690 11.2.2); bit 8 is decipherOnly.
  if ((usage & kDecipherOnly) != 0) return {der::kBitString, 3, 7, first, 0x80};
  const auto unused = static_cast<std::uint8_t>(first == 0 ? 0 : std::countr_zero(first));
  return {der::kBitString, 2, unused, first};
}

Bytes BasicConstraintsValue(const BasicConstraints& constraints) {
  std::vector<Bytes> fields;
  if (constraints.is_ca) fields.push_back(DerBoolean(true));
  if (constraints.path_length.has_value()) {
    fields.push_back(DerUnsigned(static_cast<std::uint64_t>(*constraints.path_length)));
  }
  return DerSequence(fields);
}

Bytes DistributionPointsValue(const std::vector<std::string>& uris) {
  std::vector<Bytes> points;
  for (const std::string& uri : uris) {
    const Bytes general_name = DerElementOf(der::Context(6), {AsBytes(uri)});
    const Bytes full_name = DerElementOf(der::ContextConstructed(0), {general_name});
    points.push_back(DerSequence({DerElementOf(der::ContextConstructed(0), {full_name})}));
  }
  return DerSequence(points);
}

Result<Bytes> ExtendedKeyUsageValue(const std::vector<std::string>& purposes) {
  std::vector<Bytes> oids;
  for (const std::string& purpose : purposes) {
    if (!IsOid(purpose))
      return Malformed(fmt::format("key purpose \"{}\", wanted an OID", purpose));
    oids.push_back(DerOid(purpose));
  }
  return DerSequence(oids);
}

Status CheckSpec(const CertificateSpec& spec) {
  if (spec.not_after < spec.not_before) return Malformed("certificate that ends before it begins");
  if (spec.key_usage > 0x1ff) return Malformed(fmt::format("key usage {:#x}", spec.key_usage));
  if (spec.basic_constraints && spec.basic_constraints->path_length.value_or(0) < 0) {
    return Malformed("negative path length");
  }
  if (spec.serial.size() > kMaxSerialBytes) {
    return Malformed(fmt::format("serial of {} bytes, wanted at most 20", spec.serial.size()));
  }
  const bool zero = std::ranges::all_of(spec.serial, [](std::uint8_t b) { return b == 0; });
  if (!spec.serial.empty() && zero) return Malformed("serial zero, wanted a positive one");
  return {};
}

struct KeyIds {
  Bytes subject;
  Bytes authority;  // empty: none
};

// All extensions in a fixed order: identifiers and constraints first, the caller's last.
Result<std::vector<Extension>> Extensions(const CertificateSpec& spec, const KeyIds& ids) {
  std::vector<Extension> out;
  const auto add = [&out](std::string_view oid, bool critical, Bytes value) {
    out.push_back({.oid = std::string(oid), .critical = critical, .value = std::move(value)});
  };
  if (spec.authority_key_id && !ids.authority.empty()) {
    add(oid::kAuthorityKeyId, false, WriteAuthorityKeyId(ids.authority));
  }
  if (!spec.crl_distribution_points.empty()) {
    add(oid::kCrlDistributionPoints, false, DistributionPointsValue(spec.crl_distribution_points));
  }
  if (spec.subject_key_id) add(oid::kSubjectKeyId, false, DerOctetString(ids.subject));
  if (spec.key_usage != 0) add(oid::kKeyUsage, true, KeyUsageValue(spec.key_usage));
  if (spec.basic_constraints) {
    add(oid::kBasicConstraints, true, BasicConstraintsValue(*spec.basic_constraints));
  }
  if (!spec.extended_key_usage.empty()) {
    ASSIGN_OR_RETURN(Bytes value, ExtendedKeyUsageValue(spec.extended_key_usage));
    add(oid::kExtendedKeyUsage, false, std::move(value));
  }
  const AltNamesToWrite names{.dns_names = spec.dns_names,
                              .ip_addresses = spec.ip_addresses,
                              .email_addresses = spec.email_addresses,
                              .uris = spec.uris};
  if (!names.empty()) {
    ASSIGN_OR_RETURN(Bytes value, WriteAltNames(names));
    add(oid::kSubjectAltName, spec.subject.empty(), std::move(value));
  }
  out.insert(out.end(), spec.extra_extensions.begin(), spec.extra_extensions.end());
  return out;
}

Result<Bytes> SerialOf(const CertificateSpec& spec) {
  if (!spec.serial.empty()) return DerUnsignedBig(spec.serial);
  Bytes serial(kRandomSerialBytes);
  if (RAND_bytes(serial.data(), static_cast<int>(serial.size())) != 1) {
    return Internal(OpenSslError("serial number"));
  }
  serial[0] |= 1;  // never zero, always whole
  return DerUnsignedBig(serial);
}

struct Signer {
  ByteView name;
  const PrivateKey& key;
  Bytes key_id;
};

// TBSCertificate (RFC 5280 4.1), signed.
Result<Certificate> Build(const CertificateSpec& spec, const PublicKey& subject_key,
                          ByteView subject, const Signer& signer) {
  RETURN_IF_ERROR(CheckSpec(spec));
  KeyIds ids{.subject = {}, .authority = signer.key_id};
  ASSIGN_OR_RETURN(ids.subject, KeyId(subject_key));
  ASSIGN_OR_RETURN(const std::vector<Extension> list, Extensions(spec, ids));
  ASSIGN_OR_RETURN(const Bytes extensions, WriteExtensions(list));
  ASSIGN_OR_RETURN(const Bytes serial, SerialOf(spec));
  ASSIGN_OR_RETURN(const Bytes not_before, WriteTime(spec.not_before));
  ASSIGN_OR_RETURN(const Bytes not_after, WriteTime(spec.not_after));
  const Bytes version = DerElementOf(der::ContextConstructed(0), {DerUnsigned(kVersion3)});
  const Bytes body = DerSequence(
      {version, serial, EncodeSignatureAlgorithm(DefaultScheme(signer.key.type())), signer.name,
       DerSequence({not_before, not_after}), subject, subject_key.SpkiDer(),
       list.empty() ? Bytes() : DerElementOf(der::ContextConstructed(3), {extensions})});
  ASSIGN_OR_RETURN(const Bytes certificate, SignBody(body, signer.key));
  // Reading it back refuses what a caller's extra extensions may have broken.
  return ParseCertificate(certificate, &subject_key);
}

}  // namespace

Result<Certificate> SelfSign(const CertificateSpec& spec, const PrivateKey& key) {
  ASSIGN_OR_RETURN(const Bytes subject, WriteName(spec.subject));
  ASSIGN_OR_RETURN(Bytes key_id, KeyId(key.public_key()));
  if (!spec.subject_key_id) key_id.clear();
  return Build(spec, key.public_key(), subject,
               {.name = subject, .key = key, .key_id = std::move(key_id)});
}

Result<Certificate> SignCertificate(const CertificateSpec& spec, const PublicKey& subject_key,
                                    const Issuer& issuer) {
  ASSIGN_OR_RETURN(const PublicKey issuer_key, issuer.certificate.public_key());
  if (issuer_key != issuer.key.public_key()) {
    return Precondition("the signing key is not the key of the issuer's certificate");
  }
  ASSIGN_OR_RETURN(const Bytes subject, WriteName(spec.subject));
  return Build(spec, subject_key, subject,
               {.name = issuer.certificate.fields().subject.der,
                .key = issuer.key,
                .key_id = issuer.certificate.fields().subject_key_id});
}

}  // namespace strongroom::crypto
