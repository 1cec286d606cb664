#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"

// Texts made from the table of commands.
namespace strongroom::cli {

// "certificate" gives "certificates of a verified coordinator".
std::string GroupSummary(std::string_view group);

// Exit statuses, for --help and the manual.
std::string ExitStatusText();

// What follows the options in a command's --help: details and examples.
std::string HelpFooter(const Command& command);

// kMalformed for a shell other than bash, zsh and fish.
Result<std::string> CompletionScript(const std::vector<Command>& commands, std::string_view shell);

// strongroom(1) in roff.
std::string ManualPage(const std::vector<Command>& commands);

}  // namespace strongroom::cli
