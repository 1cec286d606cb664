#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/files.h"

namespace strongroom::simtee::testing {

struct Outcome {
  int exit_code = -1;
  std::string out;
  std::string err;
};

// A started process with its standard output readable; killed at the end if it still runs.
class Process {
 public:
  // `before_exec` runs in the child; what it cannot do it ends with _exit.
  explicit Process(const std::vector<std::string>& argv,
                   const std::vector<std::string>& extra_environment = {},
                   const std::function<void()>& before_exec = nullptr);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  std::string ReadLine();  // of standard output; empty at its end
  Outcome Wait();          // reads the rest

 private:
  pid_t pid_ = -1;
  UniqueFd out_;
  std::string err_file_;
};

Outcome Run(const std::vector<std::string>& argv,
            const std::vector<std::string>& extra_environment = {});

// A folder of this test's own with copies of the probe, its library and its plugin that may be
// changed, and a state folder for simtee shared by all tests of the process (making keys takes
// time).
class Bench {
 public:
  Bench();

  std::filesystem::path folder() const { return folder_.path(); }
  std::string probe() const { return (folder() / "strongroom-probe").string(); }
  std::string library() const { return (folder() / "libstrongroom-probe-library.so").string(); }
  std::string plugin() const { return (folder() / "libstrongroom-probe-plugin.so").string(); }
  std::string configuration() const { return (folder() / "configuration.json").string(); }
  static std::string simtee();
  static std::string state();

  // Writes a launch description beside the probe. `members` are added: R"("env":{"A":"b"})".
  std::string Describe(const std::string& members, const std::string& name = "launch.json") const;

  Outcome Start(const std::vector<std::string>& flags, const std::vector<std::string>& command,
                const std::vector<std::string>& extra_environment = {}) const;
  std::string MeasurementOf(const std::string& launch_file,
                            const std::vector<std::string>& flags = {}) const;

 private:
  TemporaryFolder folder_;
};

// Changes one bit of the byte at `offset`; from the end when negative.
void FlipByte(const std::string& file, long offset);

// Changes one bit of the padding in an ELF file's identification, which loaders ignore: it still
// runs.
void FlipHarmlessByte(const std::string& elf_file);

}  // namespace strongroom::simtee::testing
