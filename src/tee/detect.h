#pragma once

#include <filesystem>
#include <memory>

#include "base/environment.h"
#include "tee/evidence_source.h"
#include "tee/gramine_files.h"

namespace strongroom::tee {

// The TEE this process runs in: the attestation socket if STRONGROOM_ATTESTATION_FD is set, else
// Gramine's files if `gramine_folder` exists. What is found must work: a broken socket does not
// fall back to the files. kUnsupported, saying what was looked for, when there is neither: a
// workload that has to attest cannot run here.
Result<std::unique_ptr<EvidenceSource>> DetectEvidenceSource(
    const Environment& environment = ProcessEnvironment,
    const std::filesystem::path& gramine_folder = kGramineAttestationFolder);

}  // namespace strongroom::tee
