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

// Writes beside the target under a temporary name, syncs, renames over it, syncs the folder. When
// only the last fails, the new content is in place and may be lost in a crash; after any other
// failure the old content is untouched and nothing half-written stays. `mode` is exact (no umask).
Status WriteFileAtomic(const std::filesystem::path& path, ByteView bytes, unsigned mode);
// The same, but kConflict when the target exists.
Status CreateFileAtomic(const std::filesystem::path& path, ByteView bytes, unsigned mode);

// Whether something, or a folder, is at `path`; links are followed. A failure when that cannot be
// told: no right to look, a loop of links, a name too long.
Result<bool> Exists(const std::filesystem::path& path);
Result<bool> IsFolder(const std::filesystem::path& path);
// From the root, without "." and ".." in it. A failure for an empty path, and for a relative one
// when the working folder is gone.
Result<std::filesystem::path> AbsolutePath(const std::filesystem::path& path);
// Paths of all that is in `folder`, sorted. kExhausted when that is more than `max_entries`.
Result<std::vector<std::filesystem::path>> ListFolder(const std::filesystem::path& folder,
                                                      std::size_t max_entries);

// Makes the names in an open folder last over a crash. Where the file system cannot sync folders,
// nothing is done and nothing fails. `what` is what messages call it.
Status SyncFolder(int folder, std::string_view what);

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
