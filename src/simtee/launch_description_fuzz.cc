#include <cstdlib>

#include "base/bytes.h"
#include "simtee/environment.h"
#include "simtee/launch_description.h"
#include "simtee/measured_set.h"

namespace simtee = strongroom::simtee;

// Whatever is accepted has only absolute paths, steers no loader, and has a record.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = strongroom::AsText(strongroom::ByteView(data, size));
  const auto description = simtee::ParseLaunchDescription(text, "/folder");
  if (!description.has_value()) return 0;
  for (const auto& [name, value] : description->env) {
    if (simtee::IsRefusedVariable(name)) std::abort();
  }
  for (const auto& name : description->host_env) {
    if (simtee::IsRefusedVariable(name)) std::abort();
  }
  for (const auto& mount : description->mounts) {
    if (!mount.path.starts_with('/')) std::abort();
  }
  if (simtee::MeasurementRecord(*description, {}).empty()) std::abort();
  return 0;
}
