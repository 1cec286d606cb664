#pragma once

#include "simtee/launch_flags.h"

namespace CLI {
class App;
}

namespace strongroom::simtee {

// What `run` and `measure` are told of a workload, with the words of their help. `flags` is filled
// when `app` parses, and must live as long.
void AddLaunchFlags(CLI::App& app, LaunchFlags& flags);

}  // namespace strongroom::simtee
