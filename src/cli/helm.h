#pragma once

#include <string>
#include <vector>

#include "cli/kubernetes.h"

// The helm on the PATH, version 3 or 4, in the place that a Kubectl names.
namespace strongroom::cli {

// What helm prints. Its message is the error, with the codes of ToolFailure; kPrecondition without
// helm.
Result<std::string> Helm(const Kubectl& kubectl, std::vector<std::string> arguments);

// The next command after a failure of helm's; empty where none is known.
std::string HelmAdvice(const Error& error, const Kubectl& kubectl);

}  // namespace strongroom::cli
