#pragma once

#include <string>
#include <vector>

#include "simtee/elf.h"
#include "simtee/measured_set.h"

namespace strongroom::simtee {

// Adds programs and plugins to a measured set, with every library that the loader will open for
// them.
class LibraryClosure {
 public:
  // `set` is borrowed for life.
  explicit LibraryClosure(MeasuredSet& set) : set_(set) {}

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
};

}  // namespace strongroom::simtee
