#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "simtee/launch_description.h"

namespace strongroom::simtee {

// True for variables that change which code a process loads or how its libraries behave before main
// (LD_*, GLIBC_TUNABLES, OPENSSL_CONF, MALLOC_*, …) and for those that simtee sets itself: nobody
// may describe or pass them.
bool IsRefusedVariable(std::string_view name);

// kDenied, naming it, for a refused variable; kMalformed for what is no name.
Status CheckVariableName(std::string_view name);

using HostEnvironment = std::function<std::optional<std::string>(const std::string& name)>;

// "NAME=value" for the workload: what the description says, then what it lets the host say.
std::vector<std::string> BuildEnvironment(const LaunchDescription& description,
                                          const HostEnvironment& host);

// kDenied when simtee itself was started with a variable that makes the loader run foreign code
// (LD_PRELOAD, LD_AUDIT, LD_LIBRARY_PATH, GLIBC_TUNABLES): then nothing that it measures could be
// believed.
Status CheckOwnEnvironment(const HostEnvironment& host);

}  // namespace strongroom::simtee
