#include "base/reader.h"

#include <fmt/format.h>

namespace strongroom {

std::unexpected<Error> Reader::TooShort(std::size_t wanted) const {
  return Malformed(fmt::format("{}: {} bytes left at offset {}, wanted {}", what_, remaining(),
                               offset_, wanted));
}

Status Reader::Skip(std::size_t n) {
  RETURN_IF_ERROR(Take(n));
  return {};
}

Result<std::uint64_t> Reader::TakeInteger(std::size_t width, bool little_endian) {
  ASSIGN_OR_RETURN(const ByteView view, Take(width));
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < width; ++i)
    value = (value << 8) | view[little_endian ? width - 1 - i : i];
  return value;
}

Result<std::uint8_t> Reader::U8() {
  ASSIGN_OR_RETURN(const ByteView view, Take(1));
  return view[0];
}
Result<std::uint16_t> Reader::U16Le() {
  ASSIGN_OR_RETURN(const std::uint64_t v, TakeInteger(2, true));
  return static_cast<std::uint16_t>(v);
}
Result<std::uint32_t> Reader::U32Le() {
  ASSIGN_OR_RETURN(const std::uint64_t v, TakeInteger(4, true));
  return static_cast<std::uint32_t>(v);
}
Result<std::uint64_t> Reader::U64Le() { return TakeInteger(8, true); }
Result<std::uint16_t> Reader::U16Be() {
  ASSIGN_OR_RETURN(const std::uint64_t v, TakeInteger(2, false));
  return static_cast<std::uint16_t>(v);
}
Result<std::uint32_t> Reader::U32Be() {
  ASSIGN_OR_RETURN(const std::uint64_t v, TakeInteger(4, false));
  return static_cast<std::uint32_t>(v);
}
Result<std::uint64_t> Reader::U64Be() { return TakeInteger(8, false); }

Result<ByteView> Reader::TakePrefixed(Result<std::uint64_t> length, std::size_t max) {
  ASSIGN_OR_RETURN(const std::uint64_t n, std::move(length));
  if (n > max) {
    return Malformed(
        fmt::format("{}: length {} at offset {}, wanted at most {}", what_, n, offset_, max));
  }
  return Take(static_cast<std::size_t>(n));
}

Result<ByteView> Reader::Prefixed16Le(std::size_t max) {
  return TakePrefixed(TakeInteger(2, true), max);
}
Result<ByteView> Reader::Prefixed32Le(std::size_t max) {
  return TakePrefixed(TakeInteger(4, true), max);
}

Status Reader::ExpectEnd() const {
  if (empty()) return {};
  return Malformed(
      fmt::format("{}: {} bytes left over at offset {}, wanted none", what_, remaining(), offset_));
}

Writer& Writer::Put(ByteView bytes) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  return *this;
}

Writer& Writer::Zeros(std::size_t n) {
  bytes_.resize(bytes_.size() + n, 0);
  return *this;
}

Writer& Writer::PutInteger(std::uint64_t v, std::size_t width, bool little_endian) {
  for (std::size_t i = 0; i < width; ++i) {
    const std::size_t shift = 8 * (little_endian ? i : width - 1 - i);
    bytes_.push_back(static_cast<std::uint8_t>((v >> shift) & 0xff));
  }
  return *this;
}

Writer& Writer::U8(std::uint8_t v) { return PutInteger(v, 1, true); }
Writer& Writer::U16Le(std::uint16_t v) { return PutInteger(v, 2, true); }
Writer& Writer::U32Le(std::uint32_t v) { return PutInteger(v, 4, true); }
Writer& Writer::U64Le(std::uint64_t v) { return PutInteger(v, 8, true); }
Writer& Writer::U16Be(std::uint16_t v) { return PutInteger(v, 2, false); }
Writer& Writer::U32Be(std::uint32_t v) { return PutInteger(v, 4, false); }
Writer& Writer::U64Be(std::uint64_t v) { return PutInteger(v, 8, false); }

Writer& Writer::Prefixed32Le(ByteView bytes) {
  U32Le(static_cast<std::uint32_t>(bytes.size()));
  return Put(bytes);
}

}  // namespace strongroom
