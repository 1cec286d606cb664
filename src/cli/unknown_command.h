#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"

namespace strongroom::cli {

// What to say about the words of a command line that names no command: the word that is none, the
// nearest that is one, and what there is. Nothing when its first words name a command.
std::optional<std::string> UnknownCommand(const std::vector<Command>& commands,
                                          const std::vector<std::string>& typed);

}  // namespace strongroom::cli
