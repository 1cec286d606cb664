#include "simtee/testing_container.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

namespace strongroom::simtee::testing {
namespace {

// In the child: a test whose surroundings cannot be made fails by this text and code.
void Must(bool done, const std::string& what) {
  if (done) return;
  fmt::print(stderr, "container of the test: {}: {}\n", what, strerror(errno));
  std::fflush(stderr);
  _exit(99);
}

void WriteProc(const char* path, const std::string& text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  Must(fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()), path);
  close(fd);
}

void EnterNamespaces() {
  const uid_t uid = geteuid();
  const gid_t gid = getegid();
  Must(unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0, "namespaces");
  WriteProc("/proc/self/setgroups", "deny");
  WriteProc("/proc/self/uid_map", fmt::format("{} {} 1", uid, uid));
  WriteProc("/proc/self/gid_map", fmt::format("{} {} 1", gid, gid));
}

void SetReadOnly(const char* path) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  Must(syscall(SYS_mount_setattr, AT_FDCWD, path, AT_RECURSIVE, &attributes, sizeof(attributes)) ==
           0,
       path);
}

void DropCapabilities() {
  for (unsigned long capability = 0; capability <= CAP_LAST_CAP; ++capability)
    Must(prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0 || errno == EINVAL, "bounding set");
  Must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
  Must(syscall(SYS_capset, &header, none) == 0, "capset");
}

void Enter(const Container& container) {
  EnterNamespaces();
  Must(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "mounts");
  for (const std::string& folder : container.hidden)
    Must(mount("tmpfs", folder.c_str(), "tmpfs", 0, nullptr) == 0, folder);
  if (container.read_only) SetReadOnly("/");
  for (const std::string& folder : container.writable)
    Must(mount("tmpfs", folder.c_str(), "tmpfs", 0, nullptr) == 0, folder);
  for (const std::string& link : container.links) {
    const auto at = link.find('=');
    Must(symlink(link.substr(at + 1).c_str(), link.substr(0, at).c_str()) == 0, link);
  }
  if (container.no_capabilities) DropCapabilities();
}

}  // namespace

Process StartIn(const Container& container, const std::vector<std::string>& argv,
                const std::vector<std::string>& extra_environment) {
  return Process(argv, extra_environment, [&] { Enter(container); });
}

}  // namespace strongroom::simtee::testing
