#include "crypto/cert_builder.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>
#include <openssl/rand.h>

#include "crypto/der.h"
#include "crypto/oid.h"
#include "crypto/spki.h"
#include "crypto/x509_internal.h"

namespace strongroom::crypto {
namespace {

constexpr std::size_t kRandomSerialBytes = 16;
constexpr std::size_t kMaxSerialBytes = 20;
constexpr std::size_t kKeyIdBytes = 20;
constexpr long kVersion3 = 2;

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
    if ((usage >> bit & 1U) != 0) first = static_cast<std::uint8_t>(first | (0x80U >> bit));
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
    add(oid::kAuthorityKeyId, false, AuthorityKeyIdValue(ids.authority));
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
    ASSIGN_OR_RETURN(Bytes value, AltNamesValue(names));
    add(oid::kSubjectAltName, spec.subject.empty(), std::move(value));
  }
  out.insert(out.end(), spec.extra_extensions.begin(), spec.extra_extensions.end());
  return out;
}

Status SetSerial(X509* certificate, const CertificateSpec& spec) {
  Bytes serial = spec.serial;
  if (serial.empty()) {
    serial.resize(kRandomSerialBytes);
    if (RAND_bytes(serial.data(), static_cast<int>(serial.size())) != 1) {
      return Internal(OpenSslError("serial number"));
    }
    serial[0] |= 1;  // never zero, always whole
  }
  const OpenSslPtr<BIGNUM, BN_free> number(
      BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr));
  const Asn1IntegerPtr value(number ? BN_to_ASN1_INTEGER(number.get(), nullptr) : nullptr);
  if (!value || X509_set_serialNumber(certificate, value.get()) != 1) {
    return Internal(OpenSslError("serial number"));
  }
  return {};
}

Status SetValidity(X509* certificate, const CertificateSpec& spec) {
  ASSIGN_OR_RETURN(const Asn1TimePtr not_before, MakeTime(spec.not_before));
  ASSIGN_OR_RETURN(const Asn1TimePtr not_after, MakeTime(spec.not_after));
  if (X509_set1_notBefore(certificate, not_before.get()) != 1 ||
      X509_set1_notAfter(certificate, not_after.get()) != 1) {
    return Internal(OpenSslError("validity"));
  }
  return {};
}

Status AddExtensions(X509* certificate, const std::vector<Extension>& extensions) {
  for (const Extension& extension : extensions) {
    ASSIGN_OR_RETURN(const X509ExtensionPtr native, MakeExtension(extension));
    if (X509_add_ext(certificate, native.get(), -1) != 1) {
      return Internal(OpenSslError("extension"));
    }
  }
  return {};
}

struct Signer {
  const X509_NAME* name;
  const PrivateKey& key;
  Bytes key_id;
};

Result<Certificate> Build(const CertificateSpec& spec, const PublicKey& subject_key,
                          const X509_NAME* subject, const Signer& signer) {
  RETURN_IF_ERROR(CheckSpec(spec));
  KeyIds ids;
  ASSIGN_OR_RETURN(ids.subject, KeyId(subject_key));
  ids.authority = signer.key_id;
  ASSIGN_OR_RETURN(const std::vector<Extension> extensions, Extensions(spec, ids));

  const X509Ptr certificate(X509_new());
  if (!certificate || X509_set_version(certificate.get(), kVersion3) != 1 ||
      X509_set_subject_name(certificate.get(), subject) != 1 ||
      X509_set_issuer_name(certificate.get(), signer.name) != 1 ||
      X509_set_pubkey(certificate.get(), Native(subject_key)) != 1) {
    return Internal(OpenSslError("certificate"));
  }
  RETURN_IF_ERROR(SetSerial(certificate.get(), spec));
  RETURN_IF_ERROR(SetValidity(certificate.get(), spec));
  RETURN_IF_ERROR(AddExtensions(certificate.get(), extensions));
  if (X509_sign(certificate.get(), Native(signer.key), SigningDigest(signer.key.type())) <= 0) {
    return Internal(OpenSslError("certificate signature"));
  }
  // Reading it back refuses what a caller's extra extensions may have broken.
  return CertificateFromNative(certificate.get());
}

}  // namespace

Result<Certificate> SelfSign(const CertificateSpec& spec, const PrivateKey& key) {
  ASSIGN_OR_RETURN(const X509NamePtr subject, MakeName(spec.subject));
  ASSIGN_OR_RETURN(Bytes key_id, KeyId(key.public_key()));
  if (!spec.subject_key_id) key_id.clear();
  return Build(spec, key.public_key(), subject.get(),
               {.name = subject.get(), .key = key, .key_id = std::move(key_id)});
}

Result<Certificate> SignCertificate(const CertificateSpec& spec, const PublicKey& subject_key,
                                    const Issuer& issuer) {
  ASSIGN_OR_RETURN(const PublicKey issuer_key, issuer.certificate.public_key());
  if (issuer_key != issuer.key.public_key()) {
    return Precondition("the signing key is not the key of the issuer's certificate");
  }
  ASSIGN_OR_RETURN(const X509NamePtr subject, MakeName(spec.subject));
  return Build(spec, subject_key, subject.get(),
               {.name = X509_get_subject_name(Native(issuer.certificate)),
                .key = issuer.key,
                .key_id = issuer.certificate.fields().subject_key_id});
}

}  // namespace strongroom::crypto
