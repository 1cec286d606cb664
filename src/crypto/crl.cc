#include "crypto/crl.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/encoding.h"
#include "crypto/oid.h"
#include "crypto/pem.h"
#include "crypto/x509_internal.h"
#include "crypto/x509_parts.h"

namespace strongroom::crypto {
namespace {

constexpr std::string_view kLabel = "X509 CRL";
constexpr std::uint64_t kVersion2 = 1;
constexpr std::uint8_t kUtcTime = 0x17;
constexpr std::uint8_t kGeneralizedTime = 0x18;

Result<std::string> ReadCrlNumber(ByteView value) {
  DerReader outer(value, "CRL number");
  ASSIGN_OR_RETURN(std::string number, ReadSerial(outer));
  RETURN_IF_ERROR(outer.ExpectEnd());
  if (number.starts_with('-')) return Malformed("negative CRL number");
  return number;
}

Result<RevokedSerial> ReadEntry(DerReader entry) {
  RevokedSerial revoked;
  ASSIGN_OR_RETURN(revoked.serial_hex, ReadSerial(entry));
  ASSIGN_OR_RETURN(revoked.revoked_at, ReadTime(entry));
  if (!entry.empty()) {
    ASSIGN_OR_RETURN(const std::vector<Extension> extensions, ReadExtensions(entry));
    revoked.critical_extension = std::ranges::any_of(extensions, &Extension::critical);
  }
  RETURN_IF_ERROR(entry.ExpectEnd());
  return revoked;
}

bool NextIsTime(const DerReader& reader) {
  return reader.NextIs(kUtcTime) || reader.NextIs(kGeneralizedTime);
}

Status ReadExtensionFields(CrlFields& fields) {
  if (const Extension* number = FindByOid(fields.extensions, oid::kCrlNumber)) {
    ASSIGN_OR_RETURN(fields.crl_number_hex, ReadCrlNumber(number->value));
  }
  if (const Extension* key_id = FindByOid(fields.extensions, oid::kAuthorityKeyId)) {
    ASSIGN_OR_RETURN(fields.authority_key_id, ReadAuthorityKeyId(key_id->value));
  }
  return {};
}

// TBSCertList (RFC 5280 5.1).
Status ReadBody(const SignedBody& parts, CrlFields& fields) {
  DerReader outer(parts.body, "CRL");
  ASSIGN_OR_RETURN(DerReader body, outer.Sequence());
  if (body.NextIs(der::kInteger)) {
    ASSIGN_OR_RETURN(const std::uint64_t version, body.Unsigned());
    if (version != kVersion2) return Malformed(fmt::format("CRL version {}", version));
  }
  ASSIGN_OR_RETURN(const DerElement algorithm, body.Next());
  if (!Equal(algorithm.whole, parts.algorithm)) {
    return Malformed("signature algorithm inside and outside of the signed body differ");
  }
  ASSIGN_OR_RETURN(fields.issuer, ReadName(body));
  ASSIGN_OR_RETURN(fields.this_update, ReadTime(body));
  if (NextIsTime(body)) {
    ASSIGN_OR_RETURN(fields.next_update, ReadTime(body));
  }
  if (body.NextIs(der::kSequence)) {
    ASSIGN_OR_RETURN(DerReader entries, body.Sequence());
    while (!entries.empty()) {
      ASSIGN_OR_RETURN(const DerReader entry, entries.Sequence());
      ASSIGN_OR_RETURN(RevokedSerial revoked, ReadEntry(entry));
      fields.revoked.push_back(std::move(revoked));
    }
  }
  if (body.NextIs(der::ContextConstructed(0))) {
    ASSIGN_OR_RETURN(DerReader wrapper, body.Constructed(der::ContextConstructed(0)));
    ASSIGN_OR_RETURN(fields.extensions, ReadExtensions(wrapper));
    RETURN_IF_ERROR(wrapper.ExpectEnd());
  }
  RETURN_IF_ERROR(body.ExpectEnd());
  return ReadExtensionFields(fields);
}

Result<Bytes> WriteEntries(const std::vector<RevokedSerial>& revoked) {
  std::vector<Bytes> entries;
  for (const RevokedSerial& entry : revoked) {
    ASSIGN_OR_RETURN(const Bytes serial, HexDecode(entry.serial_hex));
    ASSIGN_OR_RETURN(const Bytes time, WriteTime(entry.revoked_at));
    entries.push_back(DerSequence({DerUnsignedBig(serial), time}));
  }
  // The list is absent, not empty, when nothing is revoked (RFC 5280 5.1.2.6).
  return entries.empty() ? Bytes() : DerSequence(entries);
}

Result<Bytes> WriteListExtensions(const CrlSpec& spec, const Bytes& issuer_key_id) {
  std::vector<Extension> extensions;
  if (!issuer_key_id.empty()) {
    extensions.push_back({.oid = std::string(oid::kAuthorityKeyId),
                          .critical = false,
                          .value = WriteAuthorityKeyId(issuer_key_id)});
  }
  extensions.push_back(
      {.oid = std::string(oid::kCrlNumber), .critical = false, .value = DerUnsigned(spec.number)});
  ASSIGN_OR_RETURN(const Bytes list, WriteExtensions(extensions));
  return DerElementOf(der::ContextConstructed(0), {list});
}

}  // namespace

Result<Crl> Crl::FromDer(ByteView der) {
  if (der.size() > kMaxCrlBytes) {
    return Exhausted(fmt::format("CRL of {} bytes, wanted at most {}", der.size(), kMaxCrlBytes));
  }
  const auto impl = std::make_shared<Impl>();
  impl->der = ToBytes(der);
  ASSIGN_OR_RETURN(impl->parts, ParseSigned(impl->der, "CRL"));
  RETURN_IF_ERROR(In("CRL", ReadBody(impl->parts, impl->fields)));
  return Crl(impl);
}

Result<Crl> Crl::FromPem(std::string_view text) {
  if (text.size() > 2 * kMaxCrlBytes) return Exhausted("CRL text of more than 2 MiB");
  ASSIGN_OR_RETURN(const Bytes der, DecodeOnePem(text, kLabel));
  return FromDer(der);
}

Result<Crl> Crl::FromAny(ByteView bytes) {
  const std::string_view text = AsText(bytes);
  if (text.starts_with("-----")) return FromPem(text);
  // Hex of DER begins with the characters "30", DER itself with the byte 0x30, which is the
  // character '0'.
  if (!text.starts_with("30")) return FromDer(bytes);
  if (text.size() > 2 * kMaxCrlBytes) return Exhausted("CRL text of more than 2 MiB");
  ASSIGN_OR_RETURN(const Bytes der, HexDecode(text));
  return FromDer(der);
}

ByteView Crl::der() const { return impl_->der; }
std::string Crl::Pem() const { return EncodePem(kLabel, impl_->der); }
const CrlFields& Crl::fields() const { return impl_->fields; }

const RevokedSerial* Crl::Find(std::string_view serial_hex) const {
  const auto& revoked = impl_->fields.revoked;
  const auto found = std::ranges::find(revoked, serial_hex, &RevokedSerial::serial_hex);
  return found == revoked.end() ? nullptr : &*found;
}

Status Crl::VerifySignature(const PublicKey& key) const {
  return In("CRL of " + impl_->fields.issuer.rfc2253, VerifySigned(impl_->parts, key));
}

Result<Crl> SignCrl(const CrlSpec& spec, const Issuer& issuer) {
  ASSIGN_OR_RETURN(const PublicKey issuer_key, issuer.certificate.public_key());
  if (issuer_key != issuer.key.public_key()) {
    return Precondition("the signing key is not the key of the issuer's certificate");
  }
  const CertificateFields& fields = issuer.certificate.fields();
  ASSIGN_OR_RETURN(const Bytes this_update, WriteTime(spec.this_update));
  ASSIGN_OR_RETURN(const Bytes next_update, WriteTime(spec.next_update));
  ASSIGN_OR_RETURN(const Bytes entries, WriteEntries(spec.revoked));
  ASSIGN_OR_RETURN(const Bytes extensions, WriteListExtensions(spec, fields.subject_key_id));
  const Bytes body = DerSequence(
      {DerUnsigned(kVersion2), EncodeSignatureAlgorithm(DefaultScheme(issuer.key.type())),
       fields.subject.der, this_update, next_update, entries, extensions});
  ASSIGN_OR_RETURN(const Bytes der, SignBody(body, issuer.key));
  return Crl::FromDer(der);
}

}  // namespace strongroom::crypto
