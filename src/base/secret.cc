#include "base/secret.h"

#include <string.h>  // NOLINT(modernize-deprecated-headers): explicit_bzero is POSIX, not C++

namespace strongroom {

void Wipe(std::span<std::uint8_t> bytes) {
  if (!bytes.empty()) explicit_bzero(bytes.data(), bytes.size());
}

void Wipe(std::string& text) { Wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()}); }

SecretBytes SecretBytes::Adopt(Bytes&& bytes) {
  SecretBytes out;
  out.bytes_ = std::move(bytes);
  bytes.clear();
  return out;
}

SecretBytes::SecretBytes(SecretBytes&& other) noexcept : bytes_(std::move(other.bytes_)) {
  other.bytes_.clear();
}

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
  if (this == &other) return *this;
  Wipe(bytes_);
  bytes_ = std::move(other.bytes_);
  other.bytes_.clear();
  return *this;
}

}  // namespace strongroom
