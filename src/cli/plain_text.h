#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

// Texts that others wrote (a cluster's events, a program's log, what a client sent) as they may
// stand in what people read.
namespace strongroom::cli {

// Lets no character through that steers a terminal: control characters (C0 but for line feed, DEL,
// C1) come as JSON escapes ("\u001b"), invalid UTF-8 as "\ufffd", tabs and carriage returns as a
// space.
std::string PlainText(std::string_view said);

// The same on one line, so that nothing in it passes for a line of ours: line feeds become a space.
std::string OneLine(std::string_view said);

// A value among others ("name=value"): a plain word as it is, what is more quoted as in JSON.
std::string OneWord(const Json& value);

}  // namespace strongroom::cli
