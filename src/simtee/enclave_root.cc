#include "simtee/enclave_root.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>

#include <fmt/format.h>

#include "base/files.h"

namespace strongroom::simtee {
namespace {

namespace fs = std::filesystem;

constexpr std::array kScratchFolders = {"/tmp", "/run", "/dev/shm"};
constexpr std::array kDevices = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random",
                                 "/dev/urandom"};
constexpr std::string_view kNameServiceConfiguration =
    "passwd: files\ngroup: files\nhosts: files dns\nservices: files\n";
constexpr unsigned long kDataOnly = MS_NOSUID | MS_NODEV | MS_NOEXEC;

bool IsUnder(std::string_view path, std::string_view folder) {
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

bool IsScratch(std::string_view path) {
  return std::ranges::any_of(kScratchFolders, [&](const char* s) { return IsUnder(path, s); });
}

Status MakeFolders(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return FromErrno(error.value(), "folder " + path);
  return {};
}

Status MakeParents(const std::string& path) {
  return MakeFolders(fs::path(path).parent_path().string());
}

// A new file; never one that is there already, nor through a link.
Status CreateFile(const std::string& path, ByteView content, unsigned mode) {
  RETURN_IF_ERROR(MakeParents(path));
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) return FromErrno(errno, path);
  RETURN_IF_ERROR(WriteAll(fd.get(), content, path));
  if (fchmod(fd.get(), mode) != 0) return FromErrno(errno, path);
  return {};
}

Status Mount(const char* source, const std::string& target, const char* type, unsigned long flags,
             const char* options) {
  if (mount(source, target.c_str(), type, flags, options) == 0) return {};
  return FromErrno(errno,
                   fmt::format("mounting {} at {}", source == nullptr ? "" : source, target));
}

Status MountScratch(const std::string& target) {
  RETURN_IF_ERROR(MakeFolders(target));
  return Mount("tmpfs", target, "tmpfs", kDataOnly, "mode=1777");
}

// Shows `source`, with what is mounted below it, at `target`, without the right to execute.
Status BindData(const std::string& source, const std::string& target, bool writable) {
  const UniqueFd tree(
      static_cast<int>(syscall(SYS_open_tree, AT_FDCWD, source.c_str(),
                               OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE)));
  if (!tree.valid()) return FromErrno(errno, "mount of " + source);
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  if (!writable) attributes.attr_set |= MOUNT_ATTR_RDONLY;
  if (syscall(SYS_mount_setattr, tree.get(), "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes,
              sizeof(attributes)) != 0) {
    return FromErrno(errno, "mount of " + source);
  }
  ASSIGN_OR_RETURN(const bool is_folder, IsFolder(source));
  if (is_folder) RETURN_IF_ERROR(MakeFolders(target));
  else RETURN_IF_ERROR(CreateFile(target, {}, 0600));
  if (syscall(SYS_move_mount, tree.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) !=
      0) {
    return FromErrno(errno, fmt::format("mount of {} at {}", source, target));
  }
  return {};
}

class RootBuilder {
 public:
  explicit RootBuilder(const EnclaveRootSpec& spec) : spec_(spec), root_(spec.mount_point) {}

  Result<UniqueFd> Build() {
    RETURN_IF_ERROR(Mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr));
    RETURN_IF_ERROR(Mount("tmpfs", root_, "tmpfs", MS_NOSUID, "mode=0755"));
    RETURN_IF_ERROR(MakeSystemFolders());
    for (const char* folder : kScratchFolders) RETURN_IF_ERROR(MountScratch(In(folder)));
    RETURN_IF_ERROR(PlaceMeasuredFiles());
    RETURN_IF_ERROR(MakeNetworkConfiguration());
    for (const DescribedMount& mount : spec_.description.mounts) {
      RETURN_IF_ERROR(BindData(SourceOf(mount.path), In(mount.path), mount.writable));
    }
    RETURN_IF_ERROR(MakeFolders(In(spec_.description.working_directory)));
    ASSIGN_OR_RETURN(UniqueFd fuse, MountGramineFiles());
    RETURN_IF_ERROR(Pivot());
    return fuse;
  }

 private:
  std::string In(std::string_view path) const { return root_ + std::string(path); }

  std::string SourceOf(const std::string& path) const {
    const auto it = spec_.mount_sources.find(path);
    return it == spec_.mount_sources.end() ? path : it->second;
  }

  Status MakeSystemFolders() {
    for (const char* device : kDevices) {
      RETURN_IF_ERROR(CreateFile(In(device), {}, 0600));
      RETURN_IF_ERROR(Mount(device, In(device), nullptr, MS_BIND, nullptr));
    }
    for (const auto& [name, target] :
         {std::pair{"/dev/fd", "/proc/self/fd"}, std::pair{"/dev/stdin", "/proc/self/fd/0"},
          std::pair{"/dev/stdout", "/proc/self/fd/1"},
          std::pair{"/dev/stderr", "/proc/self/fd/2"}}) {
      if (symlink(target, In(name).c_str()) != 0) return FromErrno(errno, name);
    }
    RETURN_IF_ERROR(MakeFolders(In("/proc")));
    if (mount("proc", In("/proc").c_str(), "proc", kDataOnly, nullptr) != 0) {
      // Where a container masks parts of /proc, the kernel allows no new one: show the one that is
      // there.
      RETURN_IF_ERROR(Mount("/proc", In("/proc"), nullptr, MS_BIND | MS_REC, nullptr));
    }
    return BindData("/sys", In("/sys"), false);
  }

  Status PlaceMeasuredFiles() {
    std::size_t index = 0;
    for (const auto& [path, file] : spec_.files) {
      ASSIGN_OR_RETURN(const Mapping content, file.content.Map());
      const unsigned mode = file.role == FileRole::kConfiguration ? 0444 : 0555;
      if (!IsScratch(path)) {
        RETURN_IF_ERROR(CreateFile(In(path), content.bytes(), mode));
        continue;
      }
      // Scratch folders are noexec and writable: the copy lies on the root and is shown there.
      const std::string copy = In(fmt::format("/.measured/{}", index++));
      RETURN_IF_ERROR(CreateFile(copy, content.bytes(), mode));
      RETURN_IF_ERROR(CreateFile(In(path), {}, 0600));
      RETURN_IF_ERROR(Mount(copy.c_str(), In(path), nullptr, MS_BIND, nullptr));
      RETURN_IF_ERROR(
          Mount(nullptr, In(path), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID, nullptr));
    }
    return {};
  }

  // What the description measures stays; the rest is filled in.
  Status MakeNetworkConfiguration() {
    const std::string accounts =
        fmt::format("root:x:0:0::/:\nworkload:x:{}:{}::/:\n", getuid(), getgid());
    const std::string groups = fmt::format("root:x:0:\nworkload:x:{}:\n", getgid());
    RETURN_IF_ERROR(FillIn("/etc/nsswitch.conf", std::string(kNameServiceConfiguration)));
    RETURN_IF_ERROR(FillIn("/etc/passwd", accounts));
    RETURN_IF_ERROR(FillIn("/etc/group", groups));
    for (const char* path : {"/etc/hosts", "/etc/resolv.conf"}) {
      const auto text = ReadTextFile(path, 64 * 1024);
      if (text.has_value()) RETURN_IF_ERROR(FillIn(path, *text));
    }
    return {};
  }

  Status FillIn(const char* path, const std::string& text) {
    if (spec_.files.contains(path)) return {};
    return CreateFile(In(path), AsBytes(text), 0444);
  }

  Result<UniqueFd> MountGramineFiles() {
    if (spec_.gramine_files.empty()) return UniqueFd();
    UniqueFd fuse(open("/dev/fuse", O_RDWR | O_CLOEXEC));
    if (!fuse.valid()) return FromErrno(errno, "/dev/fuse");
    const std::string target = In(spec_.gramine_files);
    RETURN_IF_ERROR(MakeFolders(target));
    const std::string options =
        fmt::format("fd={},rootmode=40000,user_id={},group_id={},default_permissions", fuse.get(),
                    getuid(), getgid());
    RETURN_IF_ERROR(
        Mount("strongroom-simtee", target, "fuse.strongroom", kDataOnly, options.c_str()));
    return fuse;
  }

  Status Pivot() {
    if (chdir(root_.c_str()) != 0) return FromErrno(errno, root_);
    // pivot_root(2), notes: with both arguments the same, the old root is stacked on the new one
    // and can be detached.
    if (syscall(SYS_pivot_root, ".", ".") != 0) return FromErrno(errno, "pivot_root");
    if (umount2(".", MNT_DETACH) != 0) return FromErrno(errno, "detaching the host's root");
    RETURN_IF_ERROR(
        Mount(nullptr, "/", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID, nullptr));
    if (chdir(spec_.description.working_directory.c_str()) != 0)
      return FromErrno(errno, "working directory");
    return {};
  }

  const EnclaveRootSpec& spec_;
  const std::string root_;
};

}  // namespace

bool Overlap(std::string_view a, std::string_view b) {
  return a == b || IsUnder(a, b) || IsUnder(b, a);
}

// Whatever lies inside a mount is reached through links that the host chooses, so a place of ours
// in there could land on a measured file and hide it.
Status CheckOverlaps(const EnclaveRootSpec& spec) {
  const auto& mounts = spec.description.mounts;
  for (const DescribedMount& outer : mounts) {
    for (const DescribedMount& inner : mounts) {
      if (IsUnder(inner.path, outer.path)) {
        return Denied(
            fmt::format("mount at {} lies inside the mount at {}, whose links the host chooses",
                        inner.path, outer.path));
      }
    }
    if (IsUnder(spec.description.working_directory, outer.path)) {
      return Denied(fmt::format(
          "working_directory {} lies inside the mount at {}, whose links the host chooses",
          spec.description.working_directory, outer.path));
    }
    if (!spec.gramine_files.empty() && Overlap(spec.gramine_files, outer.path)) {
      return Denied(fmt::format("Gramine's files at {} overlap the mount at {}", spec.gramine_files,
                                outer.path));
    }
  }
  for (const auto& [path, file] : spec.files) {
    if (!spec.gramine_files.empty() &&
        (path == spec.gramine_files || IsUnder(path, spec.gramine_files))) {
      return Denied(fmt::format("Gramine's files at {} would hide the measured {} {}",
                                spec.gramine_files, FileRoleName(file.role), path));
    }
  }
  return {};
}

Status CheckMounts(const EnclaveRootSpec& spec) {
  for (const auto& [path, source] : spec.mount_sources) {
    const auto& mounts = spec.description.mounts;
    if (std::ranges::find(mounts, path, &DescribedMount::path) == mounts.end()) {
      return Denied(fmt::format("mount at {}: the launch description has no mount there", path));
    }
  }
  const std::string& files = spec.gramine_files;
  if (!files.empty() && (!files.starts_with('/') || fs::path(files).lexically_normal() != files)) {
    return Malformed(fmt::format("Gramine's files at \"{}\", wanted an absolute path", files));
  }
  RETURN_IF_ERROR(CheckOverlaps(spec));
  for (const DescribedMount& mount : spec.description.mounts) {
    const auto it = spec.mount_sources.find(mount.path);
    const std::string& source = it == spec.mount_sources.end() ? mount.path : it->second;
    std::error_code error;
    if (!fs::exists(source, error))
      return NotFound(fmt::format("{}, wanted for the mount at {}", source, mount.path));
    for (const auto& [path, file] : spec.files) {
      if (path == mount.path || IsUnder(path, mount.path)) {
        return Denied(fmt::format(
            "mount at {} would hide the measured {} {}: mount a folder that holds data only",
            mount.path, FileRoleName(file.role), path));
      }
    }
  }
  return {};
}

Result<UniqueFd> EnterEnclaveRoot(const EnclaveRootSpec& spec) { return RootBuilder(spec).Build(); }

}  // namespace strongroom::simtee
