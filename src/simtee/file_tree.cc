#include "simtee/file_tree.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

namespace strongroom::simtee {

Result<FileTree> FileTree::At(const std::filesystem::path& folder) {
  FileTree tree;
  tree.folder_ = UniqueFd(open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!tree.folder_.valid()) return FromErrno(errno, folder.string());
  return tree;
}

int FileTree::Open(const std::string& path, int flags) const {
  if (!folder_.valid()) return open(path.c_str(), flags | O_CLOEXEC);
  open_how how{};
  how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(syscall(SYS_openat2, folder_.get(), path.c_str(), &how, sizeof(how)));
}

Result<UniqueFd> FileTree::OpenRegular(const std::string& path) const {
  UniqueFd fd(Open(path, O_RDONLY | O_NONBLOCK));
  if (!fd.valid()) return FromErrno(errno, path);
  struct stat status{};
  if (fstat(fd.get(), &status) != 0) return FromErrno(errno, path);
  if (!S_ISREG(status.st_mode)) return Malformed(fmt::format("{} is no regular file", path));
  return fd;
}

bool FileTree::Exists(const std::string& path) const {
  return UniqueFd(Open(path, O_PATH)).valid();
}

}  // namespace strongroom::simtee
