#include "serving/openvino/runtime_folder.h"

#include <dlfcn.h>

#include <algorithm>
#include <string>
#include <system_error>

#include <fmt/format.h>
#include <openvino/core/version.hpp>

namespace strongroom::serving::openvino {
namespace {

constexpr std::string_view kNeeded[] = {"libopenvino.so", "libopenvino_intel_cpu_plugin.so",
                                        "libopenvino_ir_frontend.so",
                                        "libopenvino_onnx_frontend.so", "libtbb.so"};

bool IsPart(std::string_view name) {
  return name.starts_with("libopenvino") || name.starts_with("libtbb") || name == "plugins.xml" ||
         name == "cache.json";
}

bool IsNeeded(std::string_view name) {
  return std::any_of(std::begin(kNeeded), std::end(kNeeded), [&](std::string_view needed) {
    return name == needed || name.starts_with(std::string(needed) + ".");
  });
}

}  // namespace

Status CheckRuntimeFolder(const std::filesystem::path& folder) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (IsPart(name) && !IsNeeded(name)) {
      return std::unexpected(
          Error(Code::kUntrusted,
                fmt::format("found {} beside OpenVINO, wanted only its core, CPU plugin and "
                            "the parsers of IR and ONNX",
                            entry->path().string()),
                "serving.unmeasured-part"));
    }
  }
  if (error) return Internal(fmt::format("cannot list {}: {}", folder.string(), error.message()));
  return {};
}

Result<std::filesystem::path> RuntimeFolder() {
  Dl_info info = {};
  if (dladdr(reinterpret_cast<const void*>(&ov::get_openvino_version), &info) == 0 ||
      info.dli_fname == nullptr) {
    return Internal("the loader does not say where OpenVINO is");
  }
  return std::filesystem::path(info.dli_fname).parent_path();
}

}  // namespace strongroom::serving::openvino
