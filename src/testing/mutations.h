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

}  // namespace strongroom::testing
