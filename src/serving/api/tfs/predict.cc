#include "serving/api/tfs/predict.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace strongroom::serving::api::tfs {
namespace {

std::vector<std::string_view> NamesOf(const std::vector<TensorSpec>& specs) {
  std::vector<std::string_view> names;
  for (const TensorSpec& spec : specs) names.push_back(spec.name);
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string_view> Without(std::span<const std::string_view> names,
                                      std::span<const std::string_view> others) {
  std::vector<std::string_view> out;
  std::set_difference(names.begin(), names.end(), others.begin(), others.end(),
                      std::back_inserter(out));
  return out;
}

}  // namespace

Result<Handle> AcquireSpec(const Frontend& frontend, const Caller& caller, const ModelSpec& spec) {
  RETURN_IF_ERROR(frontend.access.Check(spec.name, caller.certificate));
  if (spec.label)
    return Malformed(fmt::format("Unrecognized servable version label: {}", *spec.label));
  auto handle = frontend.manager.Acquire(spec.name, spec.version);
  if (!handle && spec.version == kDefaultVersion) handle = frontend.manager.Acquire(spec.name, {});
  if (handle) return handle;
  return NotFound(spec.version
                      ? fmt::format("Servable not found for request: Specific({}, {})", spec.name,
                                    *spec.version)
                      : fmt::format("Servable not found for request: Latest({})", spec.name));
}

Status CheckSignatureName(std::string_view name) {
  if (name.empty() || name == kServingDefault) return {};
  return Precondition(fmt::format("Serving signature key \"{}\" not found.", name));
}

Result<std::vector<std::size_t>> ChooseOutputs(const Signature& signature,
                                               std::span<const std::string_view> filter) {
  std::vector<std::size_t> out;
  if (filter.empty()) {
    for (std::size_t i = 0; i < signature.outputs.size(); ++i) out.push_back(i);
    return out;
  }
  for (const std::string_view name : filter) {
    const std::ptrdiff_t found = IndexOf(signature.outputs, name);
    if (found < 0) {
      return Malformed(
          fmt::format("output tensor alias not found in signature: {} Outputs expected to be in "
                      "the set {{{}}}.",
                      name, fmt::join(NamesOf(signature.outputs), ",")));
    }
    const auto index = static_cast<std::size_t>(found);
    if (std::find(out.begin(), out.end(), index) != out.end()) {
      return Malformed(fmt::format("duplicate output tensor alias: {}", name));
    }
    out.push_back(index);
  }
  return out;
}

Status CheckInputNames(const Signature& signature, std::span<const std::string_view> names) {
  const std::vector<std::string_view> wanted = NamesOf(signature.inputs);
  const auto extra = Without(names, wanted);
  const auto missing = Without(wanted, names);
  if (names.size() != wanted.size()) {
    return Malformed(
        fmt::format("input size does not match signature: {}!={} len({{{}}}) != len({{{}}}). Sent "
                    "extra: {{{}}}. Missing but required: "
                    "{{{}}}.",
                    names.size(), wanted.size(), fmt::join(names, ","), fmt::join(wanted, ","),
                    fmt::join(extra, ","), fmt::join(missing, ",")));
  }
  if (!extra.empty()) {
    return Malformed(fmt::format(
        "input tensor alias not found in signature: {}. Inputs expected to be in the set {{{}}}.",
        extra.front(), fmt::join(wanted, ",")));
  }
  return {};
}

}  // namespace strongroom::serving::api::tfs
