#pragma once

#include <sys/types.h>

#include <csignal>

// What a process does that stands for a program which it started: it passes signals on, buries the
// dead and ends as the program ended.
namespace strongroom {

// Behind it, an exit code says which signal ended a process, as shells have it.
inline constexpr int kSignalExit = 128;

// The signals that are passed on to the program, and SIGCHLD. Who waits for a program blocks them
// before any thread is started.
sigset_t ChildSignals();

// SIGCHLD comes from here on, also where whoever started this process ignored it. Before the fork.
void HeedChildren();

// True for signals that a process sent; the terminal's own (SI_KERNEL) reach the whole process
// group by themselves.
bool WasSent(const siginfo_t& info);

// The exit code, or kSignalExit plus the signal that ended the process.
int ExitCodeOf(int status);

// Passes signals on and buries the dead, strays too, until `program` itself has ended; its exit
// code, and as after SIGKILL when somebody else buried it. With ChildSignals blocked.
int WaitForProgram(pid_t program);

}  // namespace strongroom
