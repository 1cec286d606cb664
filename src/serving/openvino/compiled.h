#pragma once

#include <memory>
#include <string_view>

#include <openvino/runtime/compiled_model.hpp>

#include "serving/core/engine.h"

namespace strongroom::serving::openvino {

// What the compiled graph declares. kUnsupported: element types that we do not carry, inputs
// without a known rank.
Result<Signature> SignatureOf(const ov::CompiledModel& model);

// A compiled graph as the core's Model; keeps a pool of OpenVINO's requests, one for each caller at
// a time.
std::unique_ptr<Model> WrapCompiled(ov::CompiledModel model, Signature signature,
                                    std::string_view platform);

}  // namespace strongroom::serving::openvino
