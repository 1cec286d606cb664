#include "pfs/storage.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

namespace strongroom::pfs {
namespace {

Status CopyFrom(ByteView bytes, std::uint64_t offset, std::span<std::uint8_t> out) {
  if (offset > bytes.size() || out.size() > bytes.size() - offset) {
    return Malformed(fmt::format("{} bytes in memory, wanted {} at offset {}", bytes.size(),
                                 out.size(), offset));
  }
  CopyBytes(bytes.subspan(static_cast<std::size_t>(offset), out.size()), out);
  return {};
}

}  // namespace

Result<std::uint64_t> FdSource::Size() const {
  struct stat info{};
  if (fstat(fd_, &info) != 0) return FromErrno(errno, name_);
  if (!S_ISREG(info.st_mode)) return Unsupported(fmt::format("{} is not a regular file", name_));
  return static_cast<std::uint64_t>(info.st_size);
}

Status FdSource::ReadAt(std::uint64_t offset, std::span<std::uint8_t> out) const {
  while (!out.empty()) {
    const ssize_t n = pread(fd_, out.data(), out.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FromErrno(errno, name_);
    if (n == 0)
      return Malformed(
          fmt::format("{} ends at offset {}, wanted {} bytes more", name_, offset, out.size()));
    offset += static_cast<std::uint64_t>(n);
    out = out.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

std::unexpected<Error> FdSink::Fail(int error_number) {
  failed_ = true;
  return FromErrno(error_number, name_);
}

Status FdSink::WriteAt(std::uint64_t offset, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t n = pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Fail(errno);
    offset += static_cast<std::uint64_t>(n);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

Status FdSink::Reserve(std::uint64_t size) {
  if (size == 0) return {};
  while (fallocate(fd_, 0, 0, static_cast<off_t>(size)) != 0) {
    if (errno == EINTR) continue;
    // File systems that cannot set room aside, library operating systems among them.
    if (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL) return {};
    return Fail(errno);
  }
  return {};
}

Status MemorySource::ReadAt(std::uint64_t offset, std::span<std::uint8_t> out) const {
  return CopyFrom(bytes_, offset, out);
}

ByteView MemorySource::ViewAt(std::uint64_t offset, std::size_t size) const {
  if (offset > bytes_.size() || size > bytes_.size() - offset) return {};
  return bytes_.subspan(static_cast<std::size_t>(offset), size);
}

Status MemorySink::ReadAt(std::uint64_t offset, std::span<std::uint8_t> out) const {
  return CopyFrom(bytes_, offset, out);
}

Status MemorySink::WriteAt(std::uint64_t offset, ByteView bytes) {
  const std::size_t end = static_cast<std::size_t>(offset) + bytes.size();
  if (end > bytes_.size()) bytes_.resize(end);
  CopyBytes(bytes, std::span(bytes_).subspan(static_cast<std::size_t>(offset)));
  return {};
}

}  // namespace strongroom::pfs
