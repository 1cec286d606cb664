#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace strongroom::simtee {

inline constexpr std::size_t kMaxLaunchDescriptionBytes = 256 * 1024;

// A configuration file: the workload sees the copy of `source` under `path`.
struct DescribedFile {
  std::string path;    // inside
  std::string source;  // on the host; not part of the measurement, its content is
  auto operator<=>(const DescribedFile&) const = default;
};

// A place of the workload's that shows a folder or file of the host: data, never code (noexec).
// Which one, the host chooses when it starts the workload; what is in it may change at any time and
// is to be treated as untrusted.
struct DescribedMount {
  std::string path;
  bool writable = false;
  auto operator<=>(const DescribedMount&) const = default;
};

// What is to run in a simulated enclave, as a Gramine manifest says it
// (docs/formats/launch-description.md). All paths are absolute and normal. Everything but
// product_id, security_version and debug goes into MRENCLAVE.
struct LaunchDescription {
  std::string program;            // the entry point; empty: named on the command line
  std::vector<std::string> argv;  // all of it, argv[0] too; empty: the program's file name alone
  std::map<std::string, std::string> env;  // the whole environment, but for host_env
  std::vector<std::string> host_env;       // names whose values the host chooses; sorted
  std::vector<std::string> programs;   // further programs that the entry point may start; sorted
  std::vector<std::string> plugins;    // shared objects that are opened by name at run time; sorted
  std::vector<DescribedFile> files;    // sorted by path
  std::vector<DescribedMount> mounts;  // sorted by path
  std::string working_directory = "/";
  std::uint16_t product_id = 0;
  std::uint16_t security_version = 0;
  bool debug = false;
};

// Parses the JSON of a description; relative paths in it start at `folder`. kMalformed (unknown and
// doubled members too), kUnsupported for another format, kDenied for environment variables that
// steer the loader.
Result<LaunchDescription> ParseLaunchDescription(std::string_view json,
                                                 const std::filesystem::path& folder);

// Checks what parsing checks, for a description that was put together from flags: paths, names,
// doubles. Sorts.
Status NormalizeLaunchDescription(LaunchDescription& description);

}  // namespace strongroom::simtee
