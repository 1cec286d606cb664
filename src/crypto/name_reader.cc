#include <algorithm>
#include <array>

#include <openssl/bio.h>

#include "crypto/openssl_internal.h"
#include "crypto/x509_parts.h"

namespace strongroom::crypto {
namespace {

using BioPtr = OpenSslPtr<BIO, BIO_free_all>;
using X509NamePtr = OpenSslPtr<X509_NAME, X509_NAME_free>;

// X.520 attribute types that nearly all names are made of: 2.5.4.n.
struct AttributeType {
  std::uint8_t n;
  std::string_view label;
};
constexpr std::array<std::uint8_t, 2> kX520 = {0x55, 0x04};
constexpr std::array kAttributeTypes = {AttributeType{3, "CN"}, AttributeType{6, "C"},
                                        AttributeType{7, "L"},  AttributeType{8, "ST"},
                                        AttributeType{10, "O"}, AttributeType{11, "OU"}};
constexpr std::uint8_t kPrintableString = 0x13;

// Text that is the same in every encoding and that RFC 2253 never escapes.
bool IsPlain(ByteView text) {
  const auto plain = [](std::uint8_t c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == ' ' ||
           c == '-' || c == '.' || c == ':' || c == '/' || c == '(' || c == ')';
  };
  return !text.empty() && text.front() != ' ' && text.back() != ' ' &&
         std::ranges::all_of(text, plain);
}

const AttributeType* FindType(ByteView oid) {
  if (oid.size() != kX520.size() + 1 || !Equal(oid.first(kX520.size()), kX520)) return nullptr;
  const auto found = std::ranges::find(kAttributeTypes, oid.back(), &AttributeType::n);
  return found == kAttributeTypes.end() ? nullptr : &*found;
}

// At most as long as X.520 allows for every one of the types.
constexpr std::size_t kMaxPlain = 64;

// One RelativeDistinguishedName of one attribute, put before what `name` has already. False when
// it is anything but plain.
Result<bool> TakePlainPart(DerReader part, Name& name) {
  ASSIGN_OR_RETURN(DerReader pair, part.Sequence());
  RETURN_IF_ERROR(part.ExpectEnd());
  ASSIGN_OR_RETURN(const ByteView oid, pair.Expect(der::kOid));
  ASSIGN_OR_RETURN(const DerElement value, pair.Next());
  RETURN_IF_ERROR(pair.ExpectEnd());
  const AttributeType* type = FindType(oid);
  const bool text = value.tag == kPrintableString || value.tag == der::kUtf8String;
  if (type == nullptr || !text || !IsPlain(value.content)) return false;
  std::string out(type->label);
  out += '=';
  out += AsText(value.content);
  if (!name.rfc2253.empty()) out += ',';
  name.rfc2253.insert(0, out);
  if (type->label == "CN" && name.common_name.empty()) name.common_name = AsText(value.content);
  return true;
}

Result<bool> TakePlain(ByteView content, Name& name) {
  DerReader parts(content, "name");
  while (!parts.empty()) {
    ASSIGN_OR_RETURN(const DerReader part, parts.Constructed(der::kSet));
    ASSIGN_OR_RETURN(const bool plain, TakePlainPart(part, name));
    if (!plain) return false;
  }
  return true;
}

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

// The type of an attribute that OpenSSL writes as UTF8String; of a country it does not.
const AttributeType* FindWrittenType(const NameAttribute& attribute) {
  const auto found = std::ranges::find(kAttributeTypes, attribute.type, &AttributeType::label);
  return found == kAttributeTypes.end() || found->label == "C" ? nullptr : &*found;
}

}  // namespace

std::optional<Bytes> WritePlainName(const DistinguishedName& name) {
  std::vector<Bytes> parts;
  for (const NameAttribute& attribute : name) {
    const AttributeType* type = FindWrittenType(attribute);
    const ByteView text = AsBytes(attribute.value);
    if (type == nullptr || text.size() > kMaxPlain || !IsPlain(text)) return std::nullopt;
    const std::array<std::uint8_t, 3> oid = {kX520[0], kX520[1], type->n};
    parts.push_back(DerElementOf(
        der::kSet,
        {DerSequence({DerElementOf(der::kOid, {oid}), DerElementOf(der::kUtf8String, {text})})}));
  }
  return DerSequence(parts);
}

Result<Name> ReadAnyName(ByteView der) {
  const std::uint8_t* at = der.data();
  const X509NamePtr native(d2i_X509_NAME(nullptr, &at, static_cast<long>(der.size())));
  if (!native || at != der.data() + der.size()) return Malformed(OpenSslError("name"));
  Name out;
  ASSIGN_OR_RETURN(out.common_name, CommonName(native.get()));
  ASSIGN_OR_RETURN(out.rfc2253, Rfc2253(native.get()));
  out.der = ToBytes(der);
  return out;
}

// Nearly all names are plain, and OpenSSL's way to them was three fifths of parsing a certificate.
Result<Name> ReadName(DerReader& reader) {
  ASSIGN_OR_RETURN(const DerElement element, reader.Next());
  if (element.tag != der::kSequence) return Malformed("name that is no SEQUENCE");
  Name plain;
  if (const auto taken = TakePlain(element.content, plain); !taken || !*taken)
    return ReadAnyName(element.whole);
  plain.der = ToBytes(element.whole);
  return plain;
}

}  // namespace strongroom::crypto
