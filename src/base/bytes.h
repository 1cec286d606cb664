#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace strongroom {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

// Views of the same memory as text or bytes; the caller keeps the memory alive.
ByteView AsBytes(std::string_view text);
std::string_view AsText(ByteView bytes);

Bytes ToBytes(ByteView view);
Bytes ToBytes(std::string_view text);
std::string ToText(ByteView view);
Bytes Concat(std::initializer_list<ByteView> parts);

// Equality of public values. Secrets and authenticators: ConstantTimeEqual.
bool Equal(ByteView a, ByteView b);

// Compares without a data-dependent branch; false at once when the lengths differ (lengths are
// public).
bool ConstantTimeEqual(ByteView a, ByteView b);

// N bytes with a meaning: MrEnclave and MrSigner have the same size and are not the same type.
//   struct MrEnclaveTag; using MrEnclave = FixedBytes<MrEnclaveTag, 32>;
template <class Tag, std::size_t N>
class FixedBytes {
 public:
  static constexpr std::size_t kSize = N;

  constexpr FixedBytes() : bytes_{} {}
  constexpr explicit FixedBytes(const std::array<std::uint8_t, N>& bytes) : bytes_(bytes) {}

  // kMalformed when `view` is not exactly N bytes long.
  static Result<FixedBytes> From(ByteView view) {
    if (view.size() != N) {
      return Malformed("found " + std::to_string(view.size()) + " bytes, wanted " +
                       std::to_string(N));
    }
    FixedBytes out;
    std::copy(view.begin(), view.end(), out.bytes_.begin());
    return out;
  }

  ByteView view() const { return bytes_; }
  const std::array<std::uint8_t, N>& array() const { return bytes_; }
  std::span<std::uint8_t, N> writable() { return bytes_; }

  auto operator<=>(const FixedBytes&) const = default;

 private:
  std::array<std::uint8_t, N> bytes_;
};

}  // namespace strongroom
