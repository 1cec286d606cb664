#include "simtee/container_root.h"

#include <linux/capability.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include <fmt/format.h>

#include "simtee/loader_lookup.h"
#include "simtee/read_only_path.h"

namespace strongroom::simtee {
namespace {

Status ExpectNoCapabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
  if (syscall(SYS_capget, &header, data.data()) != 0) return FromErrno(errno, "capget");
  constexpr std::uint32_t kHarmless = 1U << CAP_NET_BIND_SERVICE;
  const std::uint32_t low = data[0].permitted & ~kHarmless;
  if (low == 0 && data[1].permitted == 0) return {};
  return Denied(fmt::format(
      "this process has capabilities {:08x}{:08x}, wanted none: with them a container's root "
      "protects nothing. Drop ALL (securityContext.capabilities.drop), or use --root own",
      data[1].permitted, low));
}

Status ExpectOwnPaths(const EnclaveRootSpec& spec) {
  for (const DescribedFile& file : spec.description.files) {
    if (file.path != file.source) {
      return Denied(fmt::format("{} comes from {}: in a container's root a file is at its own path",
                                file.path, file.source));
    }
  }
  for (const auto& [path, source] : spec.mount_sources) {
    if (path != source) {
      return Denied(fmt::format(
          "--mount {}={}: in a container's root mounts are made by its runtime", path, source));
    }
  }
  return {};
}

Status CheckDescribedMount(const DescribedMount& mount) {
  struct statvfs found{};
  if (statvfs(mount.path.c_str(), &found) != 0) return FromErrno(errno, "mount at " + mount.path);
  const bool read_only = (found.f_flag & ST_RDONLY) != 0;
  if (mount.writable && read_only)
    return Denied(fmt::format("mount at {} is read-only, described as writable", mount.path));
  if (!mount.writable && !read_only) {
    return Denied(fmt::format(
        "mount at {} can be written, described as read-only (volumeMounts: readOnly: true)",
        mount.path));
  }
  return {};
}

}  // namespace

Status CheckContainerRoot(const EnclaveRootSpec& spec) {
  if (!spec.gramine_files.empty())
    return Unsupported("Gramine's files take a mount: --root own, or the attestation socket");
  RETURN_IF_ERROR(ExpectNoCapabilities());
  RETURN_IF_ERROR(ExpectOwnPaths(spec));
  RETURN_IF_ERROR(CheckMounts(spec));
  for (const auto& [path, file] : spec.files) {
    RETURN_IF_ERROR(In(FileRoleName(file.role), ExpectReadOnlyPath(path)));
  }
  RETURN_IF_ERROR(CheckLoaderLookup(spec.files));
  for (const DescribedMount& mount : spec.description.mounts)
    RETURN_IF_ERROR(CheckDescribedMount(mount));
  return {};
}

std::vector<std::string> ExecutableMounts(const LaunchDescription& description) {
  std::vector<std::string> out;
  for (const DescribedMount& mount : description.mounts) {
    struct statvfs found{};
    if (statvfs(mount.path.c_str(), &found) != 0 || (found.f_flag & ST_NOEXEC) == 0)
      out.push_back(mount.path);
  }
  return out;
}

}  // namespace strongroom::simtee
