#pragma once

#include <algorithm>
#include <string_view>

namespace strongroom::manifest {

// ASCII only, as the language's words are.
inline char LowerCase(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

inline bool EqualInAnyCase(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, LowerCase, LowerCase);
}

}  // namespace strongroom::manifest
