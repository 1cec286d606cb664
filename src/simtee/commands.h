#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/entropy.h"
#include "base/log.h"
#include "base/result.h"
#include "simtee/launch_flags.h"
#include "simtee/state.h"

// What the subcommands of strongroom-simtee do, after the command line was parsed.
namespace strongroom::simtee {

// What main hands to every command.
struct Machine {
  Entropy& entropy;
  const Clock& clock;
  Log& log;
};

struct RunFlags {
  LaunchFlags launch;
  WorldFlags world;
  bool container_root = false;  // the container's own root stands in (container_root.h)
  std::string platform;
  std::string gramine_files;  // folder inside; empty: the attestation socket is used
};

// The workload's exit code.
Result<int> RunWorkload(const RunFlags& flags, const Machine& machine);

struct MeasureFlags {
  LaunchFlags launch;
  WorldFlags world;
  bool record = false;  // print what is hashed instead
};
// Prints MRENCLAVE, MRSIGNER, product id, security version, debug and the trust anchor of the
// world; as JSON by the names that manifests give them: UniqueID, SignerID (only when signed),
// ProductID, SecurityVersion, Debug, TrustAnchor.
Status PrintMeasurement(const MeasureFlags& flags, bool json, const Machine& machine);

struct SignFlags {
  std::string launch;                // description file
  std::string image;                 // as in LaunchFlags
  std::string key;                   // PEM file
  bool well_known_signer = false;    // instead: the TEST signer whose key is public
  std::string out;                   // empty: <launch>.sig
  std::optional<std::int64_t> date;  // of the signature, seconds since 1970; now
  WorldFlags world;
};
// Writes a SIGSTRUCT for what the description describes, and prints as PrintMeasurement does.
Status SignLaunch(const SignFlags& flags, bool json, const Machine& machine);

// Writes a new signing key, PEM, mode 0600; kConflict when the file exists.
Status GenerateSigningKey(const std::string& out);

// Prints the SHA-256 of the TEST root's public key, which manifests name as a trust anchor, or its
// certificate.
Status PrintRoot(const WorldFlags& flags, bool certificate, bool json, const Machine& machine);

Status PrintPlatforms(bool json);

struct PccsFlags {
  WorldFlags world;
  std::string listen;  // "127.0.0.1:8081", port 0 for any
  std::vector<std::string>
      statuses;  // PLATFORM=STATUS: what the level of that platform is said to be
};
// Serves collateral over HTTP until SIGINT or SIGTERM. Prints "listening on http://ADDRESS:PORT"
// when it does. Call before any thread is started: it blocks those signals.
Status ServePccs(const PccsFlags& flags, const Machine& machine);

}  // namespace strongroom::simtee
