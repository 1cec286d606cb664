#include "attest/tcb.h"

#include <array>
#include <utility>

#include <fmt/format.h>

namespace strongroom::attest {
namespace {

constexpr std::array<std::pair<TcbStatus, std::string_view>, 7> kNames = {{
    {TcbStatus::kUpToDate, "UpToDate"},
    {TcbStatus::kSwHardeningNeeded, "SWHardeningNeeded"},
    {TcbStatus::kConfigurationNeeded, "ConfigurationNeeded"},
    {TcbStatus::kConfigurationAndSwHardeningNeeded, "ConfigurationAndSWHardeningNeeded"},
    {TcbStatus::kOutOfDate, "OutOfDate"},
    {TcbStatus::kOutOfDateConfigurationNeeded, "OutOfDateConfigurationNeeded"},
    {TcbStatus::kRevoked, "Revoked"},
}};

}  // namespace

std::string_view TcbStatusName(TcbStatus status) {
  for (const auto& [value, name] : kNames) {
    if (value == status) return name;
  }
  return "Revoked";
}

Result<TcbStatus> ParseTcbStatus(std::string_view name) {
  for (const auto& [value, known] : kNames) {
    if (known == name) return value;
  }
  return Malformed(fmt::format(
      "TCB status \"{}\", wanted one of UpToDate, SWHardeningNeeded, ConfigurationNeeded, "
      "ConfigurationAndSWHardeningNeeded, OutOfDate, OutOfDateConfigurationNeeded, Revoked",
      name.substr(0, 64)));
}

}  // namespace strongroom::attest
