#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace strongroom {

// The one cursor over untrusted bytes: take n or fail. Owns nothing; results point into the input.
// Every failure is kMalformed and names the offset and what was wanted.
class Reader {
 public:
  // `what` names the input in errors ("quote"); it must outlive the reader, a literal does.
  explicit Reader(ByteView bytes, std::string_view what = "input") : bytes_(bytes), what_(what) {}

  Result<ByteView> Take(std::size_t n) {
    if (n > remaining()) return TooShort(n);
    const ByteView view = bytes_.subspan(offset_, n);
    offset_ += n;
    return view;
  }
  Status Skip(std::size_t n);

  template <class Fixed>
  Result<Fixed> TakeFixed() {
    ASSIGN_OR_RETURN(const ByteView view, Take(Fixed::kSize));
    return Fixed::From(view);
  }

  Result<std::uint8_t> U8();
  Result<std::uint16_t> U16Le();
  Result<std::uint32_t> U32Le();
  Result<std::uint64_t> U64Le();
  Result<std::uint16_t> U16Be();
  Result<std::uint32_t> U32Be();
  Result<std::uint64_t> U64Be();

  // A length prefix and that many bytes; more than `max` is refused before anything is taken.
  Result<ByteView> Prefixed16Le(std::size_t max);
  Result<ByteView> Prefixed32Le(std::size_t max);

  // kMalformed when bytes are left over.
  Status ExpectEnd() const;

  ByteView Rest() const { return bytes_.subspan(offset_); }
  std::size_t offset() const { return offset_; }
  std::size_t remaining() const { return bytes_.size() - offset_; }
  bool empty() const { return remaining() == 0; }

 private:
  std::unexpected<Error> TooShort(std::size_t wanted) const;
  Result<std::uint64_t> TakeInteger(std::size_t width, bool little_endian);
  Result<ByteView> TakePrefixed(Result<std::uint64_t> length, std::size_t max);

  ByteView bytes_;
  std::string_view what_;
  std::size_t offset_ = 0;
};

// Appends to bytes of its own, in the layouts that Reader reads.
class Writer {
 public:
  Writer& Put(ByteView bytes);
  Writer& Put(std::string_view text) { return Put(AsBytes(text)); }
  Writer& Zeros(std::size_t n);
  Writer& U8(std::uint8_t v);
  Writer& U16Le(std::uint16_t v);
  Writer& U32Le(std::uint32_t v);
  Writer& U64Le(std::uint64_t v);
  Writer& U16Be(std::uint16_t v);
  Writer& U32Be(std::uint32_t v);
  Writer& U64Be(std::uint64_t v);

  // u32 little-endian length, then the bytes.
  Writer& Prefixed32Le(ByteView bytes);
  Writer& Prefixed32Le(std::string_view text) { return Prefixed32Le(AsBytes(text)); }

  const Bytes& bytes() const { return bytes_; }
  Bytes Finish() && { return std::move(bytes_); }

 private:
  Writer& PutInteger(std::uint64_t v, std::size_t width, bool little_endian);
  Bytes bytes_;
};

}  // namespace strongroom
