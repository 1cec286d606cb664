#pragma once

#include <filesystem>
#include <span>

#include "base/files.h"
#include "base/result.h"
#include "crypto/hash.h"

namespace strongroom::simtee {

inline constexpr std::size_t kMaxFrozenBytes = std::size_t{2} << 30;

// A copy of a file in sealed memory: nobody, not even its owner, can change it any more. What is
// hashed, what the library closure is read from and what runs later are these same bytes.
class FrozenFile {
 public:
  // Copies `source`, then seals the copy, then hashes it. kNotFound, kDenied; kMalformed for what
  // is no regular file; kExhausted above kMaxFrozenBytes.
  static Result<FrozenFile> Freeze(const std::filesystem::path& source);

  FrozenFile(FrozenFile&& other) noexcept;
  FrozenFile& operator=(FrozenFile&&) = delete;
  ~FrozenFile();

  ByteView bytes() const { return bytes_; }
  const crypto::Sha256Digest& sha256() const { return sha256_; }

 private:
  FrozenFile(UniqueFd fd, ByteView bytes);

  UniqueFd fd_;
  ByteView bytes_;  // a read-only mapping of fd_
  crypto::Sha256Digest sha256_;
};

}  // namespace strongroom::simtee
