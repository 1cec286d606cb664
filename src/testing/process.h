#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

namespace strongroom::testing {

// What a program did. A program that cannot be started ends with 127.
struct ProcessResult {
  int exit_status = -1;  // -1 when a signal ended it
  int signal = 0;
  std::string out;
  std::string err;
  long max_rss_kib = 0;
};

struct ProcessOptions {
  std::vector<std::string> environment = {};          // "NAME=value", added to the test's own
  std::string folder = {};                            // where it runs; the test's folder when empty
  std::function<void(pid_t pid)> while_running = {};  // called once, after the start
};

// Runs a program to its end; its standard input is empty.
ProcessResult RunProcess(const std::vector<std::string>& arguments,
                         const ProcessOptions& options = {});

// The path of one of our programs (STRONGROOM_BIN/name).
std::string ProgramPath(const std::string& name);

}  // namespace strongroom::testing
