#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "manifest/gotemplate/ast.h"

namespace strongroom::manifest::gotemplate {

// A function that a template may call, and how many arguments it takes.
struct FunctionSpec {
  std::string_view name;
  std::size_t min_arguments = 0;
  std::size_t max_arguments = 0;
};

// Parses a template as Go does. kMalformed with the line: syntax, unknown function, undeclared
// variable, nesting deeper than 64; kUnsupported: define, template, block, nil, methods, and what
// Lex refuses so.
Result<std::vector<Node>> ParseTemplate(std::string_view text,
                                        std::span<const FunctionSpec> functions);

}  // namespace strongroom::manifest::gotemplate
