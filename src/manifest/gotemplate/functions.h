#pragma once

#include <span>
#include <string_view>

#include "manifest/gotemplate/parser.h"
#include "manifest/gotemplate/value.h"

namespace strongroom::manifest::gotemplate {

// What templates for `target` may call. `and` and `or` are the evaluator's: they do not evaluate
// all arguments.
std::span<const FunctionSpec> FunctionsFor(TemplateTarget target);

// Calls a function of FunctionsFor(target), other than `and` and `or`, with as many arguments as
// its spec allows. kMalformed: arguments of the wrong kind; kPrecondition: a secret without a
// value; kDenied: a private key where none may go.
Result<Value> CallFunction(std::string_view name, std::span<const Value> arguments,
                           TemplateTarget target);

}  // namespace strongroom::manifest::gotemplate
