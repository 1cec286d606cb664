#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"

namespace strongroom {

// How a field of a protobuf message is laid out (protobuf encoding specification, "Message
// Structure").
enum class ProtoWire : std::uint8_t { kVarint = 0, kFixed64 = 1, kLength = 2, kFixed32 = 5 };

struct ProtoField {
  std::uint32_t number = 0;
  ProtoWire wire = ProtoWire::kVarint;
  std::uint64_t value = 0;  // of varints and fixed numbers
  ByteView bytes{};         // of length-delimited fields; points into the message
};

// Reads a protobuf message field by field without copying: for messages whose payload is large, or
// whose code would otherwise drag in a library. Decides nothing about unknown fields; the caller
// skips or refuses them.
class ProtoReader {
 public:
  // `what` names the message in errors; it must outlive the reader, a literal does.
  explicit ProtoReader(ByteView message, std::string_view what = "message")
      : bytes_(message), what_(what) {}

  // The next field; empty at the end. kMalformed for truncation, field number 0, overlong numbers
  // and groups.
  Result<std::optional<ProtoField>> Next();

  // The next bare number, as packed lists hold them. kMalformed at the end: ask empty() first.
  Result<std::uint64_t> Varint();

  bool empty() const { return offset_ == bytes_.size(); }

 private:
  Result<ByteView> Take(std::uint64_t n);

  ByteView bytes_;
  std::string_view what_;
  std::size_t offset_ = 0;
};

// Errors for a field that has another layout than its number says.
Result<ByteView> ProtoBytes(const ProtoField& field, std::string_view what);
Result<std::string_view> ProtoText(const ProtoField& field, std::string_view what);
Result<std::uint64_t> ProtoVarint(const ProtoField& field, std::string_view what);

// Writes protobuf messages. Lengths of nested messages are given before their content, so large
// payloads are copied once: `w.Header(4, payload.size()).Raw(payload)`.
class ProtoWriter {
 public:
  ProtoWriter& Varint(std::uint32_t number, std::uint64_t value);
  ProtoWriter& Bytes(std::uint32_t number, ByteView bytes);
  ProtoWriter& Text(std::uint32_t number, std::string_view text) {
    return Bytes(number, AsBytes(text));
  }
  ProtoWriter& Message(std::uint32_t number, const ProtoWriter& message) {
    return Bytes(number, message.bytes_);
  }

  // Tag and length of a length-delimited field whose content the caller appends next.
  ProtoWriter& Header(std::uint32_t number, std::size_t length);
  ProtoWriter& Raw(ByteView bytes);
  ProtoWriter& RawVarint(std::uint64_t value);

  // Room for `more` bytes without another allocation.
  void Reserve(std::size_t more) { bytes_.reserve(bytes_.size() + more); }

  const strongroom::Bytes& bytes() const { return bytes_; }
  strongroom::Bytes Finish() && { return std::move(bytes_); }

  static std::size_t VarintSize(std::uint64_t value);
  // Bytes of a length-delimited field: tag, length and content.
  static std::size_t FieldSize(std::uint32_t number, std::size_t length);

 private:
  strongroom::Bytes bytes_;
};

}  // namespace strongroom
