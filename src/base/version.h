#pragma once

#include <string_view>

namespace strongroom {

// What git described when this was configured: "0.1.0" or "0.1.0+ab12cd3-dirty".
std::string_view Version();

}  // namespace strongroom
