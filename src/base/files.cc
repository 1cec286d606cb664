#include "base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <optional>
#include <system_error>

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/entropy.h"

namespace strongroom {

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (this != &other) {
    Reset();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void UniqueFd::Reset() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

Result<SecretBytes> ReadSecretFile(const std::filesystem::path& path, std::size_t max_bytes) {
  // One byte more than allowed is read to tell; the sum must not overflow.
  max_bytes = std::min(max_bytes, std::numeric_limits<std::size_t>::max() / 4);
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return FromErrno(errno, path.string());
  struct stat info{};
  if (fstat(fd.get(), &info) != 0) return FromErrno(errno, path.string());
  if (S_ISDIR(info.st_mode))
    return Malformed(fmt::format("{} is a folder, wanted a file", path.string()));

  // Grown by hand so that no unwiped copy is left behind by a reallocation.
  SecretBytes buffer(std::min(max_bytes, static_cast<std::size_t>(info.st_size) + 4096) + 1);
  std::size_t used = 0;
  while (true) {
    if (used > max_bytes)
      return Exhausted(fmt::format("{} is larger than {} bytes", path.string(), max_bytes));
    if (used == buffer.size()) {
      SecretBytes larger(std::min(max_bytes + 1, buffer.size() * 2));
      std::copy(buffer.Reveal().begin(), buffer.Reveal().end(), larger.RevealWritable().begin());
      buffer = std::move(larger);
    }
    const auto room = buffer.RevealWritable().subspan(used);
    const ssize_t n = read(fd.get(), room.data(), room.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FromErrno(errno, path.string());
    if (n == 0) break;
    used += static_cast<std::size_t>(n);
  }
  return SecretBytes(buffer.Reveal().first(used));
}

Result<Bytes> ReadFile(const std::filesystem::path& path, std::size_t max_bytes) {
  ASSIGN_OR_RETURN(const SecretBytes content, ReadSecretFile(path, max_bytes));
  return ToBytes(content.Reveal());
}

Result<std::string> ReadTextFile(const std::filesystem::path& path, std::size_t max_bytes) {
  ASSIGN_OR_RETURN(const SecretBytes content, ReadSecretFile(path, max_bytes));
  return ToText(content.Reveal());
}

namespace {

// What is at `path`, links followed; empty where nothing is.
Result<std::optional<struct stat>> StatusOf(const std::filesystem::path& path) {
  struct stat info{};
  if (stat(path.c_str(), &info) == 0) return info;
  if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
  return FromErrno(errno, path.string());
}

}  // namespace

Result<bool> Exists(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(const auto status, StatusOf(path));
  return status.has_value();
}

Result<bool> IsFolder(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(const auto status, StatusOf(path));
  return status.has_value() && S_ISDIR(status->st_mode);
}

Result<std::filesystem::path> AbsolutePath(const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  if (error) return FromErrno(error.value(), fmt::format("\"{}\"", path.string()));
  return absolute.lexically_normal();
}

Result<std::vector<std::filesystem::path>> ListFolder(const std::filesystem::path& folder,
                                                      std::size_t max_entries) {
  std::vector<std::filesystem::path> entries;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entries.size() == max_entries)
      return Exhausted(fmt::format("{} holds more than {} names", folder.string(), max_entries));
    entries.push_back(entry->path());
  }
  if (error) return FromErrno(error.value(), folder.string());
  std::ranges::sort(entries);
  return entries;
}

Status SyncFolder(int folder, std::string_view what) {
  if (fsync(folder) != 0 && errno != EINVAL && errno != EROFS) return FromErrno(errno, what);
  return {};
}

Status WriteAll(int fd, ByteView bytes, std::string_view what) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FromErrno(errno, what);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

namespace {

Status SyncFolderAt(const std::filesystem::path& folder) {
  const UniqueFd fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return FromErrno(errno, folder.string());
  return SyncFolder(fd.get(), folder.string());
}

Status WriteTemporary(const std::filesystem::path& temporary, ByteView bytes, unsigned mode) {
  const UniqueFd fd(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.valid()) return FromErrno(errno, temporary.string());
  RETURN_IF_ERROR(WriteAll(fd.get(), bytes, temporary.string()));
  if (fchmod(fd.get(), mode) != 0) return FromErrno(errno, temporary.string());
  if (fsync(fd.get()) != 0) return FromErrno(errno, temporary.string());
  return {};
}

Status Publish(const std::filesystem::path& path, ByteView bytes, unsigned mode, bool replace) {
  std::filesystem::path folder = path.parent_path();
  if (folder.empty()) folder = ".";
  SystemEntropy entropy;
  const std::filesystem::path temporary =
      folder / fmt::format(".{}.{}.tmp", path.filename().string().substr(0, 200),
                           HexEncode(entropy.Take(6)));
  const auto fail = [&](std::unexpected<Error> error) -> Status {
    unlink(temporary.c_str());
    return error;
  };
  if (Status written = WriteTemporary(temporary, bytes, mode); !written)
    return fail(std::unexpected(written.error()));
  if (replace) {
    if (rename(temporary.c_str(), path.c_str()) != 0) return fail(FromErrno(errno, path.string()));
  } else {
    if (link(temporary.c_str(), path.c_str()) != 0) return fail(FromErrno(errno, path.string()));
    unlink(temporary.c_str());
  }
  return SyncFolderAt(folder);
}

}  // namespace

Status WriteFileAtomic(const std::filesystem::path& path, ByteView bytes, unsigned mode) {
  return Publish(path, bytes, mode, /*replace=*/true);
}

Status CreateFileAtomic(const std::filesystem::path& path, ByteView bytes, unsigned mode) {
  return Publish(path, bytes, mode, /*replace=*/false);
}

Result<TemporaryFolder> TemporaryFolder::Make(std::string_view prefix) {
  std::error_code error;
  const std::filesystem::path root = std::filesystem::temp_directory_path(error);
  if (error) return Internal(fmt::format("no temporary folder: {}", error.message()));
  std::string name = (root / fmt::format("{}.XXXXXX", prefix)).string();
  if (mkdtemp(name.data()) == nullptr) return FromErrno(errno, name);
  return TemporaryFolder(name);
}

TemporaryFolder::~TemporaryFolder() {
  if (path_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace strongroom
