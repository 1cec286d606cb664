#include "simtee/launch_description.h"

#include <algorithm>
#include <array>
#include <limits>

#include <fmt/format.h>

#include "base/json.h"
#include "base/steering_variables.h"
#include "simtee/environment.h"

namespace strongroom::simtee {
namespace {

constexpr std::string_view kFormat = "strongroom-launch/1";
constexpr std::array<std::string_view, 14> kMembers = {"format",
                                                       "comment",
                                                       "program",
                                                       "argv",
                                                       "env",
                                                       "host_env",
                                                       "programs",
                                                       "plugins",
                                                       "files",
                                                       "mounts",
                                                       "working_directory",
                                                       "product_id",
                                                       "security_version",
                                                       "debug"};
constexpr std::size_t kMaxPathBytes = 4000;
// Where the workload's own pseudo file systems are: nothing of the host goes there.
constexpr std::array<std::string_view, 3> kReservedFolders = {"/dev", "/proc", "/sys"};

bool IsInOrAt(std::string_view path, std::string_view folder) {
  return path == folder ||
         (path.starts_with(folder) && path.size() > folder.size() && path[folder.size()] == '/');
}

Result<std::string> AbsolutePath(std::string_view text, const std::filesystem::path& folder) {
  if (text.empty()) return Malformed("an empty path, wanted a path");
  std::string path = (folder / text).lexically_normal().string();
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

Status CheckPath(std::string_view path) {
  if (path.size() > kMaxPathBytes)
    return Malformed(
        fmt::format("a path of {} bytes, wanted at most {}", path.size(), kMaxPathBytes));
  if (!path.starts_with('/') || path.contains('\0')) {
    return Malformed(fmt::format("path \"{}\", wanted an absolute path without NUL", path));
  }
  if (std::filesystem::path(path).lexically_normal() != path) {
    return Malformed(
        fmt::format("path \"{}\", wanted one without . and .. and double slashes", path));
  }
  return {};
}

Status CheckText(std::string_view what, std::string_view text) {
  if (text.contains('\0')) return Malformed(fmt::format("{} contains a NUL character", what));
  return {};
}

Status ExpectOnly(const Json& object, std::initializer_list<std::string_view> known) {
  if (!object.IsObject()) return Malformed(fmt::format("{} is no object", object.path()));
  for (const auto& [name, value] : object.members()) {
    if (std::ranges::find(known, name) == known.end())
      return Malformed(fmt::format("unknown member {}", value.path()));
  }
  return {};
}

Result<DescribedFile> ReadFileEntry(const Json& item, const std::filesystem::path& folder) {
  if (item.IsString()) {
    ASSIGN_OR_RETURN(const std::string_view text, item.String());
    ASSIGN_OR_RETURN(const std::string path, AbsolutePath(text, folder));
    return DescribedFile{.path = path, .source = path};
  }
  RETURN_IF_ERROR(ExpectOnly(item, {"path", "source"}));
  ASSIGN_OR_RETURN(const std::string_view path, item.GetString("path"));
  ASSIGN_OR_RETURN(const std::string_view source_text, item.GetString("source"));
  ASSIGN_OR_RETURN(std::string source, AbsolutePath(source_text, folder));
  return DescribedFile{.path = std::string(path), .source = std::move(source)};
}

Result<DescribedMount> ReadMountEntry(const Json& item) {
  RETURN_IF_ERROR(ExpectOnly(item, {"path", "writable"}));
  ASSIGN_OR_RETURN(const std::string_view path, item.GetString("path"));
  DescribedMount mount{.path = std::string(path), .writable = false};
  if (const Json* writable = item.Find("writable")) {
    ASSIGN_OR_RETURN(mount.writable, writable->Bool());
  }
  return mount;
}

Result<std::map<std::string, std::string>> ReadEnv(const Json& object) {
  std::map<std::string, std::string> env;
  const Json* member = object.Find("env");
  if (member == nullptr) return env;
  if (!member->IsObject()) return Malformed("env is no object of names and values");
  for (const auto& [name, value] : member->members()) {
    ASSIGN_OR_RETURN(const std::string_view text, value.String());
    env.emplace(name, text);
  }
  return env;
}

Result<std::uint16_t> ReadU16(const Json& object, std::string_view name) {
  const Json* member = object.Find(name);
  if (member == nullptr) return std::uint16_t{0};
  ASSIGN_OR_RETURN(const std::uint64_t value, member->Unsigned());
  if (value > std::numeric_limits<std::uint16_t>::max()) {
    return Malformed(fmt::format("{} is {}, wanted at most 65535", name, value));
  }
  return static_cast<std::uint16_t>(value);
}

// The array member `name`, each item read by `read`; empty when it is absent.
template <class T, class Read>
Result<std::vector<T>> ReadArray(const Json& object, std::string_view name, Read read) {
  std::vector<T> out;
  const Json* array = object.Find(name);
  if (array == nullptr) return out;
  if (!array->IsArray()) return Malformed(fmt::format("{} is no array", array->path()));
  for (const Json& item : array->items()) {
    ASSIGN_OR_RETURN(T value, read(item));
    out.push_back(std::move(value));
  }
  return out;
}

Result<LaunchDescription> ReadLists(const Json& root, const std::filesystem::path& folder) {
  const auto text = [](const Json& item) -> Result<std::string> {
    ASSIGN_OR_RETURN(const std::string_view view, item.String());
    return std::string(view);
  };
  const auto path = [&](const Json& item) -> Result<std::string> {
    ASSIGN_OR_RETURN(const std::string_view view, item.String());
    return In(item.path(), AbsolutePath(view, folder));
  };
  const auto file = [&](const Json& item) { return ReadFileEntry(item, folder); };
  LaunchDescription description;
  ASSIGN_OR_RETURN(description.argv, ReadArray<std::string>(root, "argv", text));
  ASSIGN_OR_RETURN(description.env, ReadEnv(root));
  ASSIGN_OR_RETURN(description.host_env, ReadArray<std::string>(root, "host_env", text));
  ASSIGN_OR_RETURN(description.programs, ReadArray<std::string>(root, "programs", path));
  ASSIGN_OR_RETURN(description.plugins, ReadArray<std::string>(root, "plugins", path));
  ASSIGN_OR_RETURN(description.files, ReadArray<DescribedFile>(root, "files", file));
  ASSIGN_OR_RETURN(description.mounts, ReadArray<DescribedMount>(root, "mounts", ReadMountEntry));
  return description;
}

template <class T, class Key>
Status SortUnique(std::vector<T>& items, std::string_view what, Key key) {
  std::ranges::sort(items, {}, key);
  const auto twice = std::ranges::adjacent_find(items, {}, key);
  if (twice != items.end()) return Malformed(fmt::format("{} names {} twice", what, key(*twice)));
  return {};
}

Status CheckMountPath(const std::string& path) {
  RETURN_IF_ERROR(In("mounts", CheckPath(path)));
  const bool reserved =
      std::ranges::any_of(kReservedFolders, [&](std::string_view r) { return IsInOrAt(path, r); });
  if (path == "/" || reserved)
    return Denied(fmt::format("mount at {}: the workload has its own there", path));
  return {};
}

}  // namespace

Status NormalizeLaunchDescription(LaunchDescription& description) {
  const auto itself = [](const std::string& text) { return text; };
  if (!description.program.empty()) RETURN_IF_ERROR(In("program", CheckPath(description.program)));
  RETURN_IF_ERROR(In("working_directory", CheckPath(description.working_directory)));
  for (const std::string& word : description.argv) RETURN_IF_ERROR(CheckText("argv", word));
  for (const auto& [name, value] : description.env) {
    RETURN_IF_ERROR(In("env", CheckVariableName(name)));
    RETURN_IF_ERROR(CheckText(name, value));
  }
  for (const std::string& name : description.host_env) {
    RETURN_IF_ERROR(In("host_env", CheckVariableName(name)));
    if (SteersAnInterpreter(name))
      return Denied(fmt::format("host_env: {} chooses what an interpreter runs", name));
    if (description.env.contains(name))
      return Malformed(fmt::format("{} stands in env and in host_env", name));
  }
  for (const std::string& path : description.programs)
    RETURN_IF_ERROR(In("programs", CheckPath(path)));
  for (const std::string& path : description.plugins)
    RETURN_IF_ERROR(In("plugins", CheckPath(path)));
  for (const DescribedFile& file : description.files)
    RETURN_IF_ERROR(In("files", CheckPath(file.path)));
  for (const DescribedMount& mount : description.mounts)
    RETURN_IF_ERROR(CheckMountPath(mount.path));
  RETURN_IF_ERROR(SortUnique(description.host_env, "host_env", itself));
  RETURN_IF_ERROR(SortUnique(description.programs, "programs", itself));
  RETURN_IF_ERROR(SortUnique(description.plugins, "plugins", itself));
  RETURN_IF_ERROR(
      SortUnique(description.files, "files", [](const DescribedFile& f) { return f.path; }));
  return SortUnique(description.mounts, "mounts", [](const DescribedMount& m) { return m.path; });
}

Result<LaunchDescription> ParseLaunchDescription(std::string_view json,
                                                 const std::filesystem::path& folder) {
  ASSIGN_OR_RETURN(
      const JsonDocument document,
      In("launch description",
         JsonDocument::Parse(json, {.max_bytes = kMaxLaunchDescriptionBytes, .max_depth = 4})));
  const Json& root = document.root();
  ASSIGN_OR_RETURN(const std::string_view format, root.GetString("format"));
  if (format != kFormat)
    return Unsupported(
        fmt::format("launch description of format \"{}\", wanted \"{}\"", format, kFormat));
  for (const auto& [name, value] : root.members()) {
    if (std::ranges::find(kMembers, name) == kMembers.end()) {
      return Malformed(fmt::format("launch description has an unknown member \"{}\"", name));
    }
  }
  ASSIGN_OR_RETURN(LaunchDescription description, ReadLists(root, folder));
  if (const Json* program = root.Find("program")) {
    ASSIGN_OR_RETURN(const std::string_view text, program->String());
    ASSIGN_OR_RETURN(description.program, In("program", AbsolutePath(text, folder)));
  }
  if (const Json* directory = root.Find("working_directory")) {
    ASSIGN_OR_RETURN(const std::string_view text, directory->String());
    description.working_directory = text;
  }
  if (const Json* debug = root.Find("debug")) {
    ASSIGN_OR_RETURN(description.debug, debug->Bool());
  }
  ASSIGN_OR_RETURN(description.product_id, ReadU16(root, "product_id"));
  ASSIGN_OR_RETURN(description.security_version, ReadU16(root, "security_version"));
  RETURN_IF_ERROR(NormalizeLaunchDescription(description));
  return description;
}

}  // namespace strongroom::simtee
