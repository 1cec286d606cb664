#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/secret.h"

namespace strongroom {

// Owns a file descriptor; closes it.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  ~UniqueFd() { Reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int Release() { return std::exchange(fd_, -1); }
  void Reset();

 private:
  int fd_ = -1;
};

// The whole file. kExhausted when it is larger than `max_bytes`, kNotFound, kDenied, kMalformed for
// a folder. Reads until end of file, so pseudo files that claim size 0 work.
Result<Bytes> ReadFile(const std::filesystem::path& path, std::size_t max_bytes);
Result<std::string> ReadTextFile(const std::filesystem::path& path, std::size_t max_bytes);
Result<SecretBytes> ReadSecretFile(const std::filesystem::path& path, std::size_t max_bytes);

// Writes beside the target under a temporary name, syncs, renames over it, syncs the folder. After
// any failure the old content is untouched and nothing half-written stays. `mode` is exact (no
// umask).
Status WriteFileAtomic(const std::filesystem::path& path, ByteView bytes, unsigned mode);
// The same, but kConflict when the target exists.
Status CreateFileAtomic(const std::filesystem::path& path, ByteView bytes, unsigned mode);

// All of `bytes` to `fd`, through short writes and EINTR.
Status WriteAll(int fd, ByteView bytes, std::string_view what);

// A new folder of mode 0700 under the system's temporary folder, removed with all it holds at the
// end.
class TemporaryFolder {
 public:
  static Result<TemporaryFolder> Make(std::string_view prefix);
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder();

  const std::filesystem::path& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

}  // namespace strongroom
