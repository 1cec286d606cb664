#include "options.h"

#include <map>

#include <CLI/CLI.hpp>

#include "base/version.h"

namespace strongroom::modelserver {
namespace {

constexpr const char* kDescription =
    "Serves models inside a trusted execution environment: TensorFlow Serving's and KServe's "
    "protocols, gRPC and REST, on "
    "one TLS port.\nStarted by strongroom-agent run, which hands over keys, certificates and the "
    "list of clients.";
constexpr const char* kFooter =
    "A model's folder holds versions: FOLDER/1/model.xml with model.bin, or FOLDER/1/model.onnx, "
    "as protected files.\n"
    "Example: strongroom-modelserver --model_name=digits --model_base_path=/models/digits "
    "--port=8500";

void AddFlags(CLI::App& app, Options& options) {
  app.add_option("--model_name", options.model_name,
                 "the one model to serve; default: all that are handed over");
  app.add_option("--model_base_path", options.model_base_path,
                 "with --model_name the folder of the model's versions, else the folder of the "
                 "models' folders")
      ->required();
  app.add_option("--port", options.port, "for gRPC and REST (default 8500; 0: any free one)");
  app.add_option("--rest_api_port", options.rest_api_port,
                 "a second port for the same (default 0: none)");
  app.add_option("--max_connection_age", options.max_connection_age,
                 "seconds after which a client is asked to connect anew, so that clients find new "
                 "pods (default 300, give or take a tenth; 0: never)")
      ->check(CLI::Range(0U, 86'400U));
  app.add_option(
      "--health_port", options.health_port,
      "plain HTTP without certificates for /healthz, /readyz and /metrics, which name no "
      "model (default 0: none)");
  app.add_option("--address", options.address, "to listen on (default 0.0.0.0)");
  app.add_option("--threads", options.threads,
                 "for inference (default 0: as many as processors are allowed)")
      ->check(CLI::Range(0, 1024));
  app.add_option("--drain_seconds", options.drain_seconds,
                 "after the signal to end, go on answering for so long, not ready, so that "
                 "balancers choose others (default 0); a second signal ends it")
      ->check(CLI::Range(0, 3600));
  app.add_option("--precision", options.precision,
                 "in which 32-bit models are computed: f32 (default) or bf16")
      ->transform(CLI::CheckedTransformer(std::map<std::string, serving::openvino::Precision>{
                                              {"f32", serving::openvino::Precision::kF32},
                                              {"bf16", serving::openvino::Precision::kBf16}})
                      .description("{f32,bf16}"));
  const CLI::Validator log_formats =
      CLI::CheckedTransformer(
          std::map<std::string, LogFormat>{{"text", LogFormat::kText}, {"json", LogFormat::kJson}})
          .description("{text,json}");
  app.add_option("--log_format", options.log_format, "text (default) or json")
      ->transform(log_formats);
  // As the other programs spell it.
  app.add_option("--log-format", options.log_format)->transform(log_formats)->group("");
  app.add_flag("--insecure_plain", options.insecure_plain,
               "INSECURE: plain model files, no TLS, no clients' certificates; 127.0.0.1 only. To "
               "compare answers with");
}

}  // namespace

ParsedOptions ParseOptions(int argc, char** argv) {
  ParsedOptions out;
  CLI::App app(kDescription, "strongroom-modelserver");
  app.footer(kFooter);
  app.set_version_flag("--version", std::string(Version()));
  app.option_defaults()->take_last();  // as TensorFlow Serving's flags
  AddFlags(app, out.options);
  try {
    app.parse(argc, argv);
    out.run = true;
  } catch (const CLI::ParseError& error) {
    out.exit_code = app.exit(error) == 0 ? 0 : 2;
  }
  return out;
}

}  // namespace strongroom::modelserver
