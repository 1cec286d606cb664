#pragma once

#include <functional>
#include <optional>
#include <string>

namespace strongroom {

// Reads an environment variable; nullopt when it is not set. Tests give their own.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// That of this process.
std::optional<std::string> ProcessEnvironment(const std::string& name);

}  // namespace strongroom
