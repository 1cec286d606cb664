#include "simtee/library_closure.h"

#include <filesystem>

#include <fmt/format.h>

namespace strongroom::simtee {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFiles = 1000;

void Append(std::vector<std::string>& folders, const std::vector<std::string>& more,
            const std::string& object) {
  for (const std::string& folder : more) folders.push_back(ExpandOrigin(folder, object));
}

}  // namespace

std::string ExpandOrigin(std::string folder, const std::string& object) {
  const std::string origin = fs::path(object).parent_path().string();
  for (const std::string_view token : {"$ORIGIN", "${ORIGIN}"}) {
    for (auto at = folder.find(token); at != std::string::npos;
         at = folder.find(token, at + origin.size())) {
      folder.replace(at, token.size(), origin);
    }
  }
  return fs::path(folder).lexically_normal().string();
}

Status LibraryClosure::AddProgram(const std::string& path) {
  const auto known = set_.find(path);
  if (known != set_.end() && known->second.role == FileRole::kProgram) return {};
  ASSIGN_OR_RETURN(ElfInfo elf, Freeze(path, FileRole::kProgram));
  const Object object{.path = path, .elf = std::move(elf), .needed_by = nullptr};
  if (!object.elf.interpreter.empty() && !set_.contains(object.elf.interpreter)) {
    ASSIGN_OR_RETURN(const ElfInfo interpreter,
                     Freeze(object.elf.interpreter, FileRole::kInterpreter));
    RETURN_IF_ERROR(
        AddLibrariesOf({.path = object.elf.interpreter, .elf = interpreter, .needed_by = nullptr}));
  }
  return AddLibrariesOf(object);
}

Status LibraryClosure::AddPlugin(const std::string& path) {
  if (set_.contains(path)) return {};  // a library that the program is linked with
  ASSIGN_OR_RETURN(ElfInfo elf, Freeze(path, FileRole::kPlugin));
  return AddLibrariesOf({.path = path, .elf = std::move(elf), .needed_by = nullptr});
}

Result<ElfInfo> LibraryClosure::Freeze(const std::string& path, FileRole role) {
  if (set_.size() >= kMaxFiles)
    return Exhausted(fmt::format("more than {} measured files", kMaxFiles));
  ASSIGN_OR_RETURN(FrozenFile content, In(FileRoleName(role), FrozenFile::Freeze(path, tree_)));
  ASSIGN_OR_RETURN(const Mapping mapping, content.Map());
  ASSIGN_OR_RETURN(ElfInfo elf, In(path, ParseElf(mapping.bytes())));
  set_.erase(path);  // a program that was found as a library before
  set_.try_emplace(path, MeasuredFile{.role = role, .content = std::move(content)});
  return elf;
}

Status LibraryClosure::AddLibrariesOf(const Object& object) {
  for (const std::string& name : object.elf.needed) RETURN_IF_ERROR(AddLibrary(name, object));
  return {};
}

Status LibraryClosure::AddLibrary(const std::string& name, const Object& needed_by) {
  std::vector<std::string> candidates;
  if (name.contains('/')) {
    candidates.push_back(ExpandOrigin(name, needed_by.path));
  } else {
    for (const std::string& folder : SearchFolders(needed_by))
      candidates.push_back(folder + "/" + name);
  }
  for (const std::string& path : candidates) {
    if (set_.contains(path)) return {};
    if (!tree_.Exists(path)) continue;
    ASSIGN_OR_RETURN(ElfInfo elf, Freeze(path, FileRole::kLibrary));
    return AddLibrariesOf({.path = path, .elf = std::move(elf), .needed_by = &needed_by});
  }
  return NotFound(fmt::format(
      "library {} that {} needs is in none of {} folders (RUNPATH and the system's own); the "
      "loader's cache does not count",
      name, needed_by.path, candidates.size()));
}

// ld.so(8): DT_RPATH of the object and of those that needed it, unless the object has DT_RUNPATH;
// then DT_RUNPATH; then the default folders.
std::vector<std::string> LibraryClosure::SearchFolders(const Object& object) const {
  std::vector<std::string> folders;
  if (object.elf.runpath.empty()) {
    for (const Object* o = &object; o != nullptr; o = o->needed_by) {
      if (o->elf.runpath.empty()) Append(folders, o->elf.rpath, o->path);
    }
  }
  Append(folders, object.elf.runpath, object.path);
  folders.insert(folders.end(), kDefaultLibraryFolders.begin(), kDefaultLibraryFolders.end());
  return folders;
}

}  // namespace strongroom::simtee
