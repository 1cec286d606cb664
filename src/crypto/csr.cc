#include "crypto/csr.h"

#include <fmt/format.h>

#include "crypto/der.h"
#include "crypto/oid.h"
#include "crypto/pem.h"
#include "crypto/x509_internal.h"

namespace strongroom::crypto {
namespace {

constexpr std::string_view kLabel = "CERTIFICATE REQUEST";

using X509ReqPtr = OpenSslPtr<X509_REQ, X509_REQ_free>;

void FreeExtensions(STACK_OF(X509_EXTENSION) * extensions) {
  sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
}
using ExtensionsPtr = OpenSslPtr<STACK_OF(X509_EXTENSION), FreeExtensions>;

Result<X509ReqPtr> ParseExactly(ByteView der) {
  if (der.size() > kMaxCertificateBytes) {
    return Malformed(fmt::format("certificate request of {} bytes, wanted at most {}", der.size(),
                                 kMaxCertificateBytes));
  }
  DerReader outer(der, "certificate request");
  RETURN_IF_ERROR(outer.Sequence());
  RETURN_IF_ERROR(outer.ExpectEnd());
  const std::uint8_t* at = der.data();
  X509ReqPtr request(d2i_X509_REQ(nullptr, &at, static_cast<long>(der.size())));
  if (!request || at != der.data() + der.size()) {
    return Malformed(OpenSslError("certificate request"));
  }
  return request;
}

Result<PublicKey> KeyOf(X509_REQ* request) {
  std::uint8_t* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(request), &der);
  if (size <= 0) return Malformed(OpenSslError("public key of a request"));
  const Bytes spki = ToBytes(ByteView(der, static_cast<std::size_t>(size)));
  OPENSSL_free(der);
  return In("certificate request", PublicKey::FromSpkiDer(spki));
}

Status AddExtensions(X509_REQ* request, const RequestSpec& spec) {
  std::vector<Extension> extensions = spec.extra_extensions;
  if (!spec.dns_names.empty() || !spec.ip_addresses.empty()) {
    ASSIGN_OR_RETURN(Bytes value, AltNamesValue({.dns_names = spec.dns_names,
                                                 .ip_addresses = spec.ip_addresses,
                                                 .email_addresses = {},
                                                 .uris = {}}));
    extensions.push_back(
        {.oid = std::string(oid::kSubjectAltName), .critical = false, .value = std::move(value)});
  }
  if (extensions.empty()) return {};
  const ExtensionsPtr stack(sk_X509_EXTENSION_new_null());
  for (const Extension& extension : extensions) {
    ASSIGN_OR_RETURN(X509ExtensionPtr native, MakeExtension(extension));
    if (!stack || sk_X509_EXTENSION_push(stack.get(), native.get()) == 0) {
      return Internal(OpenSslError("certificate request"));
    }
    (void)native.release();  // the stack owns it now
  }
  if (X509_REQ_add_extensions(request, stack.get()) != 1) {
    return Internal(OpenSslError("certificate request"));
  }
  return {};
}

}  // namespace

Result<CertificateRequest> CertificateRequest::FromDer(ByteView der) {
  ASSIGN_OR_RETURN(const X509ReqPtr native, ParseExactly(der));
  ASSIGN_OR_RETURN(PublicKey key, KeyOf(native.get()));
  CertificateRequest request(std::move(key));
  if (X509_REQ_verify(native.get(), Native(request.public_key_)) != 1) {
    ClearOpenSslErrors();
    return Untrusted("certificate request is not signed by the key it names");
  }
  request.der_ = ToBytes(der);
  ASSIGN_OR_RETURN(request.subject_, ReadName(X509_REQ_get_subject_name(native.get())));
  const ExtensionsPtr extensions(X509_REQ_get_extensions(native.get()));
  ClearOpenSslErrors();  // having no extensions puts nothing there, odd attributes may
  if (extensions) {
    ASSIGN_OR_RETURN(request.extensions_, ReadExtensions(extensions.get()));
  }
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
  const X509ReqPtr request(X509_REQ_new());
  ASSIGN_OR_RETURN(const X509NamePtr subject, MakeName(spec.subject));
  if (!request || X509_REQ_set_version(request.get(), 0) != 1 ||
      X509_REQ_set_subject_name(request.get(), subject.get()) != 1 ||
      X509_REQ_set_pubkey(request.get(), Native(key)) != 1) {
    return Internal(OpenSslError("certificate request"));
  }
  RETURN_IF_ERROR(AddExtensions(request.get(), spec));
  if (X509_REQ_sign(request.get(), Native(key), SigningDigest(key.type())) <= 0) {
    return Internal(OpenSslError("certificate request"));
  }
  std::uint8_t* der = nullptr;
  const int size = i2d_X509_REQ(request.get(), &der);
  if (size <= 0) return Internal(OpenSslError("certificate request"));
  const Bytes bytes = ToBytes(ByteView(der, static_cast<std::size_t>(size)));
  OPENSSL_free(der);
  return FromDer(bytes);
}

std::string CertificateRequest::Pem() const { return EncodePem(kLabel, der_); }

const Extension* CertificateRequest::FindExtension(std::string_view oid) const {
  return FindByOid(extensions_, oid);
}

}  // namespace strongroom::crypto
