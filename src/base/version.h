#pragma once

#include <string_view>

namespace strongroom {

// What git described when this was built: "0.1.0" or "0.1.0+20260131120000.gab12cd34ef56-dirty".
std::string_view Version();

}  // namespace strongroom
