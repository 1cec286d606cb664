#pragma once

#include <vector>

#include "cli/command.h"

namespace strongroom::cli {

// The whole table, in the order of --help.
std::vector<Command> AllCommands();

// Its parts, one a file.
std::vector<Command> FileCommands();
std::vector<Command> UserCommands();
std::vector<Command> InstallCommands();
std::vector<Command> CheckCommands();
std::vector<Command> CoordinatorCommands();
std::vector<Command> ManifestCommands();
std::vector<Command> SecretCommands();
std::vector<Command> LogCommands();
std::vector<Command> EvidenceCommands();
std::vector<Command> InferCommands();

}  // namespace strongroom::cli
