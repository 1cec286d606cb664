#include "base/bytes.h"

#include <algorithm>

namespace strongroom {

ByteView AsBytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string_view AsText(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Bytes ToBytes(ByteView view) { return {view.begin(), view.end()}; }
Bytes ToBytes(std::string_view text) { return ToBytes(AsBytes(text)); }
std::string ToText(ByteView view) { return std::string(AsText(view)); }

Bytes Concat(std::initializer_list<ByteView> parts) {
  Bytes out;
  std::size_t size = 0;
  for (const ByteView part : parts) size += part.size();
  out.reserve(size);
  for (const ByteView part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

bool Equal(ByteView a, ByteView b) { return std::ranges::equal(a, b); }

bool ConstantTimeEqual(ByteView a, ByteView b) {
  if (a.size() != b.size()) return false;
  std::uint8_t difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    difference = static_cast<std::uint8_t>(difference | (a[i] ^ b[i]));
  // The barrier keeps the compiler from turning the loop into an early exit.
  asm volatile("" : "+r"(difference));
  return difference == 0;
}

}  // namespace strongroom
