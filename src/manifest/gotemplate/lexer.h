#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// The lexical part of Go's text/template: text, and the tokens between {{ and }}.
namespace strongroom::manifest::gotemplate {

enum class TokenKind {
  kText,        // outside of actions, trimmed already
  kField,       // .Name; text is the name
  kVariable,    // $name; text is the name, empty for $
  kIdentifier,  // functions, keywords, true, false, nil
  kNumber,
  kString,  // text is the unquoted value
  kChar,    // text is the code point as a decimal number
  kDot,
  kPipe,
  kComma,
  kLeftParen,
  kRightParen,
  kDeclare,  // :=
  kAssign,   // =
  kRightDelim,
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;
  std::size_t line = 1;
  bool space_before = false;  // white space separates it from the token before
};

inline constexpr std::size_t kMaxTemplateBytes = 1024 * 1024;

// All tokens, kEnd last. kMalformed with the line for what Go's lexer refuses; kUnsupported for
// floating-point and complex constants; kExhausted beyond kMaxTemplateBytes.
Result<std::vector<Token>> Lex(std::string_view text);

}  // namespace strongroom::manifest::gotemplate
