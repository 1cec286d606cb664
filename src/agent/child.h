#pragma once

#include <sys/types.h>

#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "agent/handover_pipe.h"
#include "base/secret.h"

namespace strongroom::agent {

// Signals that the agent passes on, SIGCHLD, and SIGPIPE: blocked in the calling thread, and in all
// threads that it starts later. Call once, before the first thread. What was blocked before is what
// a child gets. SIGCHLD comes, also when whoever started this process ignored it.
class BlockedSignals {
 public:
  BlockedSignals();
  ~BlockedSignals();
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

  const sigset_t& waited() const { return waited_; }
  const sigset_t& before() const { return before_; }

 private:
  sigset_t waited_;
  sigset_t before_;
};

// What is to be started. Texts may hold secrets; they are wiped when the child runs.
struct ChildSpec {
  std::string program;
  std::vector<std::string> argv;
  std::vector<SecretBytes> environment;  // "NAME=value"
  // Its reading end stays open across exec, under its own number; null: none.
  std::unique_ptr<HandoverPipe> handover;
};

// A program that runs in this process's place for everyone outside: it gets its signals, its
// standard streams and its exit code is the agent's. When the agent dies, even by SIGKILL, so does
// the program; under Gramine, whose kernel has no such link, only with the container around both.
class Child {
 public:
  // kNotFound, kDenied (not executable: not measured, noexec), kInternal. From the main thread,
  // and no others may be there under Gramine, whose fork fails beside them.
  static Result<Child> Start(ChildSpec spec, const BlockedSignals& signals);

  // Passes signals on until the program has ended; buries strays when it is the first process of a
  // container. The exit code, or 128 plus the signal; as after SIGKILL when it cannot be known.
  int Wait();

  pid_t pid() const { return pid_; }

 private:
  Child(pid_t pid, std::unique_ptr<HandoverPipe> handover)
      : pid_(pid), handover_(std::move(handover)) {}
  pid_t pid_;
  std::unique_ptr<HandoverPipe> handover_;
};

}  // namespace strongroom::agent
