#pragma once

#include "base/bytes.h"
#include "serving/core/model_files.h"

namespace strongroom::serving::openvino {

// Whether the bytes look like their declared format, before OpenVINO's parsers see them: OpenVINO
// tries every parser it has on bytes of unknown format. IR: XML whose root is <net>. ONNX: a
// ModelProto with its version and a graph whose weights are all inside (weights in files beside it
// are refused: OpenVINO would look for them on the host's disk). kMalformed; kUnsupported for
// external weights. No error quotes the model.
Status CheckFormat(const ModelFiles& files);

}  // namespace strongroom::serving::openvino
