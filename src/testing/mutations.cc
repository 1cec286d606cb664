#include "testing/mutations.h"

namespace strongroom::testing {

void ForEachTruncation(ByteView bytes, const std::function<void(ByteView, std::size_t)>& check) {
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    const Bytes copy =
        ToBytes(bytes.first(n));  // a copy of its own size, so that sanitizers see a read past it
    check(copy, n);
  }
}

void ForEachFlippedByte(ByteView bytes, const std::function<void(ByteView, std::size_t)>& check,
                        std::uint8_t mask) {
  Bytes copy = ToBytes(bytes);
  for (std::size_t i = 0; i < copy.size(); ++i) {
    copy[i] = static_cast<std::uint8_t>(copy[i] ^ mask);
    check(copy, i);
    copy[i] = static_cast<std::uint8_t>(copy[i] ^ mask);
  }
}

void ForEachFlip(ByteView bytes, const std::function<void(ByteView, std::size_t)>& check) {
  for (const unsigned mask : {0x01U, 0x08U, 0x20U, 0x80U})
    ForEachFlippedByte(bytes, check, static_cast<std::uint8_t>(mask));
}

}  // namespace strongroom::testing
