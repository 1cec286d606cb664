#pragma once

#include <filesystem>
#include <memory>

#include "tee/evidence_source.h"

namespace strongroom::tee {

inline constexpr const char* kGramineAttestationFolder = "/dev/attestation";

// The pseudo files of Gramine (attestation_type, user_report_data, quote, keys/_sgx_mrenclave,
// keys/_sgx_mrsigner) under `folder`. Gramine keeps one report data a process: quotes are asked for
// one at a time within a source, and a quote over another writer's report data is refused
// (kUnavailable), never returned. kNotFound when the files are not there, kUnsupported when
// attestation_type is not "dcap".
Result<std::unique_ptr<EvidenceSource>> OpenGramineFiles(
    const std::filesystem::path& folder = kGramineAttestationFolder);

}  // namespace strongroom::tee
