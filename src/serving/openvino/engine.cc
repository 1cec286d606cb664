#include "serving/openvino/engine.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <openvino/core/version.hpp>
#include <openvino/runtime/core.hpp>
#include <openvino/runtime/properties.hpp>

#include "base/secret.h"
#include "serving/openvino/adopted_tensor.h"
#include "serving/openvino/compiled.h"
#include "serving/openvino/formats.h"
#include "serving/openvino/runtime_folder.h"

namespace strongroom::serving::openvino {
namespace {

constexpr const char* kDevice = "CPU";

std::string_view PlatformOf(ModelFormat format) {
  return format == ModelFormat::kOnnx ? "onnx_onnxv1" : "OpenVINO";
}

// A text for OpenVINO's interface that does not stay behind in memory.
class WipedText {
 public:
  explicit WipedText(ByteView bytes) : text_(AsText(bytes)) {}
  ~WipedText() { Wipe({reinterpret_cast<std::uint8_t*>(text_.data()), text_.size()}); }
  WipedText(const WipedText&) = delete;
  WipedText& operator=(const WipedText&) = delete;
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

class OpenVinoEngine final : public Engine {
 public:
  explicit OpenVinoEngine(EngineOptions options) : options_(options) {}

  Result<std::unique_ptr<Model>> Load(ModelFiles files) override {
    RETURN_IF_ERROR(CheckFormat(files));
    const ModelFormat format = files.format;
    std::unique_ptr<Model> model;
    try {
      ov::CompiledModel compiled = Compile(std::move(files));
      ASSIGN_OR_RETURN(Signature signature, SignatureOf(compiled));
      model = WrapCompiled(std::move(compiled), std::move(signature), PlatformOf(format));
    } catch (const std::exception& failure) {
      if (options_.insecure_explain_load_errors)
        return Malformed(fmt::format("OpenVINO: {:.1000}", failure.what()));
      return Malformed("OpenVINO refused the model");
    }
    RETURN_IF_ERROR(WarmUp(*model));
    return model;
  }

 private:
  ov::CompiledModel Compile(ModelFiles files) {
    // Weights first: they are handed over, never copied. An empty tensor where the format has none.
    const ov::Tensor weights =
        files.weights.empty() ? ov::Tensor() : AdoptAsTensor(std::move(files.weights));
    const WipedText graph(files.graph.view());
    files.graph = Buffer();
    return core_.compile_model(core_.read_model(graph.text(), weights), kDevice, Settings());
  }

  ov::AnyMap Settings() const {
    return {
        ov::hint::inference_precision(options_.precision == Precision::kBf16 ? ov::element::bf16
                                                                             : ov::element::f32),
        ov::hint::performance_mode(ov::hint::PerformanceMode::LATENCY),
        ov::num_streams(1),
        ov::inference_num_threads(options_.threads),
        // The processors are shared with whatever else the host runs there.
        ov::hint::enable_cpu_pinning(false),
        // OpenVINO's cache would leave weights in clear on disk.
        ov::cache_dir(""),
    };
  }

  // Packs weights and builds kernels now instead of at the first request. Only where one example
  // can be made up: the batch dimension is the only open one.
  static Status WarmUp(const Model& model) {
    std::vector<Tensor> zeros;
    std::vector<TensorView> inputs;
    for (const TensorSpec& spec : model.signature().inputs) {
      Shape shape;
      for (std::size_t i = 0; i < spec.dims.size(); ++i) {
        if (!spec.dims[i].fixed() && i > 0) return {};
        shape.push_back(std::max<std::int64_t>(1, spec.dims[i].min));
      }
      ASSIGN_OR_RETURN(Tensor tensor,
                       Tensor::Make(spec.dtype, std::move(shape), std::size_t{1} << 30));
      zeros.push_back(std::move(tensor));
    }
    for (const Tensor& tensor : zeros) inputs.push_back(tensor.view());
    const auto outputs = model.Infer(inputs, {});
    if (!outputs) return std::unexpected(outputs.error().In("warm-up"));
    return {};
  }

  EngineOptions options_;
  ov::Core core_;
};

}  // namespace

Result<std::unique_ptr<Engine>> MakeEngine(EngineOptions options) {
  if (options.threads < 1)
    return Malformed(fmt::format("{} threads, wanted at least 1", options.threads));
  ASSIGN_OR_RETURN(const auto folder, RuntimeFolder());
  RETURN_IF_ERROR(CheckRuntimeFolder(folder));
  ASSIGN_OR_RETURN(const std::vector<std::string> capabilities, Capabilities());
  RETURN_IF_ERROR(CheckPrecision(options.precision, capabilities));
  try {
    return std::make_unique<OpenVinoEngine>(options);
  } catch (const std::exception& failure) {
    return Internal(fmt::format("OpenVINO: {:.200}", failure.what()));
  }
}

Result<std::vector<std::string>> Capabilities() {
  try {
    return ov::Core().get_property(kDevice, ov::device::capabilities);
  } catch (const std::exception& failure) {
    return Internal(fmt::format("OpenVINO has no CPU plugin: {:.200}", failure.what()));
  }
}

Status CheckPrecision(Precision precision, std::span<const std::string> capabilities) {
  if (precision == Precision::kF32) return {};
  if (std::find(capabilities.begin(), capabilities.end(), "BF16") != capabilities.end()) return {};
  return Unsupported(
      "precision bf16 would only be emulated on this processor, wanted AVX512_BF16 or AMX");
}

std::string EngineVersion() { return ov::get_openvino_version().buildNumber; }

}  // namespace strongroom::serving::openvino
