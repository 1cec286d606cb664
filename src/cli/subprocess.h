#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/result.h"

// Programs of the user's (kubectl, helm) that commands call. They are looked up on the PATH, have
// no input, and end with this process whatever ends it.
namespace strongroom::cli {

struct ProcessOutcome {
  int exit_status = 0;  // 128 plus the signal that ended it
  std::string out = {};
  std::string err = {};
};

// Runs a program to its end and keeps what it prints, at most 16 MiB each way. kNotFound: there is
// no such program on the PATH; kDeadline: it took longer than `timeout` and was ended; kExhausted:
// it printed more; kCancelled: a signal came that an Interrupt holds back, and it was ended.
Result<ProcessOutcome> RunToEnd(const std::vector<std::string>& arguments,
                                std::chrono::milliseconds timeout);

// A program that runs beside; ended (SIGTERM, after two seconds SIGKILL) with this object.
class BackgroundProcess {
 public:
  // kNotFound as above.
  static Result<BackgroundProcess> Start(const std::vector<std::string>& arguments);
  BackgroundProcess(BackgroundProcess&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)),
        out_(std::move(other.out_)),
        err_(std::move(other.err_)) {}
  BackgroundProcess& operator=(BackgroundProcess&&) = delete;
  ~BackgroundProcess();

  // Its standard output until a line ends. kUnavailable, with what it said, when it ends before;
  // kDeadline after `timeout`; kCancelled as above.
  Result<std::string> ReadLine(std::chrono::milliseconds timeout);

 private:
  friend Result<ProcessOutcome> RunToEnd(const std::vector<std::string>& arguments,
                                         std::chrono::milliseconds timeout);
  BackgroundProcess(pid_t pid, UniqueFd out, UniqueFd err)
      : pid_(pid), out_(std::move(out)), err_(std::move(err)) {}
  int Wait();  // its exit status

  pid_t pid_;
  UniqueFd out_, err_;
};

}  // namespace strongroom::cli
