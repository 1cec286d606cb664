#pragma once

#include <vector>

#include "cli/command.h"

namespace strongroom::cli {

// Parses the command line against the table and runs what it names. Returns the exit status.
// `completion SHELL`, `man` and `version` are added to the table here, because they are about it.
int Main(std::vector<Command> commands, int argc, char** argv);

}  // namespace strongroom::cli
