#include "serving/api/kserve/infer.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/model_layout.h"

namespace strongroom::serving::api::kserve {

Result<Handle> AcquireVersion(const Frontend& frontend, const Caller& caller,
                              std::string_view model, std::string_view version) {
  RETURN_IF_ERROR(frontend.access.Check(model, caller.certificate));
  if (model.empty()) return Malformed("request names no model");
  if (version.empty()) return frontend.manager.Acquire(model, std::nullopt);
  const auto number = ParseModelVersion(version);
  if (!number)
    return Malformed(fmt::format("model version is \"{:.50}\", wanted a whole number", version));
  return frontend.manager.Acquire(model, number);
}

Result<std::vector<std::size_t>> PlaceInputs(const Signature& signature,
                                             std::span<const std::string_view> names,
                                             std::string_view model) {
  if (names.size() != signature.inputs.size()) {
    return Malformed(fmt::format("expected {} inputs but got {} inputs for model '{}'",
                                 signature.inputs.size(), names.size(), model));
  }
  std::vector<std::size_t> places;
  for (const std::string_view name : names) {
    const std::ptrdiff_t found = IndexOf(signature.inputs, name);
    if (found < 0)
      return Malformed(
          fmt::format("unexpected inference input '{:.100}' for model '{}'", name, model));
    const auto place = static_cast<std::size_t>(found);
    if (std::find(places.begin(), places.end(), place) != places.end()) {
      return Malformed(
          fmt::format("input '{:.100}' already exists in request for model '{}'", name, model));
    }
    places.push_back(place);
  }
  return places;
}

Result<std::vector<std::size_t>> ChooseOutputs(const Signature& signature,
                                               std::span<const std::string_view> names,
                                               std::string_view model) {
  std::vector<std::size_t> out;
  if (names.empty()) {
    for (std::size_t i = 0; i < signature.outputs.size(); ++i) out.push_back(i);
    return out;
  }
  for (const std::string_view name : names) {
    const std::ptrdiff_t found = IndexOf(signature.outputs, name);
    if (found < 0)
      return Malformed(
          fmt::format("unexpected inference output '{:.100}' for model '{}'", name, model));
    const auto index = static_cast<std::size_t>(found);
    if (std::find(out.begin(), out.end(), index) != out.end()) {
      return Malformed(
          fmt::format("output '{:.100}' already requested for model '{}'", name, model));
    }
    out.push_back(index);
  }
  return out;
}

std::vector<std::int64_t> AvailableVersions(const Manager& manager, std::string_view model) {
  std::vector<std::int64_t> out;
  for (const VersionStatus& status : manager.Statuses(model)) {
    if (status.state == VersionState::kAvailable) out.push_back(status.version);
  }
  return out;
}

}  // namespace strongroom::serving::api::kserve
