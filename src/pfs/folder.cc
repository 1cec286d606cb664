#include "pfs/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include <fmt/format.h>

namespace strongroom::pfs {
namespace {

Status CheckKind(int folder, const std::string& name, mode_t kind, std::string_view wanted) {
  struct stat info{};
  if (fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return FromErrno(errno, name);
  if ((info.st_mode & S_IFMT) == kind) return {};
  const std::string_view found = S_ISLNK(info.st_mode)   ? "a symbolic link"
                                 : S_ISDIR(info.st_mode) ? "a folder"
                                 : S_ISREG(info.st_mode) ? "a regular file"
                                                         : "a device, pipe or socket";
  return Unsupported(fmt::format("{} is {}, wanted {}", name, found, wanted));
}

Result<std::vector<std::string>> NamesIn(int folder) {
  UniqueFd own(openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!own.valid()) return FromErrno(errno, "folder");
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(fdopendir(own.get()), closedir);
  if (stream == nullptr) return FromErrno(errno, "folder");
  (void)own.Release();  // the stream closes it
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    const dirent* entry = readdir(stream.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return FromErrno(errno, "folder");
  std::ranges::sort(names);
  return names;
}

std::string Below(std::string_view folder, std::string_view name) {
  return folder.empty() ? std::string(name) : fmt::format("{}/{}", folder, name);
}

Status ListFolder(int fd, const std::string& path, Tree& tree) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   In(path.empty() ? "." : path, NamesIn(fd)));
  for (const std::string& name : names) {
    struct stat info{};
    const std::string below = Below(path, name);
    if (fstatat(fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return FromErrno(errno, below);
    if (S_ISDIR(info.st_mode)) {
      tree.folders.push_back(below);
    } else if (S_ISREG(info.st_mode)) {
      tree.files.push_back({below, static_cast<std::uint64_t>(info.st_size)});
    } else {
      return Unsupported(
          fmt::format("{} is a {}, wanted only folders and regular files in the tree", below,
                      S_ISLNK(info.st_mode) ? "symbolic link" : "device, pipe or socket"));
    }
  }
  return {};
}

}  // namespace

Result<UniqueFd> OpenFolderIn(int folder, const std::string& name) {
  UniqueFd fd(openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (fd.valid()) return fd;
  const int error = errno;
  if (error == ENOTDIR || error == ELOOP)
    RETURN_IF_ERROR(CheckKind(folder, name, S_IFDIR, "a folder"));
  return FromErrno(error, name);
}

Result<UniqueFd> OpenRegularFileIn(int folder, const std::string& name) {
  RETURN_IF_ERROR(CheckKind(folder, name, S_IFREG, "a regular file"));
  // O_NONBLOCK: should a pipe take its place meanwhile, nobody waits for its writer.
  UniqueFd fd(openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd.valid()) return FromErrno(errno, name);
  return fd;
}

Status FolderCursor::Down(const std::string& name) {
  if (missing_ == Missing::kMake) {
    if (mkdirat(Here(), name.c_str(), 0700) == 0) {
      if (fchmodat(Here(), name.c_str(), mode_, 0) != 0) return FromErrno(errno, name);
    } else if (errno != EEXIST) {
      return FromErrno(errno, name);
    }
  }
  ASSIGN_OR_RETURN(UniqueFd below, OpenFolderIn(Here(), name));
  struct stat info{};
  if (fstat(below.get(), &info) != 0) return FromErrno(errno, name);
  way_.push_back({name, info.st_dev, info.st_ino});
  fd_ = std::move(below);
  return {};
}

Status FolderCursor::Up() {
  way_.pop_back();
  if (way_.empty()) {
    fd_.Reset();
    return {};
  }
  UniqueFd above(openat(fd_.get(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat info{};
  if (!above.valid() || fstat(above.get(), &info) != 0) return FromErrno(errno, way_.back().name);
  if (info.st_dev != way_.back().device || info.st_ino != way_.back().inode) {
    return Conflict("the tree changes while it is walked: a folder was moved");
  }
  fd_ = std::move(above);
  return {};
}

Result<int> FolderCursor::Open(std::string_view path) {
  std::size_t common = 0;  // levels that the path shares with where we are
  while (common < way_.size() && !path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    if (path.substr(0, end) != way_[common].name) break;
    path.remove_prefix(std::min(end + 1, path.size()));
    ++common;
  }
  while (way_.size() > common) RETURN_IF_ERROR(Up());
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    RETURN_IF_ERROR(Down(std::string(path.substr(0, end))));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return Here();
}

Result<Tree> ListTree(int root) {
  Tree tree;
  RETURN_IF_ERROR(ListFolder(root, "", tree));
  FolderCursor cursor(root);
  // The list of folders grows while it is walked: breadth first, without recursion.
  for (std::size_t i = 0; i < tree.folders.size(); ++i) {
    const std::string path = tree.folders[i];
    ASSIGN_OR_RETURN(const int fd, cursor.Open(path));
    RETURN_IF_ERROR(ListFolder(fd, path, tree));
  }
  return tree;
}

void RemoveTree(int parent, const std::string& name) {
  const auto root = OpenFolderIn(parent, name);
  if (!root) return;
  const auto tree = ListTree(root->get());
  if (tree) {
    FolderCursor cursor(root->get());
    for (const TreeFile& file : tree->files) {
      const auto [folder, last] = SplitLast(file.path);
      if (const auto fd = cursor.Open(folder)) unlinkat(*fd, std::string(last).c_str(), 0);
    }
    for (auto folder = tree->folders.rbegin(); folder != tree->folders.rend(); ++folder) {
      const auto [above, last] = SplitLast(*folder);
      if (const auto fd = cursor.Open(above))
        unlinkat(*fd, std::string(last).c_str(), AT_REMOVEDIR);
    }
  }
  unlinkat(parent, name.c_str(), AT_REMOVEDIR);
}

SplitPath SplitLast(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

}  // namespace strongroom::pfs
