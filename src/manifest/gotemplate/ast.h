#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace strongroom::manifest::gotemplate {

struct Pipeline;

// What a command starts with, or one of its arguments.
struct Operand {
  enum class Kind { kDot, kVariable, kText, kNumber, kBool, kPipeline, kFunction };
  Kind kind = Kind::kDot;
  std::string text;         // of a kText, name of a variable or function
  std::int64_t number = 0;  // also 0 or 1 of a kBool
  std::unique_ptr<Pipeline> pipeline;
  std::vector<std::string> fields;  // .A.B after it
  std::size_t line = 1;
};

// An operand alone, or a function and its arguments.
struct Command {
  std::vector<Operand> operands;
};

// Commands, each getting the value of the one before as its last argument.
struct Pipeline {
  std::vector<std::string> variables;  // set by it; two only in a range
  bool declares = false;               // := and not =
  std::vector<Command> commands;
  std::size_t line = 1;
};

struct Node {
  enum class Kind { kText, kAction, kIf, kWith, kRange, kBreak, kContinue };
  Kind kind = Kind::kText;
  std::string text;
  Pipeline pipeline;
  std::vector<Node> body;
  std::vector<Node> otherwise;
};

}  // namespace strongroom::manifest::gotemplate
