#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "pfs/file_writer.h"
#include "pfs/node_cipher.h"

namespace strongroom::pfs::testing {

// Numbers that look random and are the same every time. Entropy for files whose bytes a test
// repeats: never for real ones.
class RepeatableEntropy final : public Entropy {
 public:
  explicit RepeatableEntropy(std::uint64_t seed) : state_(seed) {}
  void Fill(std::span<std::uint8_t> out) override;

 private:
  std::uint64_t state_;
};

WrapKey Key(std::uint8_t fill);

// `size` bytes, different at every place.
Bytes Plaintext(std::size_t size, std::uint64_t seed = 1);

// A protected file in memory.
Bytes MakeFile(ByteView plain, const WrapKey& key, std::string_view path = "m/1/model.bin",
               Format format = Format::kGramine2);

}  // namespace strongroom::pfs::testing
