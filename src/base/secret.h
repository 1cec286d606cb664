#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/bytes.h"

namespace strongroom {

// Overwrites `bytes` in a way the compiler may not drop.
void Wipe(std::span<std::uint8_t> bytes);
// For what a library wants as text.
void Wipe(std::string& text);

// Bytes that must not leak: moved, cloned aloud, revealed last, compared in constant time, wiped at
// the end. Never logged, never turned into text. Search for Reveal() to list every place that
// touches raw secrets.
class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(std::size_t size) : bytes_(size) {}
  explicit SecretBytes(ByteView copied_from) : bytes_(copied_from.begin(), copied_from.end()) {}

  // Takes the memory over; the source vector is empty afterwards.
  static SecretBytes Adopt(Bytes&& bytes);

  SecretBytes(SecretBytes&& other) noexcept;
  SecretBytes& operator=(SecretBytes&& other) noexcept;
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  ~SecretBytes() { Wipe(bytes_); }

  SecretBytes Clone() const { return SecretBytes(ByteView(bytes_)); }
  ByteView Reveal() const { return bytes_; }
  std::span<std::uint8_t> RevealWritable() { return bytes_; }

  std::size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }

  friend bool operator==(const SecretBytes& a, const SecretBytes& b) {
    return ConstantTimeEqual(a.bytes_, b.bytes_);
  }

 private:
  Bytes bytes_;
};

}  // namespace strongroom
