#include <algorithm>
#include <ctime>
#include <memory>
#include <set>

#include <fmt/format.h>
#include <openssl/bio.h>

#include "base/encoding.h"
#include "crypto/x509_internal.h"

namespace strongroom::crypto {
namespace {

using BioPtr = OpenSslPtr<BIO, BIO_free_all>;
using BignumPtr = OpenSslPtr<BIGNUM, BN_free>;

// UTF-8 stays as it is; control characters and RFC 2253's specials are escaped.
constexpr unsigned long kNameFlags =
    XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB);

Result<std::string> Rfc2253(const X509_NAME* name) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio || X509_NAME_print_ex(bio.get(), name, 0, kNameFlags) < 0) {
    return Malformed(OpenSslError("name"));
  }
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, size > 0 ? static_cast<std::size_t>(size) : 0);
}

Result<std::string> CommonName(const X509_NAME* name) {
  const int index = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (index < 0) return std::string();
  const ASN1_STRING* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index));
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, value);
  if (size < 0) return Malformed(OpenSslError("common name"));
  std::string out(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size));
  OPENSSL_free(utf8);
  return out;
}

std::string OidText(const ASN1_OBJECT* object) {
  // The first call asks for the size; OIDs in certificates are short, but nothing promises that.
  const int size = OBJ_obj2txt(nullptr, 0, object, 1);
  std::string text(static_cast<std::size_t>(std::max(size, 0)) + 1, '\0');
  OBJ_obj2txt(text.data(), static_cast<int>(text.size()), object, 1);
  text.pop_back();
  return text;
}

}  // namespace

Result<Name> ReadName(const X509_NAME* name) {
  Name out;
  ASSIGN_OR_RETURN(out.common_name, CommonName(name));
  ASSIGN_OR_RETURN(out.rfc2253, Rfc2253(name));
  const std::uint8_t* der = nullptr;
  std::size_t size = 0;
  if (X509_NAME_get0_der(name, &der, &size) != 1) return Malformed(OpenSslError("name"));
  out.der = ToBytes(ByteView(der, size));
  return out;
}

Result<UnixSeconds> ReadTime(const ASN1_TIME* time) {
  const std::string_view text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(time)),
                              static_cast<std::size_t>(ASN1_STRING_length(time)));
  const std::size_t wanted = ASN1_STRING_type(time) == V_ASN1_UTCTIME ? 13 : 15;
  std::tm calendar{};
  if (text.size() != wanted || !text.ends_with('Z') || ASN1_TIME_to_tm(time, &calendar) != 1) {
    ClearOpenSslErrors();
    return Malformed("time that is not YYMMDDhhmmssZ or YYYYMMDDhhmmssZ");
  }
  return UnixSeconds{timegm(&calendar)};
}

Result<std::string> ReadSerial(const ASN1_INTEGER* serial) {
  const BignumPtr number(ASN1_INTEGER_to_BN(serial, nullptr));
  if (!number) return Malformed(OpenSslError("serial number"));
  Bytes bytes(static_cast<std::size_t>(BN_num_bytes(number.get())));
  BN_bn2bin(number.get(), bytes.data());
  if (bytes.empty()) bytes.push_back(0);
  return (BN_is_negative(number.get()) != 0 ? "-" : "") + HexEncode(bytes);
}

Result<std::vector<Extension>> ReadExtensions(const STACK_OF(X509_EXTENSION) * extensions) {
  std::vector<Extension> out;
  std::set<std::string> seen;
  for (int i = 0; i < sk_X509_EXTENSION_num(extensions); ++i) {
    X509_EXTENSION* extension = sk_X509_EXTENSION_value(extensions, i);
    const ASN1_OCTET_STRING* value = X509_EXTENSION_get_data(extension);
    Extension read{.oid = OidText(X509_EXTENSION_get_object(extension)),
                   .critical = X509_EXTENSION_get_critical(extension) != 0,
                   .value = ToBytes(ByteView(ASN1_STRING_get0_data(value),
                                             static_cast<std::size_t>(ASN1_STRING_length(value))))};
    if (!seen.insert(read.oid).second) {
      return Malformed(fmt::format("extension {} twice, wanted once", read.oid));
    }
    out.push_back(std::move(read));
  }
  return out;
}

const Extension* FindByOid(const std::vector<Extension>& extensions, std::string_view oid) {
  for (const Extension& extension : extensions) {
    if (extension.oid == oid) return &extension;
  }
  return nullptr;
}

Result<X509NamePtr> MakeName(const DistinguishedName& name) {
  X509NamePtr out(X509_NAME_new());
  if (!out) return Internal(OpenSslError("name"));
  for (const NameAttribute& attribute : name) {
    const auto* value = reinterpret_cast<const unsigned char*>(attribute.value.data());
    if (X509_NAME_add_entry_by_txt(out.get(), attribute.type.c_str(), MBSTRING_UTF8, value,
                                   static_cast<int>(attribute.value.size()), -1, 0) != 1) {
      return Malformed(OpenSslError(fmt::format("name attribute {}", attribute.type)));
    }
  }
  return out;
}

Result<Asn1TimePtr> MakeTime(UnixSeconds time) {
  constexpr std::int64_t kYear1950 = -631152000;
  constexpr std::int64_t kYear10000 = 253402300800;
  if (ToInt(time) < kYear1950 || ToInt(time) >= kYear10000) {
    return Malformed(fmt::format("time {} s, wanted one in the years 1950 to 9999", ToInt(time)));
  }
  Asn1TimePtr out(ASN1_TIME_set(nullptr, ToInt(time)));
  if (!out) return Internal(OpenSslError("time"));
  return out;
}

Result<X509ExtensionPtr> MakeExtension(const Extension& extension) {
  const OpenSslPtr<ASN1_OBJECT, ASN1_OBJECT_free> object(OBJ_txt2obj(extension.oid.c_str(), 1));
  const OpenSslPtr<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free> value(ASN1_OCTET_STRING_new());
  if (!object) return Malformed(OpenSslError(fmt::format("extension OID {}", extension.oid)));
  if (!value || ASN1_OCTET_STRING_set(value.get(), extension.value.data(),
                                      static_cast<int>(extension.value.size())) != 1) {
    return Internal(OpenSslError("extension"));
  }
  X509ExtensionPtr out(
      X509_EXTENSION_create_by_OBJ(nullptr, object.get(), extension.critical ? 1 : 0, value.get()));
  if (!out) return Internal(OpenSslError("extension"));
  return out;
}

const EVP_MD* SigningDigest(KeyType type) {
  switch (type) {
    case KeyType::kP224:
    case KeyType::kP256:
    case KeyType::kRsa: return EVP_sha256();
    case KeyType::kP384: return EVP_sha384();
    case KeyType::kP521: return EVP_sha512();
    case KeyType::kEd25519: return nullptr;
  }
  return nullptr;
}

}  // namespace strongroom::crypto
