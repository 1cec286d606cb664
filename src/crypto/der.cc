#include "crypto/der.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "base/text.h"

namespace strongroom::crypto {
namespace {

constexpr std::size_t kMaxArcs = 32;
constexpr std::uint8_t kTagNumberMask = 0x1f;
constexpr std::size_t kShortHeader = 2;                          // tag and a length below 128
constexpr std::size_t kMaxHeader = 1 + 1 + sizeof(std::size_t);  // tag and length

std::unexpected<Error> Wrong(std::string_view what, std::size_t offset, std::string_view problem) {
  return Malformed(fmt::format("{}: {} at offset {}", what, problem, offset));
}

// Definite and minimal; at most four bytes of length, more than any input of ours can have.
Result<std::size_t> ReadLength(Reader& reader, std::string_view what) {
  const std::size_t at = reader.offset();
  ASSIGN_OR_RETURN(const std::uint8_t first, reader.U8());
  if (first < 0x80) return first;
  const std::size_t width = first & 0x7fU;
  if (width == 0) return Wrong(what, at, "indefinite length");
  if (width > 4) return Wrong(what, at, "length of more than four bytes");
  ASSIGN_OR_RETURN(const ByteView bytes, reader.Take(width));
  std::size_t length = 0;
  for (const std::uint8_t byte : bytes) length = length << 8 | byte;
  if (bytes[0] == 0 || length < 0x80) return Wrong(what, at, "length that is not minimal");
  return length;
}

bool IsLongTag(std::uint8_t tag) { return (tag & kTagNumberMask) == kTagNumberMask; }

// One that is there whole and says its length in one byte, as nearly all do. Nothing moves when it
// does not.
std::optional<DerElement> ReadShortElement(Reader& reader) {
  const ByteView rest = reader.Rest();
  if (rest.size() < kShortHeader || rest[1] >= 0x80 || IsLongTag(rest[0])) return std::nullopt;
  const auto whole = reader.Take(kShortHeader + rest[1]);
  if (!whole.has_value()) return std::nullopt;
  return DerElement{.tag = rest[0], .content = whole->subspan(kShortHeader), .whole = *whole};
}

Result<DerElement> ReadElement(Reader& reader, std::string_view what) {
  if (const auto element = ReadShortElement(reader)) return *element;
  const ByteView rest = reader.Rest();
  const std::size_t at = reader.offset();
  ASSIGN_OR_RETURN(const std::uint8_t tag, reader.U8());
  if (IsLongTag(tag)) return Wrong(what, at, "tag number above 30");
  ASSIGN_OR_RETURN(const std::size_t length, ReadLength(reader, what));
  ASSIGN_OR_RETURN(const ByteView content, reader.Take(length));
  return DerElement{.tag = tag, .content = content, .whole = rest.first(reader.offset() - at)};
}

// Base 128, big-endian, minimal (X.690 8.19).
Result<std::uint64_t> ReadArc(Reader& reader, std::string_view what) {
  const std::size_t at = reader.offset();
  std::uint64_t value = 0;
  while (true) {
    ASSIGN_OR_RETURN(const std::uint8_t byte, reader.U8());
    if (value == 0 && byte == 0x80) return Wrong(what, at, "OID arc that is not minimal");
    if (value > std::numeric_limits<std::uint64_t>::max() >> 7) {
      return Wrong(what, at, "OID arc above 64 bits");
    }
    value = value << 7 | (byte & 0x7fU);
    if (byte < 0x80) return value;
  }
}

std::optional<std::vector<std::uint64_t>> ParseArcs(std::string_view dotted) {
  std::vector<std::uint64_t> arcs;
  while (true) {
    const std::string_view part = dotted.substr(0, dotted.find('.'));
    const auto arc = ParseDecimal<std::uint64_t>(part);
    if (!arc || (part.size() > 1 && part[0] == '0')) return std::nullopt;
    arcs.push_back(*arc);
    if (part.size() == dotted.size()) break;
    dotted.remove_prefix(part.size() + 1);
  }
  if (arcs.size() < 2 || arcs.size() > kMaxArcs || arcs[0] > 2) return std::nullopt;
  if (arcs[0] < 2 && arcs[1] > 39) return std::nullopt;
  if (arcs[1] > std::numeric_limits<std::uint64_t>::max() - 80) return std::nullopt;
  return arcs;
}

void AppendArc(Bytes& out, std::uint64_t arc) {
  unsigned shift = 0;
  while (shift < 63 && arc >> (shift + 7) != 0) shift += 7;
  for (; shift > 0; shift -= 7)
    out.push_back(static_cast<std::uint8_t>(0x80 | (arc >> shift & 0x7f)));
  out.push_back(static_cast<std::uint8_t>(arc & 0x7f));
}

void AppendDecimal(std::string& out, std::uint64_t number) {
  std::array<char, std::numeric_limits<std::uint64_t>::digits10 + 1> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

void AppendLength(Bytes& out, std::size_t length) {
  if (length < 0x80) {
    out.push_back(static_cast<std::uint8_t>(length));
    return;
  }
  Bytes reversed;
  for (std::size_t rest = length; rest != 0; rest >>= 8) {
    reversed.push_back(static_cast<std::uint8_t>(rest & 0xff));
  }
  out.push_back(static_cast<std::uint8_t>(0x80 | reversed.size()));
  out.insert(out.end(), reversed.rbegin(), reversed.rend());
}

Bytes Element(std::uint8_t tag, ByteView content) {
  Bytes out;
  out.reserve(content.size() + kMaxHeader);
  out.push_back(tag);
  AppendLength(out, content.size());
  out.insert(out.end(), content.begin(), content.end());
  return out;
}

}  // namespace

Result<DerElement> DerReader::Next() { return ReadElement(reader_, what_); }

Result<ByteView> DerReader::Expect(std::uint8_t tag) {
  const std::size_t at = reader_.offset();
  ASSIGN_OR_RETURN(const DerElement element, Next());
  if (element.tag != tag) {
    return Malformed(
        fmt::format("{}: tag {:#04x} at offset {}, wanted {:#04x}", what_, element.tag, at, tag));
  }
  return element.content;
}

bool DerReader::NextIs(std::uint8_t tag) const {
  return !reader_.empty() && reader_.Rest()[0] == tag;
}

Result<DerReader> DerReader::Sequence() { return Constructed(der::kSequence); }

Result<DerReader> DerReader::Constructed(std::uint8_t tag) {
  ASSIGN_OR_RETURN(const ByteView content, Expect(tag));
  return DerReader(content, what_);
}

Result<std::string> DerReader::Oid() {
  ASSIGN_OR_RETURN(const ByteView content, Expect(der::kOid));
  Reader arcs(content, what_);
  ASSIGN_OR_RETURN(const std::uint64_t first, ReadArc(arcs, what_));
  const std::uint64_t root = std::min<std::uint64_t>(first / 40, 2);
  std::string dotted;
  AppendDecimal(dotted, root);
  dotted += '.';
  AppendDecimal(dotted, first - root * 40);
  for (std::size_t count = 2; !arcs.empty(); ++count) {
    if (count == kMaxArcs) return Wrong(what_, reader_.offset(), "OID of too many arcs");
    ASSIGN_OR_RETURN(const std::uint64_t arc, ReadArc(arcs, what_));
    dotted += '.';
    AppendDecimal(dotted, arc);
  }
  return dotted;
}

Result<ByteView> DerReader::BitString() {
  ASSIGN_OR_RETURN(const ByteView content, Expect(der::kBitString));
  if (content.empty() || content[0] != 0) {
    return Wrong(what_, reader_.offset(), "BIT STRING that is not of whole bytes");
  }
  return content.subspan(1);
}

Result<ByteView> DerReader::Integer() {
  ASSIGN_OR_RETURN(const ByteView content, Expect(der::kInteger));
  if (content.empty()) return Wrong(what_, reader_.offset(), "INTEGER without content");
  const bool padded = content.size() > 1 && ((content[0] == 0x00 && content[1] < 0x80) ||
                                             (content[0] == 0xff && content[1] >= 0x80));
  if (padded) return Wrong(what_, reader_.offset(), "INTEGER that is not minimal");
  return content;
}

Result<std::uint64_t> DerReader::UnsignedOf(ByteView content) {
  if (content[0] >= 0x80) return Wrong(what_, reader_.offset(), "negative number");
  if (content[0] == 0) content = content.subspan(1);
  if (content.size() > 8) return Wrong(what_, reader_.offset(), "number above 64 bits");
  std::uint64_t value = 0;
  for (const std::uint8_t byte : content) value = value << 8 | byte;
  return value;
}

Result<std::uint64_t> DerReader::Unsigned() {
  ASSIGN_OR_RETURN(const ByteView content, Integer());
  return UnsignedOf(content);
}

Result<std::uint64_t> DerReader::Enumerated() {
  ASSIGN_OR_RETURN(const ByteView content, Expect(der::kEnumerated));
  const bool padded = content.size() > 1 && content[0] == 0x00 && content[1] < 0x80;
  if (content.empty() || padded) {
    return Wrong(what_, reader_.offset(), "ENUMERATED that is not minimal");
  }
  return UnsignedOf(content);
}

Result<bool> DerReader::Boolean() {
  ASSIGN_OR_RETURN(const ByteView content, Expect(der::kBoolean));
  if (content.size() != 1 || (content[0] != 0x00 && content[0] != 0xff)) {
    return Wrong(what_, reader_.offset(), "BOOLEAN that is neither 00 nor ff");
  }
  return content[0] == 0xff;
}

Bytes DerElementOf(std::uint8_t tag, std::initializer_list<ByteView> contents) {
  return Element(tag, Concat(contents));
}

Bytes DerSequence(std::initializer_list<ByteView> elements) {
  return DerElementOf(der::kSequence, elements);
}

Bytes DerSequence(const std::vector<Bytes>& elements) {
  Bytes content;
  for (const Bytes& element : elements) {
    content.insert(content.end(), element.begin(), element.end());
  }
  return Element(der::kSequence, content);
}

Bytes DerOctetString(ByteView content) { return Element(der::kOctetString, content); }

Bytes DerBitString(ByteView content) {
  constexpr std::uint8_t kNoUnusedBits[] = {0};
  return DerElementOf(der::kBitString, {kNoUnusedBits, content});
}

Bytes DerUnsigned(std::uint64_t value) {
  Writer writer;
  return DerUnsignedBig(writer.U64Be(value).bytes());
}

Bytes DerUnsignedBig(ByteView big_endian) {
  constexpr std::uint8_t kZero[] = {0};
  while (!big_endian.empty() && big_endian[0] == 0) big_endian = big_endian.subspan(1);
  const bool sign_byte = big_endian.empty() || big_endian[0] >= 0x80;
  return DerElementOf(der::kInteger, {sign_byte ? ByteView(kZero) : ByteView(), big_endian});
}

Bytes DerEnumerated(std::uint8_t value) {
  Bytes element = DerUnsigned(value);
  element[0] = der::kEnumerated;
  return element;
}

Bytes DerBoolean(bool value) {
  return {der::kBoolean, 1, static_cast<std::uint8_t>(value ? 0xff : 0x00)};
}

Bytes DerOid(std::string_view dotted) {
  const auto arcs = ParseArcs(dotted);
  if (!arcs) std::abort();
  Bytes content;
  AppendArc(content, (*arcs)[0] * 40 + (*arcs)[1]);
  for (std::size_t i = 2; i < arcs->size(); ++i) AppendArc(content, (*arcs)[i]);
  return Element(der::kOid, content);
}

bool IsOid(std::string_view dotted) { return ParseArcs(dotted).has_value(); }

}  // namespace strongroom::crypto
