#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace strongroom::ratls {

// A cursor over CBOR (RFC 8949) as evidence uses it: definite lengths in their shortest form,
// unsigned integers, byte and text strings, arrays, maps, tags. Whatever else comes is kMalformed.
// Owns nothing; views point into the input.
class CborReader {
 public:
  enum class Major : std::uint8_t {
    kUnsigned = 0,
    kNegative = 1,
    kBytes = 2,
    kText = 3,
    kArray = 4,
    kMap = 5,
    kTag = 6,
    kSimple = 7,
  };

  explicit CborReader(ByteView bytes) : rest_(bytes) {}

  Result<std::uint64_t> Unsigned() { return Head(Major::kUnsigned); }
  Result<ByteView> ByteString() { return String(Major::kBytes); }
  Result<std::string_view> TextString();
  // The number of elements or of pairs that follow.
  Result<std::uint64_t> Array() { return Head(Major::kArray); }
  Result<std::uint64_t> Map() { return Head(Major::kMap); }
  Result<std::uint64_t> Tag() { return Head(Major::kTag); }

  // Any one item with all that is in it, to at most `depth` levels.
  Status Skip(int depth = 8);

  bool empty() const { return rest_.empty(); }
  ByteView Rest() const { return rest_; }
  Status ExpectEnd() const;

 private:
  struct AnyHead {
    Major major;
    std::uint64_t argument;
  };
  Result<AnyHead> NextHead();
  Result<std::uint64_t> Head(Major wanted);
  Result<ByteView> String(Major wanted);
  Result<ByteView> Take(std::uint64_t n);

  ByteView rest_;
};

// Appends items in their shortest form.
class CborWriter {
 public:
  CborWriter& Unsigned(std::uint64_t value) { return Head(CborReader::Major::kUnsigned, value); }
  CborWriter& ByteString(ByteView bytes);
  CborWriter& TextString(std::string_view text);
  CborWriter& Array(std::uint64_t elements) { return Head(CborReader::Major::kArray, elements); }
  CborWriter& Map(std::uint64_t pairs) { return Head(CborReader::Major::kMap, pairs); }
  CborWriter& Tag(std::uint64_t tag) { return Head(CborReader::Major::kTag, tag); }

  Bytes Finish() && { return std::move(bytes_); }

 private:
  CborWriter& Head(CborReader::Major major, std::uint64_t argument);

  Bytes bytes_;
};

}  // namespace strongroom::ratls
