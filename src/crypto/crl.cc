#include "crypto/crl.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/encoding.h"
#include "crypto/der.h"
#include "crypto/oid.h"
#include "crypto/pem.h"
#include "crypto/x509_internal.h"

namespace strongroom::crypto {
namespace {

constexpr std::string_view kLabel = "X509 CRL";
constexpr long kVersion2 = 1;

Result<std::vector<RevokedSerial>> ReadRevoked(X509_CRL* crl) {
  std::vector<RevokedSerial> out;
  STACK_OF(X509_REVOKED)* entries = X509_CRL_get_REVOKED(crl);
  for (int i = 0; i < sk_X509_REVOKED_num(entries); ++i) {
    const X509_REVOKED* entry = sk_X509_REVOKED_value(entries, i);
    RevokedSerial revoked;
    ASSIGN_OR_RETURN(revoked.serial_hex, ReadSerial(X509_REVOKED_get0_serialNumber(entry)));
    ASSIGN_OR_RETURN(revoked.revoked_at, ReadTime(X509_REVOKED_get0_revocationDate(entry)));
    out.push_back(std::move(revoked));
  }
  return out;
}

Result<std::string> ReadCrlNumber(ByteView value) {
  DerReader outer(value, "CRL number");
  ASSIGN_OR_RETURN(const ByteView number, outer.Integer());
  RETURN_IF_ERROR(outer.ExpectEnd());
  if (number[0] >= 0x80) return Malformed("negative CRL number");
  return HexEncode(number);
}

Result<CrlFields> ReadFields(X509_CRL* crl) {
  CrlFields fields;
  ASSIGN_OR_RETURN(fields.issuer, ReadName(X509_CRL_get_issuer(crl)));
  ASSIGN_OR_RETURN(fields.this_update, ReadTime(X509_CRL_get0_lastUpdate(crl)));
  if (const ASN1_TIME* next = X509_CRL_get0_nextUpdate(crl)) {
    ASSIGN_OR_RETURN(fields.next_update, ReadTime(next));
  }
  ASSIGN_OR_RETURN(fields.revoked, ReadRevoked(crl));
  ASSIGN_OR_RETURN(fields.extensions, ReadExtensions(X509_CRL_get0_extensions(crl)));
  if (const Extension* number = FindByOid(fields.extensions, oid::kCrlNumber)) {
    ASSIGN_OR_RETURN(fields.crl_number_hex, ReadCrlNumber(number->value));
  }
  if (const Extension* key_id = FindByOid(fields.extensions, oid::kAuthorityKeyId)) {
    ASSIGN_OR_RETURN(fields.authority_key_id, ReadAuthorityKeyId(key_id->value));
  }
  return fields;
}

Status CheckOuter(ByteView der) {
  if (der.size() > kMaxCrlBytes) {
    return Exhausted(fmt::format("CRL of {} bytes, wanted at most {}", der.size(), kMaxCrlBytes));
  }
  DerReader outer(der, "CRL");
  RETURN_IF_ERROR(outer.Sequence());
  return outer.ExpectEnd();
}

Status AddRevoked(X509_CRL* crl, const RevokedSerial& revoked) {
  ASSIGN_OR_RETURN(const Bytes serial, HexDecode(revoked.serial_hex));
  ASSIGN_OR_RETURN(const Asn1TimePtr time, MakeTime(revoked.revoked_at));
  const OpenSslPtr<BIGNUM, BN_free> number(
      BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr));
  const Asn1IntegerPtr value(number ? BN_to_ASN1_INTEGER(number.get(), nullptr) : nullptr);
  OpenSslPtr<X509_REVOKED, X509_REVOKED_free> entry(X509_REVOKED_new());
  if (!value || !entry || X509_REVOKED_set_serialNumber(entry.get(), value.get()) != 1 ||
      X509_REVOKED_set_revocationDate(entry.get(), time.get()) != 1 ||
      X509_CRL_add0_revoked(crl, entry.get()) != 1) {
    return Internal(OpenSslError("CRL entry"));
  }
  (void)entry.release();  // the list owns it now
  return {};
}

Status AddExtensions(X509_CRL* crl, const CrlSpec& spec, const Bytes& issuer_key_id) {
  std::vector<Extension> extensions = {
      {.oid = std::string(oid::kCrlNumber), .critical = false, .value = DerUnsigned(spec.number)}};
  if (!issuer_key_id.empty()) {
    extensions.push_back({.oid = std::string(oid::kAuthorityKeyId),
                          .critical = false,
                          .value = AuthorityKeyIdValue(issuer_key_id)});
  }
  for (const Extension& extension : extensions) {
    ASSIGN_OR_RETURN(const X509ExtensionPtr native, MakeExtension(extension));
    if (X509_CRL_add_ext(crl, native.get(), -1) != 1) return Internal(OpenSslError("CRL"));
  }
  return {};
}

Result<Bytes> Encode(X509_CRL* crl) {
  std::uint8_t* der = nullptr;
  const int size = i2d_X509_CRL(crl, &der);
  if (size <= 0) return Internal(OpenSslError("CRL"));
  Bytes out = ToBytes(ByteView(der, static_cast<std::size_t>(size)));
  OPENSSL_free(der);
  return out;
}

}  // namespace

Result<Crl> Crl::FromDer(ByteView der) {
  RETURN_IF_ERROR(CheckOuter(der));
  Impl impl{.der = ToBytes(der), .native = nullptr, .fields = {}};
  const std::uint8_t* at = impl.der.data();
  impl.native.reset(d2i_X509_CRL(nullptr, &at, static_cast<long>(der.size())));
  if (!impl.native || at != impl.der.data() + der.size()) return Malformed(OpenSslError("CRL"));
  ASSIGN_OR_RETURN(impl.fields, In("CRL", ReadFields(impl.native.get())));
  return Crl(std::make_shared<const Impl>(std::move(impl)));
}

Result<Crl> Crl::FromPem(std::string_view text) {
  if (text.size() > 2 * kMaxCrlBytes) return Exhausted("CRL text of more than 2 MiB");
  ASSIGN_OR_RETURN(const Bytes der, DecodeOnePem(text, kLabel));
  return FromDer(der);
}

Result<Crl> Crl::FromAny(ByteView bytes) {
  const std::string_view text = AsText(bytes);
  if (text.starts_with("-----")) return FromPem(text);
  // Hex of DER begins with "30"; DER itself with the byte 0x30, which is the character '0'.
  const bool hex = text.size() >= 2 && text[0] == '3' && text[1] == '0';
  if (!hex) return FromDer(bytes);
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
  if (X509_CRL_verify(impl_->native.get(), Native(key)) == 1) return {};
  ClearOpenSslErrors();
  return Untrusted(
      fmt::format("CRL of {} is not signed by the given key", impl_->fields.issuer.rfc2253));
}

Result<Crl> SignCrl(const CrlSpec& spec, const Issuer& issuer) {
  ASSIGN_OR_RETURN(const PublicKey issuer_key, issuer.certificate.public_key());
  if (issuer_key != issuer.key.public_key()) {
    return Precondition("the signing key is not the key of the issuer's certificate");
  }
  ASSIGN_OR_RETURN(const Asn1TimePtr this_update, MakeTime(spec.this_update));
  ASSIGN_OR_RETURN(const Asn1TimePtr next_update, MakeTime(spec.next_update));
  const X509CrlPtr crl(X509_CRL_new());
  if (!crl || X509_CRL_set_version(crl.get(), kVersion2) != 1 ||
      X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(Native(issuer.certificate))) != 1 ||
      X509_CRL_set1_lastUpdate(crl.get(), this_update.get()) != 1 ||
      X509_CRL_set1_nextUpdate(crl.get(), next_update.get()) != 1) {
    return Internal(OpenSslError("CRL"));
  }
  for (const RevokedSerial& revoked : spec.revoked) RETURN_IF_ERROR(AddRevoked(crl.get(), revoked));
  RETURN_IF_ERROR(AddExtensions(crl.get(), spec, issuer.certificate.fields().subject_key_id));
  X509_CRL_sort(crl.get());
  if (X509_CRL_sign(crl.get(), Native(issuer.key), SigningDigest(issuer.key.type())) <= 0) {
    return Internal(OpenSslError("CRL signature"));
  }
  ASSIGN_OR_RETURN(const Bytes der, Encode(crl.get()));
  return Crl::FromDer(der);
}

X509_CRL* Native(const Crl& crl) { return crl.impl().native.get(); }

}  // namespace strongroom::crypto
