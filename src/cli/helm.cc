#include "cli/helm.h"

#include <fmt/format.h>

#include "cli/installation.h"
#include "cli/object_fields.h"

namespace strongroom::cli {
namespace {

constexpr std::chrono::seconds kHelmTimeout{300};
constexpr JsonLimits kReleaseLimits{
    .max_bytes = 16 << 20, .max_depth = 64, .max_values = 1'000'000};

}  // namespace

// Runs helm in the place that `kubectl` names. Its message is the error.
Result<std::string> Helm(const Kubectl& kubectl, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "helm");
  arguments.insert(arguments.end(), {"--namespace", kubectl.name_space()});
  if (!kubectl.context().empty())
    arguments.insert(arguments.end(), {"--kube-context", kubectl.context()});
  auto outcome = RunToEnd(arguments, kHelmTimeout);
  if (!outcome.has_value() && outcome.error().code() == Code::kNotFound) {
    return Precondition("no helm on the PATH: charts are installed by it (version 3 or 4)");
  }
  if (!outcome.has_value()) return std::unexpected(outcome.error());
  if (outcome->exit_status != 0) return std::unexpected(ToolFailure("helm", *outcome));
  return std::move(outcome->out);
}

Result<std::optional<Release>> FindRelease(const Kubectl& kubectl) {
  const auto text = Helm(kubectl, {"status", std::string(kRelease), "--output", "json"});
  if (!text.has_value() && text.error().code() == Code::kNotFound) return std::nullopt;
  if (!text.has_value()) return std::unexpected(text.error());
  ASSIGN_OR_RETURN(const JsonDocument said,
                   In("helm status", JsonDocument::Parse(*text, kReleaseLimits)));
  return Release{.revision = NumberAt(said.root(), {"version"}),
                 .status = TextAt(said.root(), {"info", "status"})};
}

std::string HelmAdvice(const Error& error, const Kubectl& kubectl) {
  const std::string& said = error.message();
  const auto has = [&](std::string_view text) { return said.contains(text); };
  if (has("specifications of the schema")) return "helm show readme CHART (what values mean)";
  if (has("incompatible with Kubernetes"))
    return "kubectl version (Kubernetes 1.31 or later is wanted)";
  if (has("invalid ownership metadata") || has("exists and cannot be imported"))
    return "strongroom uninstall in the namespace that has it, or kubectl delete that object";
  if (error.code() == Code::kDenied) return kubectl.Typed("auth can-i --list");
  return "";
}

}  // namespace strongroom::cli
