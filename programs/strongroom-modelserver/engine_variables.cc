#include "engine_variables.h"

#include <unistd.h>

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace strongroom::modelserver {
namespace {

constexpr std::string_view kEnginePrefixes[] = {"OV_",   "OPENVINO_", "ONEDNN_",
                                                "DNNL_", "TBB_",      "OMP_"};

}  // namespace

void DropEngineVariables(Log& log) {
  std::vector<std::string> names;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    for (const std::string_view prefix : kEnginePrefixes) {
      if (text.starts_with(prefix)) names.emplace_back(text.substr(0, text.find('=')));
    }
  }
  for (const std::string& name : names) {
    log.Warn("ignored a variable that would steer the engine", {{"name", name}});
    unsetenv(name.c_str());
  }
}

}  // namespace strongroom::modelserver
