#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/kubernetes.h"

// The helm on the PATH, version 3 or 4, in the place that a Kubectl names.
namespace strongroom::cli {

// What helm prints. Its message is the error, with the codes of ToolFailure; kPrecondition without
// helm.
Result<std::string> Helm(const Kubectl& kubectl, std::vector<std::string> arguments);

struct Release {
  std::int64_t revision = 0;
  std::string status = {};  // "deployed", "failed", "pending-install" …
  bool pending() const { return status.starts_with("pending-"); }
};

// Our release in that place; nothing when there is none.
Result<std::optional<Release>> FindRelease(const Kubectl& kubectl);

// The next command after a failure of helm's; empty where none is known.
std::string HelmAdvice(const Error& error, const Kubectl& kubectl);

}  // namespace strongroom::cli
