#pragma once

#include <filesystem>
#include <string>

#include "base/files.h"
#include "base/result.h"

namespace strongroom::simtee {

// Where measured files are read from: this machine's root, or a folder that will be a root, such as
// that of an image which is being made. Paths, and links met on the way, are absolute in the tree
// and cannot leave it.
class FileTree {
 public:
  FileTree() = default;  // this machine's root
  static Result<FileTree> At(const std::filesystem::path& folder);

  // For reading. kNotFound, kDenied; kMalformed for what is no regular file.
  Result<UniqueFd> OpenRegular(const std::string& path) const;
  bool Exists(const std::string& path) const;

 private:
  // -1 with errno set.
  int Open(const std::string& path, int flags) const;

  UniqueFd folder_;
};

}  // namespace strongroom::simtee
