#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace strongroom::webhook {

// What kind of trusted execution environment a pod asks for. kSim proves nothing.
enum class Tee : std::uint8_t { kSgx, kTdx, kSnp, kSim };

// "sgx", "tdx", "snp", "sim"
Result<Tee> ParseTee(std::string_view name);

// How the agent comes into the pod: in front of the program, before it (and ended when it starts),
// or beside it.
enum class Mode : std::uint8_t { kLauncher, kInit, kSidecar };

// "launcher", "init", "sidecar"
std::string_view ModeName(Mode mode);
Result<Mode> ParseMode(std::string_view name);

// Who makes SGX quotes: the workload itself, the AESM daemon, or nobody.
enum class QuoteProvider : std::uint8_t { kInProcess, kAesmd, kNone };

// "in-process", "aesmd", "none"
Result<QuoteProvider> ParseQuoteProvider(std::string_view name);

}  // namespace strongroom::webhook
