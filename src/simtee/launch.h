#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/entropy.h"
#include "sim/evidence.h"
#include "simtee/launch_description.h"
#include "simtee/measured_set.h"

// From what a user asks for to an enclave with an identity.
//
// What a workload finds when it runs, and may rely on:
//  - STRONGROOM_ATTESTATION_FD names its attestation socket (tee/detect.h reads it, marks it
//  close-on-exec), or
//    Gramine's files are in /dev/attestation.
//  - Every measured file stands at its own path, read-only. Nothing else can be executed: host data
//  is mounted noexec,
//    /tmp, /run and /dev/shm are private, noexec and gone when the workload ends. So a program that
//    starts others (the agent) needs no list: execve of a path that was not measured fails with
//    EACCES or ENOENT.
//  - Its environment holds what the description says, the host_env values, which the host chose,
//  and the socket's name.
namespace strongroom::simtee {

// What the command line adds to a launch description or stands for one.
struct LaunchRequest {
  std::optional<std::string> description_file;
  std::string image;  // folder that stands for the root of all paths; empty: this machine's root
  std::vector<std::string>
      command;  // program and arguments; replaces the description's program and argv
  LaunchDescription described;  // from flags; only without a description_file
  bool debug =
      false;  // a debug enclave, whatever the description says: the host's choice on hardware too
};

// The description of `request`: read from its file, or put together from the command line. A
// program without a slash is looked for in `search_path` (PATH). kMalformed when no program is
// named.
Result<LaunchDescription> DescribeLaunch(const LaunchRequest& request,
                                         const std::string& search_path);

// Who signs: one of a SIGSTRUCT file, a key that signs on the spot, or nobody.
struct LaunchSigner {
  std::optional<std::string> sigstruct_file;
  std::optional<std::string> key_file;  // PEM, RSA-3072 with exponent 3
};

struct PreparedLaunch {
  LaunchDescription description;
  MeasuredSet files;
  std::string record;  // what MRENCLAVE is the SHA-256 of
  sim::EnclaveIdentity identity;
  bool is_signed = false;

  // MRSIGNER for people.
  std::string SignerText() const;
};

// Freezes and measures what `tree` holds; the signer's files are this machine's. kUntrusted when
// the SIGSTRUCT is for another measurement, product or security version: SGX does not start such an
// enclave either. Unsigned, MRSIGNER is a number from `entropy` that nobody can sign for.
Result<PreparedLaunch> PrepareLaunch(LaunchDescription description, const LaunchSigner& signer,
                                     Entropy& entropy, const FileTree& tree = {});

}  // namespace strongroom::simtee
