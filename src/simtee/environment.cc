#include "simtee/environment.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/steering_variables.h"

namespace strongroom::simtee {
bool IsRefusedVariable(std::string_view name) {
  return SteersTheLoader(name) || name == "BASH_ENV" || name.starts_with("STRONGROOM_ATTESTATION_");
}

Status CheckVariableName(std::string_view name) {
  const auto is_letter = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  if (name.empty() || name.size() > 256 || !std::ranges::all_of(name, is_letter)) {
    return Malformed(
        fmt::format("\"{}\" is no environment variable name, wanted letters, digits and _", name));
  }
  if (IsRefusedVariable(name)) {
    return Denied(fmt::format(
        "environment variable {} steers the loader or the libraries of the workload: no measured "
        "workload gets it",
        name));
  }
  return {};
}

std::vector<std::string> BuildEnvironment(const LaunchDescription& description,
                                          const HostEnvironment& host) {
  std::vector<std::string> environment;
  for (const auto& [name, value] : description.env) environment.push_back(name + "=" + value);
  for (const std::string& name : description.host_env) {
    if (const auto value = host(name)) environment.push_back(name + "=" + *value);
  }
  return environment;
}

Status CheckOwnEnvironment(const HostEnvironment& host) {
  for (const char* name : {"LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH", "GLIBC_TUNABLES"}) {
    if (host(name).has_value()) {
      return Denied(fmt::format(
          "{} is set: the simulated TEE would itself run unmeasured code; unset it", name));
    }
  }
  return {};
}

}  // namespace strongroom::simtee
