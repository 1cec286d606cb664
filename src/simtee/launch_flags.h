#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/entropy.h"
#include "base/result.h"
#include "simtee/launch.h"

namespace strongroom::simtee {

// Flags of `run` and `measure` alike.
struct LaunchFlags {
  std::string launch;                // description file; empty: described by the other flags
  std::string image;                 // folder that stands for the root of all paths
  std::vector<std::string> command;  // PROGRAM ARGS…
  std::vector<std::string> env;      // NAME=VALUE
  std::vector<std::string> host_env;
  std::vector<std::string> programs;
  std::vector<std::string> plugins;
  std::vector<std::string> files;            // PATH or PATH=SOURCE
  std::vector<std::string> mounts;           // PATH or PATH=SOURCE
  std::vector<std::string> writable_mounts;  // the same
  std::string working_directory = "/";
  std::uint16_t product_id = 0;
  std::uint16_t security_version = 0;
  bool debug = false;
  std::string signature;  // SIGSTRUCT file; empty: <launch>.sig if there is one
  std::string key;        // signs on the spot
  bool is_unsigned = false;
};

// Describes, freezes, measures and finds the signer.
Result<PreparedLaunch> Prepare(const LaunchFlags& flags, Entropy& entropy);

// Path inside → path on the host, absolute, for the mounts that the flags name.
Result<std::map<std::string, std::string>> MountSources(const LaunchFlags& flags);

}  // namespace strongroom::simtee
