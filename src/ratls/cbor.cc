#include "ratls/cbor.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/json.h"

namespace strongroom::ratls {
namespace {

std::string_view Name(CborReader::Major major) {
  switch (major) {
    case CborReader::Major::kUnsigned: return "unsigned integer";
    case CborReader::Major::kNegative: return "negative integer";
    case CborReader::Major::kBytes: return "byte string";
    case CborReader::Major::kText: return "text string";
    case CborReader::Major::kArray: return "array";
    case CborReader::Major::kMap: return "map";
    case CborReader::Major::kTag: return "tag";
    case CborReader::Major::kSimple: return "simple value";
  }
  return "item";
}

}  // namespace

Result<ByteView> CborReader::Take(std::uint64_t n) {
  if (n > rest_.size())
    return Malformed(fmt::format("CBOR has {} bytes left, wanted {}", rest_.size(), n));
  const ByteView taken = rest_.first(static_cast<std::size_t>(n));
  rest_ = rest_.subspan(taken.size());
  return taken;
}

Result<CborReader::AnyHead> CborReader::NextHead() {
  ASSIGN_OR_RETURN(const ByteView first, Take(1));
  const Major major = static_cast<Major>(first[0] >> 5U);
  const unsigned info = first[0] & 0x1fU;
  if (info < 24) return AnyHead{major, info};
  if (info > 27)
    return Malformed(fmt::format("CBOR {} of indefinite or reserved length", Name(major)));
  const std::size_t width = std::size_t{1} << (info - 24);
  ASSIGN_OR_RETURN(const ByteView bytes, Take(width));
  std::uint64_t argument = 0;
  for (const std::uint8_t byte : bytes) argument = (argument << 8U) | byte;
  const std::uint64_t least = width == 1 ? 24 : std::uint64_t{1} << (4 * width);
  if (major != Major::kSimple && argument < least) {
    return Malformed(fmt::format("CBOR {} with {} in {} bytes, wanted the shortest form",
                                 Name(major), argument, width));
  }
  return AnyHead{major, argument};
}

Result<std::uint64_t> CborReader::Head(Major wanted) {
  ASSIGN_OR_RETURN(const AnyHead head, NextHead());
  if (head.major == wanted) return head.argument;
  return Malformed(fmt::format("CBOR {}, wanted {}", Name(head.major), Name(wanted)));
}

Result<ByteView> CborReader::String(Major wanted) {
  ASSIGN_OR_RETURN(const std::uint64_t size, Head(wanted));
  return Take(size);
}

Result<std::string_view> CborReader::TextString() {
  ASSIGN_OR_RETURN(const ByteView bytes, String(Major::kText));
  if (!IsUtf8(AsText(bytes))) return Malformed("CBOR text string is no UTF-8");
  return AsText(bytes);
}

Status CborReader::Skip(int depth) {
  if (depth < 0) return Malformed("CBOR is nested too deep");
  ASSIGN_OR_RETURN(const AnyHead head, NextHead());
  std::uint64_t children = 0;
  switch (head.major) {
    case Major::kUnsigned:
    case Major::kNegative:
    case Major::kSimple: return {};
    case Major::kBytes:
    case Major::kText: {
      RETURN_IF_ERROR(Take(head.argument));
      return {};
    }
    case Major::kArray: children = head.argument; break;
    case Major::kMap:
      if (head.argument > rest_.size()) return Malformed("CBOR map of more pairs than bytes");
      children = 2 * head.argument;
      break;
    case Major::kTag: children = 1; break;
  }
  // Every item has at least a byte: a count that claims more ends here, not in a long loop.
  if (children > rest_.size()) return Malformed("CBOR array of more items than bytes");
  for (std::uint64_t i = 0; i < children; ++i) RETURN_IF_ERROR(Skip(depth - 1));
  return {};
}

Status CborReader::ExpectEnd() const {
  if (rest_.empty()) return {};
  return Malformed(fmt::format("{} bytes after the last CBOR item, wanted none", rest_.size()));
}

CborWriter& CborWriter::Head(CborReader::Major major, std::uint64_t argument) {
  const auto top = static_cast<std::uint8_t>(static_cast<unsigned>(major) << 5U);
  if (argument < 24) {
    bytes_.push_back(static_cast<std::uint8_t>(top | argument));
    return *this;
  }
  const unsigned log = argument <= 0xff         ? 0
                       : argument <= 0xffff     ? 1
                       : argument <= 0xffffffff ? 2
                                                : 3;
  bytes_.push_back(static_cast<std::uint8_t>(top | (24 + log)));
  for (unsigned i = 1U << log; i-- > 0;)
    bytes_.push_back(static_cast<std::uint8_t>(argument >> (8 * i)));
  return *this;
}

CborWriter& CborWriter::ByteString(ByteView bytes) {
  Head(CborReader::Major::kBytes, bytes.size());
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  return *this;
}

CborWriter& CborWriter::TextString(std::string_view text) {
  Head(CborReader::Major::kText, text.size());
  bytes_.insert(bytes_.end(), text.begin(), text.end());
  return *this;
}

}  // namespace strongroom::ratls
