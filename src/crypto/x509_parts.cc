#include "crypto/x509_parts.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/encoding.h"
#include "crypto/openssl_internal.h"

namespace strongroom::crypto {
namespace {

using X509NamePtr = OpenSslPtr<X509_NAME, X509_NAME_free>;

constexpr std::uint8_t kUtcTime = 0x17;
constexpr std::uint8_t kGeneralizedTime = 0x18;
constexpr std::size_t kMaxSerialBytes = 64;

// "YYYYMMDDhhmmss" as RFC 3339 writes it.
std::string Rfc3339(std::string_view digits) {
  return fmt::format("{}-{}-{}T{}:{}:{}Z", digits.substr(0, 4), digits.substr(4, 2),
                     digits.substr(6, 2), digits.substr(8, 2), digits.substr(10, 2),
                     digits.substr(12, 2));
}

Result<Extension> ReadExtension(DerReader reader) {
  Extension extension;
  ASSIGN_OR_RETURN(extension.oid, reader.Oid());
  if (reader.NextIs(der::kBoolean)) {
    ASSIGN_OR_RETURN(extension.critical, reader.Boolean());
  }
  ASSIGN_OR_RETURN(const ByteView value, reader.OctetString());
  RETURN_IF_ERROR(reader.ExpectEnd());
  extension.value = ToBytes(value);
  return extension;
}

}  // namespace

Result<UnixSeconds> ReadTime(DerReader& reader) {
  ASSIGN_OR_RETURN(const DerElement element, reader.Next());
  const std::string_view text = AsText(element.content);
  // RFC 5280 4.1.2.5: seconds and Z are always there; two-digit years are 1950 to 2049.
  if (element.tag == kUtcTime && text.size() == 13 && text.back() == 'Z') {
    const std::string century = text[0] >= '5' ? "19" : "20";
    return ParseRfc3339(Rfc3339(century + std::string(text)));
  }
  if (element.tag == kGeneralizedTime && text.size() == 15 && text.back() == 'Z') {
    return ParseRfc3339(Rfc3339(text));
  }
  return Malformed("time that is not YYMMDDhhmmssZ or YYYYMMDDhhmmssZ");
}

Result<std::string> ReadSerial(DerReader& reader) {
  ASSIGN_OR_RETURN(const ByteView number, reader.Integer());
  if (number.size() > kMaxSerialBytes) {
    return Malformed(fmt::format("serial number of {} bytes", number.size()));
  }
  if (number[0] < 0x80) {
    return HexEncode(number.size() > 1 && number[0] == 0 ? number.subspan(1) : number);
  }
  // Negative: the magnitude is the two's complement.
  Bytes magnitude = ToBytes(number);
  bool carry = true;
  for (auto byte = magnitude.rbegin(); byte != magnitude.rend(); ++byte) {
    *byte = static_cast<std::uint8_t>(~*byte + (carry ? 1 : 0));
    carry = carry && *byte == 0;
  }
  return "-" + HexEncode(magnitude);
}

Result<std::vector<Extension>> ReadExtensions(DerReader& reader) {
  ASSIGN_OR_RETURN(DerReader list, reader.Sequence());
  std::vector<Extension> out;
  while (!list.empty()) {
    if (out.size() == kMaxExtensions) return Malformed("more than 64 extensions");
    ASSIGN_OR_RETURN(const DerReader element, list.Sequence());
    ASSIGN_OR_RETURN(Extension extension, ReadExtension(element));
    if (FindByOid(out, extension.oid) != nullptr) {
      return Malformed(fmt::format("extension {} twice, wanted once", extension.oid));
    }
    out.push_back(std::move(extension));
  }
  return out;
}

const Extension* FindByOid(const std::vector<Extension>& extensions, std::string_view oid) {
  const auto found = std::ranges::find(extensions, oid, &Extension::oid);
  return found == extensions.end() ? nullptr : &*found;
}

Result<Bytes> WriteName(const DistinguishedName& name) {
  if (auto plain = WritePlainName(name)) return *std::move(plain);
  return WriteAnyName(name);
}

Result<Bytes> WriteAnyName(const DistinguishedName& name) {
  const X509NamePtr native(X509_NAME_new());
  if (!native) return Internal(OpenSslError("name"));
  for (const NameAttribute& attribute : name) {
    const auto* value = reinterpret_cast<const unsigned char*>(attribute.value.data());
    if (X509_NAME_add_entry_by_txt(native.get(), attribute.type.c_str(), MBSTRING_UTF8, value,
                                   static_cast<int>(attribute.value.size()), -1, 0) != 1) {
      return Malformed(OpenSslError(fmt::format("name attribute {}", attribute.type)));
    }
  }
  const std::uint8_t* der = nullptr;
  std::size_t size = 0;
  if (X509_NAME_get0_der(native.get(), &der, &size) != 1) return Internal(OpenSslError("name"));
  return ToBytes(ByteView(der, size));
}

Result<Bytes> WriteTime(UnixSeconds time) {
  constexpr std::int64_t kYear1950 = -631152000;
  constexpr std::int64_t kYear2050 = 2524608000;
  constexpr std::int64_t kYear10000 = 253402300800;
  if (ToInt(time) < kYear1950 || ToInt(time) >= kYear10000) {
    return Malformed(fmt::format("time {} s, wanted one in the years 1950 to 9999", ToInt(time)));
  }
  std::string text = FormatRfc3339(time);
  std::erase_if(text, [](char c) { return c == '-' || c == ':' || c == 'T'; });
  if (ToInt(time) >= kYear2050) return DerElementOf(kGeneralizedTime, {AsBytes(text)});
  return DerElementOf(kUtcTime, {AsBytes(text).subspan(2)});
}

Result<Bytes> WriteExtensions(const std::vector<Extension>& extensions) {
  std::vector<Bytes> list;
  for (std::size_t i = 0; i < extensions.size(); ++i) {
    const Extension& extension = extensions[i];
    if (!IsOid(extension.oid)) {
      return Malformed(fmt::format("extension \"{}\", wanted an OID", extension.oid));
    }
    if (FindByOid(extensions, extension.oid) != &extension) {
      return Malformed(fmt::format("extension {} twice, wanted once", extension.oid));
    }
    list.push_back(
        DerSequence({DerOid(extension.oid), extension.critical ? DerBoolean(true) : Bytes(),
                     DerOctetString(extension.value)}));
  }
  return DerSequence(list);
}

}  // namespace strongroom::crypto
