// Certificates, requests and lists from hostile bytes: whatever parses keeps its bytes, has fields
// that agree with each other, and is never trusted under a root that did not sign it. The first
// byte chooses the format.

#include <cstdlib>

#include "base/encoding.h"
#include "crypto/chain.h"
#include "crypto/csr.h"
#include "crypto/oid.h"
#include "crypto/x509_parts.h"

namespace strongroom::crypto {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

const Certificate& Root() {
  static const Certificate* const root = [] {
    const PrivateKey key = PrivateKey::Generate(KeyType::kP256).value();
    CertificateSpec spec;
    spec.subject = {{"CN", "root"}};
    spec.not_after = UnixSeconds{253402300799};
    spec.basic_constraints = BasicConstraints{.is_ca = true, .path_length = {}};
    spec.key_usage = kKeyCertSign | kCrlSign;
    return new Certificate(SelfSign(spec, key).value());
  }();
  return *root;
}

void CheckCertificate(ByteView bytes) {
  const auto certificate = Certificate::FromDer(bytes);
  if (!certificate) return static_cast<void>(PeekExtensions(bytes));
  Require(Equal(certificate->der(), bytes));
  const CertificateFields& fields = certificate->fields();
  Require(PeekExtensions(bytes).value() == fields.extensions);
  for (const Name* name : {&fields.subject, &fields.issuer}) {
    const Name other = ReadAnyName(name->der).value();
    Require(other.rfc2253 == name->rfc2253 && other.common_name == name->common_name);
  }
  for (const Extension& extension : fields.extensions) {
    Require(certificate->FindExtension(extension.oid) == &extension);
  }
  Require(fields.is_ca() == (fields.basic_constraints && fields.basic_constraints->is_ca));
  Require(fields.key_usage.has_value() == (certificate->FindExtension(oid::kKeyUsage) != nullptr));
  Require(Certificate::FromPem(certificate->Pem()).value() == *certificate);
  const std::vector<Certificate> others = {*certificate, Root()};
  const ChainReport report = VerifyChain({.leaf = *certificate,
                                          .intermediates = others,
                                          .root = Root(),
                                          .now = UnixSeconds{1'700'000'000}},
                                         {.require_crls = false, .strict = false});
  Require(!report.trusted() && !report.path.empty());
  // Its own root, if it is one: only then may it be trusted.
  const bool own = VerifyChain({.leaf = *certificate,
                                .intermediates = {},
                                .root = *certificate,
                                .now = fields.not_before},
                               {.require_crls = false, .strict = false})
                       .trusted();
  const auto key = certificate->public_key();
  Require(!own || (key.has_value() && certificate->VerifySignature(*key).has_value()));
}

void CheckRequest(ByteView bytes) {
  const auto request = CertificateRequest::FromDer(bytes);
  if (request) Require(CertificateRequest::FromPem(request->Pem())->der() == request->der());
}

void CheckList(ByteView bytes) {
  const auto list = Crl::FromAny(bytes);
  if (!list) return;
  for (const RevokedSerial& revoked : list->fields().revoked) {
    Require(list->Find(revoked.serial_hex) != nullptr);
  }
  Require(Equal(Crl::FromPem(list->Pem())->der(), list->der()));
  Require(!list->VerifySignature(Root().public_key().value()).has_value());
}

}  // namespace
}  // namespace strongroom::crypto

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strongroom::crypto;
  if (size == 0) return 0;
  const strongroom::ByteView bytes(data + 1, size - 1);
  switch (data[0] % 3) {
    case 0: CheckCertificate(bytes); break;
    case 1: CheckRequest(bytes); break;
    default: CheckList(bytes); break;
  }
  return 0;
}
