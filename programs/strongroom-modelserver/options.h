#pragma once

#include <cstdint>
#include <string>

#include "base/log.h"
#include "base/result.h"
#include "serving/openvino/engine.h"

namespace strongroom::modelserver {

// The command line. It is part of what is measured; even so it holds nothing that says whom to
// trust.
struct Options {
  std::string model_name;       // empty: every model that was handed over
  std::string model_base_path;  // the model's folder of versions; with several models, their parent
  std::string address = "0.0.0.0";
  std::uint16_t port = 8500;
  std::uint16_t rest_api_port = 0;    // 0: REST is on `port` only
  unsigned max_connection_age = 300;  // seconds; 0: none
  std::uint16_t health_port = 0;      // plain HTTP for probes and metrics; 0: none
  int threads = 0;                    // 0: as many as processors
  serving::openvino::Precision precision = serving::openvino::Precision::kF32;
  LogFormat log_format = LogFormat::kText;
  int drain_seconds = 0;  // between the signal to end and the end, not ready and still answering
  bool insecure_plain = false;
};

// Empty when the program is to end at once, with `exit_code` (after --help, --version or a wrong
// flag).
struct ParsedOptions {
  bool run = false;
  int exit_code = 0;
  Options options;
};
ParsedOptions ParseOptions(int argc, char** argv);

}  // namespace strongroom::modelserver
