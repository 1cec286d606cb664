#pragma once

#include <string>
#include <utility>

#include "base/files.h"
#include "base/result.h"
#include "crypto/hash.h"
#include "simtee/file_tree.h"

namespace strongroom::simtee {

inline constexpr std::size_t kMaxFrozenBytes = std::size_t{2} << 30;

// A read-only view of sealed memory, unmapped at the end.
class Mapping {
 public:
  Mapping() = default;
  explicit Mapping(ByteView bytes) : bytes_(bytes) {}
  Mapping(Mapping&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  Mapping& operator=(Mapping&&) = delete;
  ~Mapping();

  ByteView bytes() const { return bytes_; }

 private:
  ByteView bytes_;
};

// A copy of a file in sealed memory: nobody, not even its owner, can change it any more. What is
// hashed, what the library closure is read from and what runs later are these same bytes.
class FrozenFile {
 public:
  // Copies `source`, then seals the copy, then hashes it. kNotFound, kDenied; kMalformed for what
  // is no regular file; kExhausted above kMaxFrozenBytes.
  static Result<FrozenFile> Freeze(const std::string& source, const FileTree& tree = {});

  // Mapped for as long as it is needed: the memory is given back when the last descriptor and the
  // last mapping are gone.
  Result<Mapping> Map() const;
  const crypto::Sha256Digest& sha256() const { return sha256_; }

 private:
  FrozenFile(UniqueFd fd, std::size_t size) : fd_(std::move(fd)), size_(size) {}

  UniqueFd fd_;
  std::size_t size_;
  crypto::Sha256Digest sha256_;
};

}  // namespace strongroom::simtee
