// The values of RFC 5280's extensions, read and written with our own DER.

#include <arpa/inet.h>

#include <array>
#include <limits>

#include <fmt/format.h>

#include "crypto/x509_parts.h"

namespace strongroom::crypto {
namespace {

// GeneralName (RFC 5280 4.2.1.6).
constexpr unsigned kEmailTag = 1;
constexpr unsigned kDnsTag = 2;
constexpr unsigned kUriTag = 6;
constexpr unsigned kIpTag = 7;
constexpr std::size_t kMaxNames = 1024;

// Opens an extension value that is one SEQUENCE and nothing more.
Result<DerReader> OneSequence(ByteView value, std::string_view what) {
  DerReader outer(value, what);
  ASSIGN_OR_RETURN(DerReader sequence, outer.Sequence());
  RETURN_IF_ERROR(outer.ExpectEnd());
  return sequence;
}

bool IsPrintableAscii(ByteView text) {
  for (const std::uint8_t c : text) {
    if (c <= 0x20 || c >= 0x7f) return false;
  }
  return !text.empty();
}

Result<std::string> AsciiText(ByteView content, std::string_view what) {
  if (IsPrintableAscii(content)) return ToText(content);
  return Malformed(fmt::format("{} that is not printable ASCII", what));
}

Result<std::string> IpText(ByteView address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = address.size() == 4 ? AF_INET : AF_INET6;
  if ((address.size() != 4 && address.size() != 16) ||
      inet_ntop(family, address.data(), text.data(), text.size()) == nullptr) {
    return Malformed(fmt::format("IP address of {} bytes, wanted 4 or 16", address.size()));
  }
  return std::string(text.data());
}

Result<Bytes> IpBytes(const std::string& text) {
  std::array<std::uint8_t, 16> address{};
  if (inet_pton(AF_INET, text.c_str(), address.data()) == 1) {
    return ToBytes(ByteView(address).first(4));
  }
  if (inet_pton(AF_INET6, text.c_str(), address.data()) == 1) return ToBytes(ByteView(address));
  return Malformed(fmt::format("\"{}\", wanted an IP address", text));
}

// GeneralName entries of one kind.
Status AppendNames(std::vector<Bytes>& out, unsigned tag, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (!IsPrintableAscii(AsBytes(name))) {
      return Malformed("alternative name that is empty or not printable ASCII");
    }
    out.push_back(DerElementOf(der::Context(tag), {AsBytes(name)}));
  }
  return {};
}

// The URIs of one DistributionPoint (RFC 5280 4.2.1.13); other forms of names are passed over.
Status ReadDistributionPoint(DerReader point, std::vector<std::string>& uris) {
  while (!point.empty()) {
    ASSIGN_OR_RETURN(const DerElement part, point.Next());
    if (part.tag != der::ContextConstructed(0)) continue;
    DerReader name(part.content, "CRL distribution point");
    ASSIGN_OR_RETURN(const DerElement form, name.Next());
    if (form.tag != der::ContextConstructed(0)) continue;
    DerReader full_name(form.content, "CRL distribution point");
    while (!full_name.empty()) {
      ASSIGN_OR_RETURN(const DerElement general_name, full_name.Next());
      if (general_name.tag != der::Context(kUriTag)) continue;
      ASSIGN_OR_RETURN(std::string uri, AsciiText(general_name.content, "CRL URI"));
      uris.push_back(std::move(uri));
    }
  }
  return {};
}

}  // namespace

Result<AltNames> ReadAltNames(ByteView value) {
  ASSIGN_OR_RETURN(DerReader names, OneSequence(value, "subject alternative name"));
  AltNames out;
  for (std::size_t count = 0; !names.empty(); ++count) {
    if (count == kMaxNames) return Exhausted("more than 1024 alternative names");
    ASSIGN_OR_RETURN(const DerElement name, names.Next());
    if (name.tag == der::Context(kDnsTag)) {
      ASSIGN_OR_RETURN(std::string dns, AsciiText(name.content, "DNS name"));
      out.dns_names.push_back(std::move(dns));
    } else if (name.tag == der::Context(kIpTag)) {
      ASSIGN_OR_RETURN(std::string ip, IpText(name.content));
      out.ip_addresses.push_back(std::move(ip));
    }
  }
  return out;
}

Result<BasicConstraints> ReadBasicConstraints(ByteView value) {
  ASSIGN_OR_RETURN(DerReader fields, OneSequence(value, "basic constraints"));
  BasicConstraints out;
  if (fields.NextIs(der::kBoolean)) {
    ASSIGN_OR_RETURN(out.is_ca, fields.Boolean());
  }
  if (!fields.empty()) {
    ASSIGN_OR_RETURN(const std::uint64_t length, fields.Unsigned());
    if (length > std::numeric_limits<std::int16_t>::max()) {
      return Malformed(fmt::format("path length {}, wanted at most 32767", length));
    }
    out.path_length = static_cast<int>(length);
  }
  RETURN_IF_ERROR(fields.ExpectEnd());
  return out;
}

Result<std::uint16_t> ReadKeyUsage(ByteView value) {
  DerReader outer(value, "key usage");
  ASSIGN_OR_RETURN(const ByteView bits, outer.Expect(der::kBitString));
  RETURN_IF_ERROR(outer.ExpectEnd());
  if (bits.empty() || bits.size() > 3 || bits[0] > 7) return Malformed("key usage bits");
  std::uint16_t usage = 0;
  for (std::size_t bit = 0; bit < 9 && bit / 8 + 1 < bits.size(); ++bit) {
    if ((bits[1 + bit / 8] & (0x80U >> (bit % 8))) != 0) {
      usage = static_cast<std::uint16_t>(usage | (1U << bit));
    }
  }
  return usage;
}

Result<std::vector<std::string>> ReadExtendedKeyUsage(ByteView value) {
  ASSIGN_OR_RETURN(DerReader purposes, OneSequence(value, "extended key usage"));
  std::vector<std::string> out;
  while (!purposes.empty()) {
    if (out.size() == kMaxNames) return Exhausted("more than 1024 key purposes");
    ASSIGN_OR_RETURN(std::string oid, purposes.Oid());
    out.push_back(std::move(oid));
  }
  return out;
}

Result<std::vector<std::string>> ReadDistributionPoints(ByteView value) {
  ASSIGN_OR_RETURN(DerReader points, OneSequence(value, "CRL distribution points"));
  std::vector<std::string> uris;
  while (!points.empty()) {
    ASSIGN_OR_RETURN(const DerReader point, points.Sequence());
    RETURN_IF_ERROR(ReadDistributionPoint(point, uris));
  }
  return uris;
}

Result<Bytes> ReadSubjectKeyId(ByteView value) {
  DerReader outer(value, "subject key id");
  ASSIGN_OR_RETURN(const ByteView id, outer.OctetString());
  RETURN_IF_ERROR(outer.ExpectEnd());
  return ToBytes(id);
}

Result<Bytes> ReadAuthorityKeyId(ByteView value) {
  ASSIGN_OR_RETURN(DerReader fields, OneSequence(value, "authority key id"));
  if (!fields.NextIs(der::Context(0))) return Bytes();
  ASSIGN_OR_RETURN(const ByteView id, fields.Expect(der::Context(0)));
  return ToBytes(id);
}

Result<Bytes> WriteAltNames(const AltNamesToWrite& names) {
  std::vector<Bytes> out;
  RETURN_IF_ERROR(AppendNames(out, kDnsTag, names.dns_names));
  RETURN_IF_ERROR(AppendNames(out, kEmailTag, names.email_addresses));
  for (const std::string& text : names.ip_addresses) {
    ASSIGN_OR_RETURN(const Bytes address, IpBytes(text));
    out.push_back(DerElementOf(der::Context(kIpTag), {address}));
  }
  RETURN_IF_ERROR(AppendNames(out, kUriTag, names.uris));
  return DerSequence(out);
}

Bytes WriteAuthorityKeyId(ByteView key_id) {
  return DerSequence({DerElementOf(der::Context(0), {key_id})});
}

}  // namespace strongroom::crypto
