#pragma once

// Reading and writing the parts that certificates, requests and lists have in common (RFC 5280),
// all in DER.

#include <optional>
#include <string>
#include <vector>

#include "crypto/cert_builder.h"
#include "crypto/der.h"

namespace strongroom::crypto {

inline constexpr std::size_t kMaxExtensions = 64;

Result<Name> ReadName(DerReader& reader);
// The same of one whole name, always by OpenSSL: what ReadName does with names that are not plain.
Result<Name> ReadAnyName(ByteView der);
Result<UnixSeconds> ReadTime(DerReader& reader);
// An INTEGER as CertificateFields::serial_hex writes it.
Result<std::string> ReadSerial(DerReader& reader);
// The SEQUENCE OF Extension. kMalformed when an OID is there twice.
Result<std::vector<Extension>> ReadExtensions(DerReader& reader);
const Extension* FindByOid(const std::vector<Extension>& extensions, std::string_view oid);

// Values of extensions.
struct AltNames {
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;
};
Result<AltNames> ReadAltNames(ByteView value);
Result<BasicConstraints> ReadBasicConstraints(ByteView value);
Result<std::uint16_t> ReadKeyUsage(ByteView value);
Result<std::vector<std::string>> ReadExtendedKeyUsage(ByteView value);
Result<std::vector<std::string>> ReadDistributionPoints(ByteView value);
Result<Bytes> ReadSubjectKeyId(ByteView value);
Result<Bytes> ReadAuthorityKeyId(ByteView value);

Result<Bytes> WriteName(const DistinguishedName& name);
// The same, always by OpenSSL, and without it: nothing when the name is not plain.
Result<Bytes> WriteAnyName(const DistinguishedName& name);
std::optional<Bytes> WritePlainName(const DistinguishedName& name);
// kMalformed outside of the years 1950 to 9999.
Result<Bytes> WriteTime(UnixSeconds time);
// kMalformed when an OID is none or is there twice.
Result<Bytes> WriteExtensions(const std::vector<Extension>& extensions);

struct AltNamesToWrite {
  const std::vector<std::string>& dns_names;
  const std::vector<std::string>& ip_addresses;
  const std::vector<std::string>& email_addresses;
  const std::vector<std::string>& uris;

  bool empty() const {
    return dns_names.empty() && ip_addresses.empty() && email_addresses.empty() && uris.empty();
  }
};
Result<Bytes> WriteAltNames(const AltNamesToWrite& names);
Bytes WriteAuthorityKeyId(ByteView key_id);

}  // namespace strongroom::crypto
