#include "crypto/x509.h"

#include <fmt/format.h>
#include <openssl/x509v3.h>

#include "crypto/oid.h"
#include "crypto/pem.h"
#include "crypto/x509_internal.h"
#include "crypto/x509_parts.h"

namespace strongroom::crypto {
namespace {

// Fills `out` from the extension `oid` when it is there.
template <class T, class Read>
Status ReadOptional(const CertificateFields& fields, std::string_view oid, Read read, T& out) {
  const Extension* extension = FindByOid(fields.extensions, oid);
  if (extension == nullptr) return {};
  ASSIGN_OR_RETURN(out, read(ByteView(extension->value)));
  return {};
}

Status ReadKnownExtensions(CertificateFields& fields) {
  AltNames names;
  RETURN_IF_ERROR(ReadOptional(fields, oid::kSubjectAltName, ReadAltNames, names));
  fields.dns_names = std::move(names.dns_names);
  fields.ip_addresses = std::move(names.ip_addresses);
  RETURN_IF_ERROR(
      ReadOptional(fields, oid::kBasicConstraints, ReadBasicConstraints, fields.basic_constraints));
  RETURN_IF_ERROR(ReadOptional(fields, oid::kKeyUsage, ReadKeyUsage, fields.key_usage));
  RETURN_IF_ERROR(ReadOptional(fields, oid::kExtendedKeyUsage, ReadExtendedKeyUsage,
                               fields.extended_key_usage));
  RETURN_IF_ERROR(ReadOptional(fields, oid::kCrlDistributionPoints, ReadDistributionPoints,
                               fields.crl_distribution_points));
  RETURN_IF_ERROR(
      ReadOptional(fields, oid::kSubjectKeyId, ReadSubjectKeyId, fields.subject_key_id));
  return ReadOptional(fields, oid::kAuthorityKeyId, ReadAuthorityKeyId, fields.authority_key_id);
}

Status CheckSize(ByteView der) {
  if (der.size() <= kMaxCertificateBytes) return {};
  return Malformed(
      fmt::format("certificate of {} bytes, wanted at most {}", der.size(), kMaxCertificateBytes));
}

// 1 when the field is absent, else 2 or 3.
Result<int> ReadVersion(DerReader& body) {
  if (!body.NextIs(der::ContextConstructed(0))) return 1;
  ASSIGN_OR_RETURN(DerReader field, body.Constructed(der::ContextConstructed(0)));
  ASSIGN_OR_RETURN(const std::uint64_t version, field.Unsigned());
  RETURN_IF_ERROR(field.ExpectEnd());
  if (version > 2) return Malformed(fmt::format("version {}, wanted 1 to 3", version));
  return static_cast<int>(version) + 1;
}

// What may stand after the public key: unique identifiers (obsolete) and extensions.
Status ReadTail(DerReader& body, CertificateFields& fields) {
  for (const std::uint8_t unique_id : {der::Context(1), der::Context(2)}) {
    if (body.NextIs(unique_id)) RETURN_IF_ERROR(body.Expect(unique_id));
  }
  if (body.NextIs(der::ContextConstructed(3))) {
    if (fields.version != 3) {
      return Malformed(fmt::format("extensions in version {}, wanted 3", fields.version));
    }
    ASSIGN_OR_RETURN(DerReader wrapper, body.Constructed(der::ContextConstructed(3)));
    ASSIGN_OR_RETURN(fields.extensions, ReadExtensions(wrapper));
    RETURN_IF_ERROR(wrapper.ExpectEnd());
  }
  return body.ExpectEnd();
}

// TBSCertificate (RFC 5280 4.1). Gives the SubjectPublicKeyInfo beside the fields.
Result<ByteView> ReadBody(const SignedBody& parts, CertificateFields& fields) {
  DerReader outer(parts.body, "certificate");
  ASSIGN_OR_RETURN(DerReader body, outer.Sequence());
  ASSIGN_OR_RETURN(fields.version, ReadVersion(body));
  ASSIGN_OR_RETURN(fields.serial_hex, ReadSerial(body));
  ASSIGN_OR_RETURN(const DerElement algorithm, body.Next());
  if (!Equal(algorithm.whole, parts.algorithm)) {
    return Malformed("signature algorithm inside and outside of the signed body differ");
  }
  ASSIGN_OR_RETURN(fields.issuer, ReadName(body));
  ASSIGN_OR_RETURN(DerReader validity, body.Sequence());
  ASSIGN_OR_RETURN(fields.not_before, ReadTime(validity));
  ASSIGN_OR_RETURN(fields.not_after, ReadTime(validity));
  RETURN_IF_ERROR(validity.ExpectEnd());
  ASSIGN_OR_RETURN(fields.subject, ReadName(body));
  ASSIGN_OR_RETURN(const DerElement spki, body.Next());
  if (spki.tag != der::kSequence) return Malformed("public key that is no SEQUENCE");
  RETURN_IF_ERROR(ReadTail(body, fields));
  RETURN_IF_ERROR(ReadKnownExtensions(fields));
  return spki.whole;
}

}  // namespace

Result<Certificate> ParseCertificate(ByteView der, const PublicKey* known) {
  RETURN_IF_ERROR(CheckSize(der));
  const auto impl = std::make_shared<Certificate::Impl>();
  impl->der = ToBytes(der);
  ASSIGN_OR_RETURN(impl->parts, ParseSigned(impl->der, "certificate"));
  ASSIGN_OR_RETURN(const ByteView spki, In("certificate", ReadBody(impl->parts, impl->fields)));
  if (known != nullptr && Equal(spki, known->SpkiDer())) {
    impl->public_key = *known;
  } else {
    impl->public_key = In("certificate", PublicKey::FromSpkiDer(spki));
  }
  impl->fingerprint = Sha256(der);
  return Certificate(impl);
}

Result<Certificate> Certificate::FromDer(ByteView der) { return ParseCertificate(der, nullptr); }

Result<Certificate> Certificate::FromPem(std::string_view text) {
  ASSIGN_OR_RETURN(const Bytes der, DecodeOnePem(text, kCertificateLabel));
  return FromDer(der);
}

Result<std::vector<Certificate>> Certificate::ChainFromPem(std::string_view text,
                                                           std::size_t max_count) {
  ASSIGN_OR_RETURN(const std::vector<PemBlock> blocks, DecodePem(text, max_count));
  std::vector<Certificate> chain;
  for (const PemBlock& block : blocks) {
    if (block.label != kCertificateLabel) {
      return Malformed(fmt::format("PEM block of {}, wanted {}", block.label, kCertificateLabel));
    }
    ASSIGN_OR_RETURN(Certificate certificate, FromDer(block.content));
    chain.push_back(std::move(certificate));
  }
  return chain;
}

ByteView Certificate::der() const { return impl_->der; }
std::string Certificate::Pem() const { return EncodePem(kCertificateLabel, impl_->der); }
const CertificateFields& Certificate::fields() const { return impl_->fields; }
const Sha256Digest& Certificate::Fingerprint() const { return impl_->fingerprint; }
Result<PublicKey> Certificate::public_key() const { return impl_->public_key; }

const Extension* Certificate::FindExtension(std::string_view oid) const {
  return FindByOid(impl_->fields.extensions, oid);
}

Status Certificate::VerifySignature(const PublicKey& key) const {
  return In(impl_->fields.subject.rfc2253, VerifySigned(impl_->parts, key));
}

Result<std::vector<Extension>> PeekExtensions(ByteView der) {
  RETURN_IF_ERROR(CheckSize(der));
  ASSIGN_OR_RETURN(const SignedBody parts, ParseSigned(der, "certificate"));
  DerReader outer(parts.body, "certificate");
  ASSIGN_OR_RETURN(DerReader body, outer.Sequence());
  CertificateFields fields;
  ASSIGN_OR_RETURN(fields.version, ReadVersion(body));
  constexpr int kPassedOver = 6;  // serial, algorithm, issuer, validity, subject, key
  for (int i = 0; i < kPassedOver; ++i) RETURN_IF_ERROR(body.Next());
  RETURN_IF_ERROR(In("certificate", ReadTail(body, fields)));
  return std::move(fields.extensions);
}

std::string ChainToPem(const std::vector<Certificate>& chain) {
  std::string out;
  for (const Certificate& certificate : chain) out += certificate.Pem();
  return out;
}

X509* Native(const Certificate& certificate) {
  const Certificate::Impl& impl = certificate.impl();
  std::call_once(impl.native_once, [&impl] {
    const std::uint8_t* at = impl.der.data();
    impl.native.reset(d2i_X509(nullptr, &at, static_cast<long>(impl.der.size())));
    // Fills OpenSSL's cache of extensions before threads share the object.
    if (impl.native) X509_check_purpose(impl.native.get(), -1, 0);
    ClearOpenSslErrors();
  });
  return impl.native.get();
}

Result<Certificate> CertificateFromNative(const X509* certificate) {
  std::uint8_t* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  if (size <= 0) return Internal(OpenSslError("certificate"));
  const Bytes bytes = ToBytes(ByteView(der, static_cast<std::size_t>(size)));
  OPENSSL_free(der);
  return Certificate::FromDer(bytes);
}

}  // namespace strongroom::crypto
