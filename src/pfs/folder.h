#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/result.h"

namespace strongroom::pfs {

// A folder tree, met name by name with openat: no path is ever handed to the kernel whole, so trees
// may be deeper than PATH_MAX, and a name that becomes a symbolic link meanwhile is refused, not
// followed. Few descriptors are open at a time.

// Opens a name inside `folder`: a folder, a regular file. kUnsupported for symbolic links and
// everything else.
Result<UniqueFd> OpenFolderIn(int folder, const std::string& name);
Result<UniqueFd> OpenRegularFileIn(int folder, const std::string& name);

// Walks to folders below a root. It goes from where it is, down and up, so that neighbours cost
// little in the deepest tree; upwards it makes sure to arrive at the very folder that it came
// through.
class FolderCursor {
 public:
  enum class Missing { kRefuse, kMake };

  // `root` is borrowed for life. With kMake, folders that are missing are made with `mode` (exact).
  explicit FolderCursor(int root, Missing missing = Missing::kRefuse, unsigned mode = 0)
      : root_(root), missing_(missing), mode_(mode) {}

  // The folder at a relative path, "" being the root. Valid until the next call.
  Result<int> Open(std::string_view path);

 private:
  struct Level {  // one folder on the way from the root to where the cursor is
    std::string name;
    dev_t device;
    ino_t inode;
  };

  int Here() const { return fd_.valid() ? fd_.get() : root_; }
  Status Down(const std::string& name);
  Status Up();

  int root_;
  Missing missing_;
  unsigned mode_;
  std::vector<Level> way_;
  UniqueFd fd_;  // of the last level; none at the root
};

struct TreeFile {
  std::string path;  // relative to the root
  std::uint64_t size = 0;
};
struct Tree {
  std::vector<std::string> folders;  // parents before children, the root not among them
  std::vector<TreeFile> files;       // sorted by folder
};

// Everything below `root`, in the order of names. kUnsupported, naming it, when there is anything
// but folders and regular files.
Result<Tree> ListTree(int root);

// Removes a tree below `parent`, as far as it can.
void RemoveTree(int parent, const std::string& name);

// "a/b/c" as ("a/b", "c").
struct SplitPath {
  std::string_view folder;
  std::string_view name;
};
SplitPath SplitLast(std::string_view path);

}  // namespace strongroom::pfs
