#include "base/proto_wire.h"

#include <fmt/format.h>

#include "base/reader.h"

namespace strongroom {
namespace {

constexpr std::uint64_t Tag(std::uint32_t number, ProtoWire wire) {
  return (static_cast<std::uint64_t>(number) << 3) | static_cast<std::uint64_t>(wire);
}

std::unexpected<Error> WrongWire(const ProtoField& field, std::string_view what,
                                 std::string_view wanted) {
  return Malformed(fmt::format("{}: field {} has wire type {}, wanted {}", what, field.number,
                               static_cast<int>(field.wire), wanted));
}

}  // namespace

Result<ByteView> ProtoReader::Take(std::uint64_t n) {
  if (n > bytes_.size() - offset_) {
    return Malformed(fmt::format("{} ends at offset {}, wanted {} more bytes", what_, bytes_.size(),
                                 n - (bytes_.size() - offset_)));
  }
  const ByteView taken = bytes_.subspan(offset_, static_cast<std::size_t>(n));
  offset_ += static_cast<std::size_t>(n);
  return taken;
}

Result<std::uint64_t> ProtoReader::Varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (empty())
      return Malformed(fmt::format("{} ends within a number at offset {}", what_, offset_));
    const std::uint8_t byte = bytes_[offset_++];
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) {
      if (shift == 63 && byte > 1) break;
      return value;
    }
  }
  return Malformed(
      fmt::format("{} has a number of more than 64 bits before offset {}", what_, offset_));
}

Result<std::optional<ProtoField>> ProtoReader::Next() {
  if (empty()) return std::nullopt;
  ASSIGN_OR_RETURN(const std::uint64_t tag, Varint());
  if (tag >> 3 == 0 || tag >> 3 > 0x1fff'ffff) {
    return Malformed(fmt::format("{} has field number {}, wanted 1 to 2^29-1", what_, tag >> 3));
  }
  ProtoField field{.number = static_cast<std::uint32_t>(tag >> 3),
                   .wire = static_cast<ProtoWire>(tag & 7)};
  switch (field.wire) {
    case ProtoWire::kVarint: {
      ASSIGN_OR_RETURN(field.value, Varint());
      return field;
    }
    case ProtoWire::kLength: {
      ASSIGN_OR_RETURN(const std::uint64_t length, Varint());
      ASSIGN_OR_RETURN(field.bytes, Take(length));
      return field;
    }
    case ProtoWire::kFixed64: {
      ASSIGN_OR_RETURN(const ByteView bytes, Take(8));
      ASSIGN_OR_RETURN(field.value, Reader(bytes).U64Le());
      return field;
    }
    case ProtoWire::kFixed32: {
      ASSIGN_OR_RETURN(const ByteView bytes, Take(4));
      ASSIGN_OR_RETURN(field.value, Reader(bytes).U32Le());
      return field;
    }
  }
  return Malformed(fmt::format("{}: field {} has wire type {}, wanted 0, 1, 2 or 5", what_,
                               field.number, tag & 7));
}

Result<ByteView> ProtoBytes(const ProtoField& field, std::string_view what) {
  if (field.wire != ProtoWire::kLength) return WrongWire(field, what, "bytes");
  return field.bytes;
}

Result<std::string_view> ProtoText(const ProtoField& field, std::string_view what) {
  if (field.wire != ProtoWire::kLength) return WrongWire(field, what, "text");
  return AsText(field.bytes);
}

Result<std::uint64_t> ProtoVarint(const ProtoField& field, std::string_view what) {
  if (field.wire != ProtoWire::kVarint) return WrongWire(field, what, "a number");
  return field.value;
}

ProtoWriter& ProtoWriter::RawVarint(std::uint64_t value) {
  while (value >= 0x80) {
    bytes_.push_back(static_cast<std::uint8_t>(value | 0x80));
    value >>= 7;
  }
  bytes_.push_back(static_cast<std::uint8_t>(value));
  return *this;
}

ProtoWriter& ProtoWriter::Varint(std::uint32_t number, std::uint64_t value) {
  return RawVarint(Tag(number, ProtoWire::kVarint)).RawVarint(value);
}

ProtoWriter& ProtoWriter::Header(std::uint32_t number, std::size_t length) {
  return RawVarint(Tag(number, ProtoWire::kLength)).RawVarint(length);
}

ProtoWriter& ProtoWriter::Bytes(std::uint32_t number, ByteView bytes) {
  return Header(number, bytes.size()).Raw(bytes);
}

ProtoWriter& ProtoWriter::Raw(ByteView bytes) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  return *this;
}

std::size_t ProtoWriter::VarintSize(std::uint64_t value) {
  std::size_t size = 1;
  while (value >>= 7) ++size;
  return size;
}

std::size_t ProtoWriter::FieldSize(std::uint32_t number, std::size_t length) {
  return VarintSize(Tag(number, ProtoWire::kLength)) + VarintSize(length) + length;
}

}  // namespace strongroom
