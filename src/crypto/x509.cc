#include "crypto/x509.h"

#include <fmt/format.h>

#include "crypto/der.h"
#include "crypto/oid.h"
#include "crypto/pem.h"
#include "crypto/x509_internal.h"

namespace strongroom::crypto {
namespace {

constexpr std::string_view kLabel = "CERTIFICATE";

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

Result<CertificateFields> ReadFields(const X509* native) {
  CertificateFields fields;
  ASSIGN_OR_RETURN(fields.subject, ReadName(X509_get_subject_name(native)));
  ASSIGN_OR_RETURN(fields.issuer, ReadName(X509_get_issuer_name(native)));
  ASSIGN_OR_RETURN(fields.serial_hex, ReadSerial(X509_get0_serialNumber(native)));
  ASSIGN_OR_RETURN(fields.not_before, ReadTime(X509_get0_notBefore(native)));
  ASSIGN_OR_RETURN(fields.not_after, ReadTime(X509_get0_notAfter(native)));
  ASSIGN_OR_RETURN(fields.extensions, ReadExtensions(X509_get0_extensions(native)));
  RETURN_IF_ERROR(ReadKnownExtensions(fields));
  return fields;
}

// One element and nothing after it: OpenSSL would stop where the element ends, and accept
// indefinite lengths.
Status CheckOuter(ByteView der) {
  if (der.size() > kMaxCertificateBytes) {
    return Malformed(fmt::format("certificate of {} bytes, wanted at most {}", der.size(),
                                 kMaxCertificateBytes));
  }
  DerReader outer(der, "certificate");
  RETURN_IF_ERROR(outer.Sequence());
  return outer.ExpectEnd();
}

}  // namespace

Result<Certificate> Certificate::FromDer(ByteView der) {
  RETURN_IF_ERROR(CheckOuter(der));
  Impl impl{.der = ToBytes(der), .native = nullptr, .fields = {}, .fingerprint = Sha256(der)};
  const std::uint8_t* at = impl.der.data();
  impl.native.reset(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (!impl.native || at != impl.der.data() + der.size()) {
    return Malformed(OpenSslError("certificate"));
  }
  // Fills OpenSSL's cache of extensions now, before threads share the object. What it dislikes is
  // remembered inside and refused by VerifyChain.
  X509_check_purpose(impl.native.get(), -1, 0);
  ClearOpenSslErrors();
  ASSIGN_OR_RETURN(impl.fields, In("certificate", ReadFields(impl.native.get())));
  return Certificate(std::make_shared<const Impl>(std::move(impl)));
}

Result<Certificate> Certificate::FromPem(std::string_view text) {
  ASSIGN_OR_RETURN(const Bytes der, DecodeOnePem(text, kLabel));
  return FromDer(der);
}

Result<std::vector<Certificate>> Certificate::ChainFromPem(std::string_view text,
                                                           std::size_t max_count) {
  ASSIGN_OR_RETURN(const std::vector<PemBlock> blocks, DecodePem(text, max_count));
  std::vector<Certificate> chain;
  for (const PemBlock& block : blocks) {
    if (block.label != kLabel) {
      return Malformed(fmt::format("PEM block of {}, wanted {}", block.label, kLabel));
    }
    ASSIGN_OR_RETURN(Certificate certificate, FromDer(block.content));
    chain.push_back(std::move(certificate));
  }
  return chain;
}

ByteView Certificate::der() const { return impl_->der; }
std::string Certificate::Pem() const { return EncodePem(kLabel, impl_->der); }
const CertificateFields& Certificate::fields() const { return impl_->fields; }
const Sha256Digest& Certificate::Fingerprint() const { return impl_->fingerprint; }

Result<PublicKey> Certificate::public_key() const {
  std::uint8_t* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(impl_->native.get()), &der);
  if (size <= 0) return Malformed(OpenSslError("public key of a certificate"));
  const Bytes spki = ToBytes(ByteView(der, static_cast<std::size_t>(size)));
  OPENSSL_free(der);
  return In("certificate", PublicKey::FromSpkiDer(spki));
}

const Extension* Certificate::FindExtension(std::string_view oid) const {
  return FindByOid(impl_->fields.extensions, oid);
}

Status Certificate::VerifySignature(const PublicKey& key) const {
  if (X509_verify(impl_->native.get(), Native(key)) == 1) return {};
  ClearOpenSslErrors();
  return Untrusted(fmt::format("certificate of {} is not signed by the given key",
                               impl_->fields.subject.rfc2253));
}

std::string ChainToPem(const std::vector<Certificate>& chain) {
  std::string out;
  for (const Certificate& certificate : chain) out += certificate.Pem();
  return out;
}

X509* Native(const Certificate& certificate) { return certificate.impl().native.get(); }

Result<Certificate> CertificateFromNative(const X509* certificate) {
  std::uint8_t* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  if (size <= 0) return Internal(OpenSslError("certificate"));
  const Bytes bytes = ToBytes(ByteView(der, static_cast<std::size_t>(size)));
  OPENSSL_free(der);
  return Certificate::FromDer(bytes);
}

}  // namespace strongroom::crypto
