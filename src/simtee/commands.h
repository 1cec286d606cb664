#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/entropy.h"
#include "base/log.h"
#include "base/result.h"
#include "simtee/launch.h"

// What the subcommands of strongroom-simtee do, after the command line was parsed.
namespace strongroom::simtee {

// Flags of `run` and `measure` alike.
struct LaunchFlags {
  std::string launch;                // description file; empty: described by the other flags
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

// What main hands to every command.
struct Machine {
  Entropy& entropy;
  const Clock& clock;
  Log& log;
};

struct RunFlags {
  LaunchFlags launch;
  std::string state;
  std::string platform;
  std::string gramine_files;  // folder inside; empty: the attestation socket is used
};

// The workload's exit code.
Result<int> RunWorkload(const RunFlags& flags, const Machine& machine);

struct MeasureFlags {
  LaunchFlags launch;
  std::string state;
  bool record = false;  // print what is hashed instead
};
// Prints MRENCLAVE, MRSIGNER, product id, security version, debug and the trust anchor of the
// world; as JSON by the names that manifests give them: UniqueID, SignerID (only when signed),
// ProductID, SecurityVersion, Debug, TrustAnchor.
Status PrintMeasurement(const MeasureFlags& flags, bool json, const Machine& machine);

struct SignFlags {
  std::string launch;  // description file
  std::string key;
  std::string out;  // empty: <launch>.sig
  std::string state;
};
// Writes a SIGSTRUCT for what the description describes, and prints as PrintMeasurement does.
Status SignLaunch(const SignFlags& flags, bool json, const Machine& machine);

// Writes a new signing key, PEM, mode 0600; kConflict when the file exists.
Status GenerateSigningKey(const std::string& out);

// Prints the SHA-256 of the TEST root's public key, which manifests name as a trust anchor, or its
// certificate.
Status PrintRoot(const std::string& state, bool certificate, bool json, const Machine& machine);

Status PrintPlatforms(bool json);

struct PccsFlags {
  std::string state;
  std::string listen;  // "127.0.0.1:8081", port 0 for any
  std::vector<std::string>
      statuses;  // PLATFORM=STATUS: what the level of that platform is said to be
};
// Serves collateral over HTTP until SIGINT or SIGTERM. Prints "listening on http://ADDRESS:PORT"
// when it does. Call before any thread is started: it blocks those signals.
Status ServePccs(const PccsFlags& flags, const Machine& machine);

}  // namespace strongroom::simtee
