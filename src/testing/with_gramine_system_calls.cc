// with_gramine_system_calls PROGRAM ARGS...: runs a program with nothing but the system calls that
// Gramine has.

#include <unistd.h>

#include <cstdio>

#include "testing/gramine_system_calls.h"

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("found no program, wanted PROGRAM ARGS...\n", stderr);
    return 2;
  }
  if (!strongroom::testing::KeepGramineSystemCallsOnly()) {
    std::perror("seccomp");
    return 2;
  }
  execv(argv[1], argv + 1);
  std::perror(argv[1]);
  return 127;
}
