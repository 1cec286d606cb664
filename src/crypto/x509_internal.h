#pragma once

// Reading and writing the parts that certificates, requests and lists have in common.

#include <string>
#include <vector>

#include <openssl/x509v3.h>

#include "crypto/cert_builder.h"
#include "crypto/openssl_internal.h"

namespace strongroom::crypto {

struct Certificate::Impl {
  Bytes der;
  X509Ptr native;
  CertificateFields fields;
  Sha256Digest fingerprint;
};

struct Crl::Impl {
  Bytes der;
  X509CrlPtr native;
  CrlFields fields;
};

using X509NamePtr = OpenSslPtr<X509_NAME, X509_NAME_free>;
using X509ExtensionPtr = OpenSslPtr<X509_EXTENSION, X509_EXTENSION_free>;
using Asn1TimePtr = OpenSslPtr<ASN1_TIME, ASN1_TIME_free>;
using Asn1IntegerPtr = OpenSslPtr<ASN1_INTEGER, ASN1_INTEGER_free>;

Result<Name> ReadName(const X509_NAME* name);
// kMalformed unless it is a time of the calendar; fractions and offsets are not DER and refused.
Result<UnixSeconds> ReadTime(const ASN1_TIME* time);
Result<std::string> ReadSerial(const ASN1_INTEGER* serial);
// kMalformed when an OID is there twice.
Result<std::vector<Extension>> ReadExtensions(const STACK_OF(X509_EXTENSION) * extensions);
const Extension* FindByOid(const std::vector<Extension>& extensions, std::string_view oid);

struct AltNames {
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;
};
// The value of a subject alternative name extension.
Result<AltNames> ReadAltNames(ByteView value);
Result<BasicConstraints> ReadBasicConstraints(ByteView value);
Result<std::uint16_t> ReadKeyUsage(ByteView value);
Result<std::vector<std::string>> ReadExtendedKeyUsage(ByteView value);
Result<std::vector<std::string>> ReadDistributionPoints(ByteView value);
Result<Bytes> ReadSubjectKeyId(ByteView value);
Result<Bytes> ReadAuthorityKeyId(ByteView value);

Result<X509NamePtr> MakeName(const DistinguishedName& name);
// kMalformed outside of the years 1950 to 9999.
Result<Asn1TimePtr> MakeTime(UnixSeconds time);
Result<X509ExtensionPtr> MakeExtension(const Extension& extension);

// Values of extensions.
struct AltNamesToWrite {
  const std::vector<std::string>& dns_names;
  const std::vector<std::string>& ip_addresses;
  const std::vector<std::string>& email_addresses;
  const std::vector<std::string>& uris;

  bool empty() const {
    return dns_names.empty() && ip_addresses.empty() && email_addresses.empty() && uris.empty();
  }
};
Result<Bytes> AltNamesValue(const AltNamesToWrite& names);
Bytes AuthorityKeyIdValue(ByteView key_id);

// The digest for X509_sign and its kin; null for Ed25519.
const EVP_MD* SigningDigest(KeyType type);

}  // namespace strongroom::crypto
