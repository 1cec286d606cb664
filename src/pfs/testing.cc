#include "pfs/testing.h"

#include <cstdlib>

namespace strongroom::pfs::testing {

// splitmix64 (Steele, Lea, Flood 2014).
void RepeatableEntropy::Fill(std::span<std::uint8_t> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (i % 8 == 0) state_ += 0x9e3779b97f4a7c15;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    z ^= z >> 31;
    out[i] = static_cast<std::uint8_t>(z >> (i % 8 * 8));
  }
}

WrapKey Key(std::uint8_t fill) { return WrapKey::From(SecretBytes(Bytes(kKeySize, fill))).value(); }

Bytes Plaintext(std::size_t size, std::uint64_t seed) {
  Bytes out(size);
  RepeatableEntropy(seed).Fill(out);
  return out;
}

Bytes MakeFile(ByteView plain, const WrapKey& key, std::string_view path, Format format) {
  MemorySink sink;
  RepeatableEntropy entropy(plain.size() + 7);
  const MemorySource source(plain);
  if (!EncryptAll(source, sink, key, entropy, {.path = path, .format = format})) std::abort();
  return std::move(sink).Finish();
}

}  // namespace strongroom::pfs::testing
