#include "crypto/csr.h"

#include <fmt/format.h>

#include "crypto/oid.h"
#include "crypto/pem.h"
#include "crypto/signature_algorithm.h"
#include "crypto/x509_parts.h"

namespace strongroom::crypto {
namespace {

constexpr std::string_view kLabel = "CERTIFICATE REQUEST";
constexpr std::string_view kExtensionRequest = "1.2.840.113549.1.9.14";  // RFC 2985 5.4.2
constexpr std::uint8_t kAttributes = der::ContextConstructed(0);

// Attributes (RFC 2986 4.1); others than the extension request are passed over.
Result<std::vector<Extension>> ReadAttributes(DerReader attributes) {
  std::vector<Extension> extensions;
  bool seen = false;
  while (!attributes.empty()) {
    ASSIGN_OR_RETURN(DerReader attribute, attributes.Sequence());
    ASSIGN_OR_RETURN(const std::string oid, attribute.Oid());
    ASSIGN_OR_RETURN(DerReader values, attribute.Constructed(der::kSet));
    RETURN_IF_ERROR(attribute.ExpectEnd());
    if (oid != kExtensionRequest) continue;
    if (std::exchange(seen, true)) return Malformed("two extension requests, wanted one");
    ASSIGN_OR_RETURN(extensions, ReadExtensions(values));
    RETURN_IF_ERROR(values.ExpectEnd());
  }
  return extensions;
}

Result<Bytes> WriteAttributes(const RequestSpec& spec) {
  std::vector<Extension> extensions = spec.extra_extensions;
  const std::vector<std::string> none;
  const AltNamesToWrite names{.dns_names = spec.dns_names,
                              .ip_addresses = spec.ip_addresses,
                              .email_addresses = none,
                              .uris = none};
  if (!names.empty()) {
    ASSIGN_OR_RETURN(Bytes value, WriteAltNames(names));
    extensions.push_back(
        {.oid = std::string(oid::kSubjectAltName), .critical = false, .value = std::move(value)});
  }
  if (extensions.empty()) return DerElementOf(kAttributes, {});
  ASSIGN_OR_RETURN(const Bytes list, WriteExtensions(extensions));
  return DerElementOf(kAttributes,
                      {DerSequence({DerOid(kExtensionRequest), DerElementOf(der::kSet, {list})})});
}

}  // namespace

Result<CertificateRequest> CertificateRequest::FromDer(ByteView der) {
  if (der.size() > kMaxCertificateBytes) {
    return Malformed(fmt::format("certificate request of {} bytes, wanted at most {}", der.size(),
                                 kMaxCertificateBytes));
  }
  ASSIGN_OR_RETURN(const SignedBody parts, ParseSigned(der, "certificate request"));
  DerReader outer(parts.body, "certificate request");
  ASSIGN_OR_RETURN(DerReader body, outer.Sequence());
  ASSIGN_OR_RETURN(const std::uint64_t version, body.Unsigned());
  if (version != 0) return Malformed(fmt::format("request version {}, wanted 0", version));
  ASSIGN_OR_RETURN(Name subject, ReadName(body));
  ASSIGN_OR_RETURN(const DerElement spki, body.Next());
  ASSIGN_OR_RETURN(PublicKey key, PublicKey::FromSpkiDer(spki.whole));
  ASSIGN_OR_RETURN(const DerReader attributes, body.Constructed(kAttributes));
  RETURN_IF_ERROR(body.ExpectEnd());

  CertificateRequest request(std::move(key));
  RETURN_IF_ERROR(In("certificate request", VerifySigned(parts, request.public_key_)));
  request.der_ = ToBytes(der);
  request.subject_ = std::move(subject);
  ASSIGN_OR_RETURN(request.extensions_, ReadAttributes(attributes));
  if (const Extension* names = request.FindExtension(oid::kSubjectAltName)) {
    ASSIGN_OR_RETURN(AltNames read, ReadAltNames(names->value));
    request.dns_names_ = std::move(read.dns_names);
    request.ip_addresses_ = std::move(read.ip_addresses);
  }
  return request;
}

Result<CertificateRequest> CertificateRequest::FromPem(std::string_view text) {
  ASSIGN_OR_RETURN(const Bytes der, DecodeOnePem(text, kLabel));
  return FromDer(der);
}

Result<CertificateRequest> CertificateRequest::Make(const RequestSpec& spec,
                                                    const PrivateKey& key) {
  ASSIGN_OR_RETURN(const Bytes subject, WriteName(spec.subject));
  ASSIGN_OR_RETURN(const Bytes attributes, WriteAttributes(spec));
  const Bytes body = DerSequence({DerUnsigned(0), subject, key.public_key().SpkiDer(), attributes});
  ASSIGN_OR_RETURN(const Bytes der, SignBody(body, key));
  return FromDer(der);
}

std::string CertificateRequest::Pem() const { return EncodePem(kLabel, der_); }

const Extension* CertificateRequest::FindExtension(std::string_view oid) const {
  return FindByOid(extensions_, oid);
}

}  // namespace strongroom::crypto
