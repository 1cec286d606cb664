#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "tee/evidence_source.h"
#include "tee/gramine_files.h"

namespace strongroom::tee {

// Reads an environment variable; nullopt when it is not set. Tests give their own.
using EnvironmentLookup = std::function<std::optional<std::string>(const std::string& name)>;
std::optional<std::string> ProcessEnvironment(const std::string& name);

// The TEE this process runs in: the attestation socket if STRONGROOM_ATTESTATION_FD is set, else
// Gramine's files if `gramine_folder` exists. What is found must work: a broken socket does not
// fall back to the files. kUnsupported, saying what was looked for, when there is neither: a
// workload that has to attest cannot run here.
Result<std::unique_ptr<EvidenceSource>> DetectEvidenceSource(
    const EnvironmentLookup& environment = ProcessEnvironment,
    const std::filesystem::path& gramine_folder = kGramineAttestationFolder);

}  // namespace strongroom::tee
