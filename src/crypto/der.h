#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/reader.h"

namespace strongroom::crypto {

namespace der {
inline constexpr std::uint8_t kBoolean = 0x01;
inline constexpr std::uint8_t kInteger = 0x02;
inline constexpr std::uint8_t kBitString = 0x03;
inline constexpr std::uint8_t kOctetString = 0x04;
inline constexpr std::uint8_t kNull = 0x05;
inline constexpr std::uint8_t kOid = 0x06;
inline constexpr std::uint8_t kEnumerated = 0x0a;
inline constexpr std::uint8_t kUtf8String = 0x0c;
inline constexpr std::uint8_t kSequence = 0x30;
inline constexpr std::uint8_t kSet = 0x31;
// [n] of a context: primitive (IMPLICIT over a primitive type) and constructed.
constexpr std::uint8_t Context(unsigned n) { return static_cast<std::uint8_t>(0x80U | n); }
constexpr std::uint8_t ContextConstructed(unsigned n) {
  return static_cast<std::uint8_t>(0xa0U | n);
}
}  // namespace der

struct DerElement {
  std::uint8_t tag = 0;
  ByteView content;
  ByteView whole;  // tag, length and content
};

// Reads the elements of one level of DER (X.690) in order; views point into the input. Strict:
// definite minimal lengths, tag numbers below 31, minimal integers, booleans 00 and ff. Every
// failure is kMalformed. It never recurses: depth is how many readers the caller makes.
class DerReader {
 public:
  // `what` names the input in errors and must outlive the reader, a literal does.
  explicit DerReader(ByteView bytes, std::string_view what = "DER")
      : reader_(bytes, what), what_(what) {}

  Result<DerElement> Next();
  // The content of the next element, which must have this tag.
  Result<ByteView> Expect(std::uint8_t tag);
  // True when another element follows and has this tag: optional elements.
  bool NextIs(std::uint8_t tag) const;

  Result<DerReader> Sequence();
  Result<DerReader> Constructed(std::uint8_t tag);
  Result<std::string> Oid();  // dotted; arcs below 2^64, at most 32 of them
  Result<ByteView> OctetString() { return Expect(der::kOctetString); }
  Result<ByteView> BitString();        // whole bytes only
  Result<ByteView> Integer();          // two's complement, minimal
  Result<std::uint64_t> Unsigned();    // an INTEGER that fits
  Result<std::uint64_t> Enumerated();  // an ENUMERATED that is not negative and fits
  Result<bool> Boolean();

  bool empty() const { return reader_.empty(); }
  Status ExpectEnd() const { return reader_.ExpectEnd(); }

 private:
  Result<std::uint64_t> UnsignedOf(ByteView content);

  Reader reader_;
  std::string_view what_;
};

// Writers give one whole element; nest them: `DerSequence({DerOid("1.2.3"), DerUnsigned(4)})`.
Bytes DerElementOf(std::uint8_t tag, std::initializer_list<ByteView> contents);
Bytes DerSequence(std::initializer_list<ByteView> elements);
Bytes DerSequence(const std::vector<Bytes>& elements);
Bytes DerOctetString(ByteView content);
Bytes DerBitString(ByteView content);  // whole bytes
Bytes DerUnsigned(std::uint64_t value);
Bytes DerUnsignedBig(ByteView big_endian);  // any length, leading zeros dropped
Bytes DerEnumerated(std::uint8_t value);
Bytes DerBoolean(bool value);
Bytes DerOid(std::string_view dotted);  // aborts unless IsOid: for constants

// Dotted decimal with at least two arcs, X.660's bounds on the first two, no leading zeros, arcs
// below 2^64.
bool IsOid(std::string_view dotted);

}  // namespace strongroom::crypto
