#pragma once

#include <functional>

#include "base/bytes.h"

namespace strongroom::testing {

// Calls `check` with every proper prefix of `bytes`, shortest first. `offset` is the prefix's
// length.
void ForEachTruncation(ByteView bytes,
                       const std::function<void(ByteView mutated, std::size_t offset)>& check);

// Calls `check` with `bytes` changed at one offset (xor `mask`), for every offset.
void ForEachFlippedByte(ByteView bytes,
                        const std::function<void(ByteView mutated, std::size_t offset)>& check,
                        std::uint8_t mask = 0x01);

// The same with masks that find different things: the lowest bit, one that numbers a protobuf's
// field, the case of a letter, the highest.
void ForEachFlip(ByteView bytes,
                 const std::function<void(ByteView mutated, std::size_t offset)>& check);

}  // namespace strongroom::testing
