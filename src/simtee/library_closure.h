#pragma once

#include <array>
#include <string>
#include <vector>

#include "simtee/elf.h"
#include "simtee/measured_set.h"

namespace strongroom::simtee {

// Where Debian's and Ubuntu's loader looks when no path of the object names another folder.
inline constexpr std::array<const char*, 6> kDefaultLibraryFolders = {"/lib/x86_64-linux-gnu",
                                                                      "/usr/lib/x86_64-linux-gnu",
                                                                      "/lib64",
                                                                      "/usr/lib64",
                                                                      "/lib",
                                                                      "/usr/lib"};

// A folder of an object's RPATH or RUNPATH as a path: $ORIGIN and ${ORIGIN} are the folder of the
// object.
std::string ExpandOrigin(std::string folder, const std::string& object);

// Adds programs and plugins to a measured set, with every library that the loader will open for
// them.
class LibraryClosure {
 public:
  // Both are borrowed for life.
  LibraryClosure(MeasuredSet& set, const FileTree& tree) : set_(set), tree_(tree) {}

  Status AddProgram(const std::string& path);  // with its interpreter
  Status AddPlugin(const std::string& path);

 private:
  // An object in the order in which the loader loads it, with the one that needs it.
  struct Object {
    std::string path;
    ElfInfo elf;
    const Object* needed_by = nullptr;
  };

  Result<ElfInfo> Freeze(const std::string& path, FileRole role);
  Status AddLibrariesOf(const Object& object);
  Status AddLibrary(const std::string& name, const Object& needed_by);
  std::vector<std::string> SearchFolders(const Object& object) const;

  MeasuredSet& set_;
  const FileTree& tree_;
};

}  // namespace strongroom::simtee
