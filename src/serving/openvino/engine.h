#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "serving/core/engine.h"

namespace strongroom::serving::openvino {

// In what precision 32-bit models are computed. OpenVINO's own default would silently compute in
// bfloat16 where the processor has it, and answer differently from machine to machine.
enum class Precision : std::uint8_t { kF32, kBf16 };

struct EngineOptions {
  int threads = 1;  // for inference and for compiling
  Precision precision = Precision::kF32;
  // OpenVINO's reasons may name parts of the model's graph; the log belongs to the host. Only for
  // plain models.
  bool insecure_explain_load_errors = false;
};

// OpenVINO on this processor. Reads OpenVINO IR and single-file ONNX from memory; opens no file of
// a model, writes no cache. kUnsupported: bf16 on a processor that would only emulate it;
// kUntrusted: parts of OpenVINO that are not needed lie beside it (runtime_folder.h); kInternal:
// its libraries are not there.
Result<std::unique_ptr<Engine>> MakeEngine(EngineOptions options);

// What this processor computes natively, as OpenVINO says: "FP32", "INT8", "BF16", …
Result<std::vector<std::string>> Capabilities();

// kUnsupported when `precision` is not among the native ones.
Status CheckPrecision(Precision precision, std::span<const std::string> capabilities);

// "2026.4.1-…"
std::string EngineVersion();

}  // namespace strongroom::serving::openvino
