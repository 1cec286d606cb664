#include "testing/gramine_system_calls.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <vector>

namespace strongroom::testing {
namespace {

// clang-format off
constexpr int kImplemented[] = {
    SYS_read, SYS_write, SYS_open, SYS_close, SYS_stat, SYS_fstat, SYS_lstat, SYS_poll, SYS_lseek,
    SYS_mmap, SYS_mprotect, SYS_munmap, SYS_brk, SYS_rt_sigaction, SYS_rt_sigprocmask,
    SYS_rt_sigreturn, SYS_ioctl, SYS_pread64, SYS_pwrite64, SYS_readv, SYS_writev, SYS_access,
    SYS_pipe, SYS_select, SYS_sched_yield, SYS_msync, SYS_mincore, SYS_madvise, SYS_dup, SYS_dup2,
    SYS_pause, SYS_nanosleep, SYS_getitimer, SYS_alarm, SYS_setitimer, SYS_getpid, SYS_sendfile,
    SYS_socket, SYS_connect, SYS_accept, SYS_sendto, SYS_recvfrom, SYS_sendmsg, SYS_recvmsg,
    SYS_shutdown, SYS_bind, SYS_listen, SYS_getsockname, SYS_getpeername, SYS_socketpair,
    SYS_setsockopt, SYS_getsockopt, SYS_clone, SYS_fork, SYS_vfork, SYS_execve, SYS_exit, SYS_wait4,
    SYS_kill, SYS_uname, SYS_fcntl, SYS_flock, SYS_fsync, SYS_fdatasync, SYS_truncate,
    SYS_ftruncate, SYS_getdents, SYS_getcwd, SYS_chdir, SYS_fchdir, SYS_rename, SYS_mkdir,
    SYS_rmdir, SYS_creat, SYS_unlink, SYS_readlink, SYS_chmod, SYS_fchmod, SYS_chown, SYS_fchown,
    SYS_umask, SYS_gettimeofday, SYS_getrlimit, SYS_sysinfo, SYS_getuid, SYS_getgid, SYS_setuid,
    SYS_setgid, SYS_geteuid, SYS_getegid, SYS_setpgid, SYS_getppid, SYS_getpgrp, SYS_setsid,
    SYS_getgroups, SYS_setgroups, SYS_getpgid, SYS_getsid, SYS_rt_sigpending, SYS_rt_sigtimedwait,
    SYS_rt_sigsuspend, SYS_sigaltstack, SYS_mknod, SYS_statfs, SYS_fstatfs, SYS_getpriority,
    SYS_setpriority, SYS_sched_setparam, SYS_sched_getparam, SYS_sched_setscheduler,
    SYS_sched_getscheduler, SYS_sched_get_priority_max, SYS_sched_get_priority_min,
    SYS_sched_rr_get_interval, SYS_mlock, SYS_munlock, SYS_mlockall, SYS_munlockall, SYS_arch_prctl,
    SYS_setrlimit, SYS_chroot, SYS_sethostname, SYS_setdomainname, SYS_gettid, SYS_getxattr,
    SYS_lgetxattr, SYS_fgetxattr, SYS_listxattr, SYS_llistxattr, SYS_flistxattr, SYS_tkill,
    SYS_time, SYS_futex, SYS_sched_setaffinity, SYS_sched_getaffinity, SYS_epoll_create,
    SYS_getdents64, SYS_set_tid_address, SYS_fadvise64, SYS_clock_gettime, SYS_clock_getres,
    SYS_clock_nanosleep, SYS_exit_group, SYS_epoll_wait, SYS_epoll_ctl, SYS_tgkill, SYS_mbind,
    SYS_waitid, SYS_openat, SYS_mkdirat, SYS_mknodat, SYS_fchownat, SYS_newfstatat, SYS_unlinkat,
    SYS_renameat, SYS_readlinkat, SYS_fchmodat, SYS_faccessat, SYS_pselect6, SYS_ppoll,
    SYS_set_robust_list, SYS_get_robust_list, SYS_epoll_pwait, SYS_eventfd, SYS_fallocate,
    SYS_accept4, SYS_eventfd2, SYS_epoll_create1, SYS_dup3, SYS_pipe2, SYS_recvmmsg, SYS_prlimit64,
    SYS_sendmmsg, SYS_getcpu, SYS_getrandom, SYS_mlock2, SYS_close_range};
// clang-format on

sock_filter Statement(unsigned code, unsigned value) {
  return BPF_STMT(static_cast<unsigned short>(code), value);
}

sock_filter SkipUnless(unsigned equal) {
  return BPF_JUMP(static_cast<unsigned short>(BPF_JMP | BPF_JEQ | BPF_K), equal, 0, 1);
}

}  // namespace

bool KeepGramineSystemCallsOnly() {
  std::vector<sock_filter> program = {
      Statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
      BPF_JUMP(static_cast<unsigned short>(BPF_JMP | BPF_JEQ | BPF_K), AUDIT_ARCH_X86_64, 1, 0),
      Statement(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      Statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  for (const int number : kImplemented) {
    program.push_back(SkipUnless(static_cast<unsigned>(number)));
    program.push_back(Statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  }
  // A C library that registered its first thread with rseq aborts when it cannot register more.
  program.push_back(SkipUnless(SYS_rseq));
  program.push_back(Statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  program.push_back(Statement(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS));
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0;
}

}  // namespace strongroom::testing
