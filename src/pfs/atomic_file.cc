#include "pfs/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/entropy.h"

namespace strongroom::pfs {
namespace {

// A nameless file gets a name through its entry in /proc.
bool ProcIsThere() { return access("/proc/self/fd", X_OK) == 0; }

}  // namespace

std::string HiddenName() {
  SystemEntropy entropy;
  return fmt::format(".strongroom-{}.tmp", HexEncode(entropy.Take(8)));
}

Result<AtomicFile> AtomicFile::Create(int folder_fd, std::string_view name, std::string shown,
                                      unsigned mode, Existing existing) {
  AtomicFile file(folder_fd, std::string(name), std::move(shown), existing);
  RETURN_IF_ERROR(file.CheckTarget());
  RETURN_IF_ERROR(file.OpenNew(mode));
  return file;
}

Status AtomicFile::CheckTarget() const {
  struct stat info{};
  if (fstatat(folder_fd_, name_.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return {};
    return FromErrno(errno, shown_);
  }
  if (!S_ISREG(info.st_mode)) {
    return Conflict(
        fmt::format("{} exists and is not a regular file, which alone would be replaced", shown_));
  }
  if (existing_ == Existing::kRefuse) return Conflict(fmt::format("{} exists already", shown_));
  return {};
}

Status AtomicFile::OpenNew(unsigned mode) {
  if (ProcIsThere()) fd_ = UniqueFd(openat(folder_fd_, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!fd_.valid()) {
    // Not every file system has nameless files, and they say so in several ways: the named one
    // tells what is wrong.
    std::string hidden = HiddenName();
    fd_ = UniqueFd(openat(folder_fd_, hidden.c_str(),
                          O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd_.valid()) return FromErrno(errno, shown_);
    hidden_name_ = std::move(hidden);
  }
  if (fchmod(fd_.get(), mode) != 0) return FromErrno(errno, shown_);
  return {};
}

AtomicFile::~AtomicFile() {
  if (!hidden_name_.empty()) unlinkat(folder_fd_, hidden_name_.c_str(), 0);
}

Status AtomicFile::LinkAs(const std::string& name) {
  const std::string self = fmt::format("/proc/self/fd/{}", fd_.get());
  const int linked =
      hidden_name_.empty()
          ? linkat(AT_FDCWD, self.c_str(), folder_fd_, name.c_str(), AT_SYMLINK_FOLLOW)
          : linkat(folder_fd_, hidden_name_.c_str(), folder_fd_, name.c_str(), 0);
  if (linked != 0) return FromErrno(errno, shown_);
  return {};
}

// A link never replaces, a rename always does: each step is one of the two, whole.
Status AtomicFile::TakeName() {
  if (fsync(fd_.get()) != 0) return FromErrno(errno, shown_);
  if (existing_ == Existing::kRefuse) return LinkAs(name_);
  RETURN_IF_ERROR(CheckTarget());
  if (hidden_name_.empty()) {
    std::string hidden = HiddenName();
    RETURN_IF_ERROR(LinkAs(hidden));
    hidden_name_ = std::move(hidden);
  }
  if (renameat(folder_fd_, hidden_name_.c_str(), folder_fd_, name_.c_str()) != 0)
    return FromErrno(errno, shown_);
  hidden_name_.clear();
  return {};
}

Status AtomicFile::Commit() {
  RETURN_IF_ERROR(TakeName());
  return SyncFolder(folder_fd_, shown_);
}

Result<FolderAndName> OpenParent(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  const std::string folder(slash == std::string_view::npos ? "."
                           : slash == 0                    ? "/"
                                                           : path.substr(0, slash));
  FolderAndName out{UniqueFd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
                    std::string(slash == std::string_view::npos ? path : path.substr(slash + 1))};
  if (!out.folder.valid()) return FromErrno(errno, folder);
  if (out.name.empty() || out.name == "." || out.name == "..") {
    return Malformed(fmt::format("\"{}\" does not name a file or folder to make", path));
  }
  return out;
}

}  // namespace strongroom::pfs
