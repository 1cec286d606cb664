#include "manifest/gotemplate/lexer.h"

#include <algorithm>

#include <fmt/format.h>

#include "manifest/gotemplate/quote.h"

namespace strongroom::manifest::gotemplate {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

bool IsSpace(char c) { return kSpace.contains(c); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Go asks for Unicode letters and digits; bytes beyond ASCII pass here and then name nothing.
bool IsWordCharacter(char c) {
  return IsDigit(c) || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         static_cast<unsigned char>(c) >= 0x80;
}

std::string_view TrimLeft(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kSpace);
  return first == std::string_view::npos ? "" : text.substr(first);
}

std::string_view TrimRight(std::string_view text) {
  return text.substr(0, text.find_last_not_of(kSpace) + 1);
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Result<std::vector<Token>> Run() {
    bool trim = false;  // the action before ended in -}}
    while (true) {
      const std::size_t open = text_.find("{{", at_);
      std::string_view plain =
          text_.substr(at_, open == std::string_view::npos ? open : open - at_);
      const std::string_view whole = plain;
      if (trim) plain = TrimLeft(plain);
      if (open != std::string_view::npos && TrimsAfter(open + 2)) plain = TrimRight(plain);
      if (!plain.empty()) Add(TokenKind::kText, std::string(plain));
      Advance(whole.size());
      if (open == std::string_view::npos) break;
      Advance(2);
      if (TrimsAfter(at_)) Advance(2);
      ASSIGN_OR_RETURN(trim, text_.substr(at_).starts_with("/*") ? Comment() : Action());
    }
    Add(TokenKind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  // "- " after {{
  bool TrimsAfter(std::size_t at) const {
    return at + 1 < text_.size() && text_[at] == '-' && IsSpace(text_[at + 1]);
  }

  void Add(TokenKind kind, std::string text) {
    tokens_.push_back({kind, std::move(text), line_, space_});
    space_ = false;
  }

  void Advance(std::size_t n) {
    line_ += static_cast<std::size_t>(std::ranges::count(text_.substr(at_, n), '\n'));
    at_ += n;
  }

  template <class... Args>
  std::unexpected<Error> Bad(fmt::format_string<Args...> format, Args&&... args) const {
    return Malformed(
        fmt::format("line {}: {}", line_, fmt::format(format, std::forward<Args>(args)...)));
  }

  // Both return whether white space after the action is to be trimmed.
  Result<bool> Comment() {
    const std::size_t close = text_.find("*/", at_);
    if (close == std::string_view::npos) return Bad("comment without end");
    Advance(close + 2 - at_);
    return Closed("comment ends before the closing }}}}");
  }

  Result<bool> Closed(std::string_view otherwise) {
    std::string_view rest = text_.substr(at_);
    if (rest.starts_with("}}")) {
      Advance(2);
      return false;
    }
    if (!rest.empty() && IsSpace(rest[0]) && rest.substr(1).starts_with("-}}")) {
      Advance(4);
      return true;
    }
    return Bad("{}", otherwise);
  }

  Result<bool> Action() {
    while (true) {
      const std::string_view rest = text_.substr(at_);
      if (rest.empty()) return Bad("action without end");
      if (rest.starts_with("}}") || (IsSpace(rest[0]) && rest.substr(1).starts_with("-}}"))) {
        space_ = space_ || rest[0] != '}';
        Add(TokenKind::kRightDelim, "");
        return Closed("unreachable");
      }
      if (IsSpace(rest[0])) {
        space_ = true;
        Advance(1);
        continue;
      }
      RETURN_IF_ERROR(OneToken(rest));
    }
  }

  Status OneToken(std::string_view rest) {
    const char c = rest[0];
    if (c == '"' || c == '`' || c == '\'') return Quoted(rest);
    if (c == '.' && rest.size() > 1 && IsWordCharacter(rest[1]) && !IsDigit(rest[1])) {
      return Word(TokenKind::kField, 1);
    }
    if (c == '.' && (rest.size() < 2 || !IsDigit(rest[1]))) return Mark(TokenKind::kDot, 1);
    if (c == '$') return Word(TokenKind::kVariable, 1);
    if (IsDigit(c) || c == '.' || ((c == '+' || c == '-') && rest.size() > 1 && IsDigit(rest[1]))) {
      return Number(rest);
    }
    if (IsWordCharacter(c)) return Word(TokenKind::kIdentifier, 0);
    if (c == '|') return Mark(TokenKind::kPipe, 1);
    if (c == ',') return Mark(TokenKind::kComma, 1);
    if (c == '(') return Mark(TokenKind::kLeftParen, 1);
    if (c == ')') return Mark(TokenKind::kRightParen, 1);
    if (rest.starts_with(":=")) return Mark(TokenKind::kDeclare, 2);
    if (c == '=') return Mark(TokenKind::kAssign, 1);
    return Bad("bad character 0x{:02x} in action",
               static_cast<unsigned>(static_cast<unsigned char>(c)));
  }

  Status Mark(TokenKind kind, std::size_t size) {
    Add(kind, "");
    Advance(size);
    return {};
  }

  // A name after `skip` characters, and then something that may follow a name.
  Status Word(TokenKind kind, std::size_t skip) {
    std::size_t end = at_ + skip;
    while (end < text_.size() && IsWordCharacter(text_[end])) ++end;
    constexpr std::string_view terminators = " \t\r\n.,|:)(=";
    const bool ends = end < text_.size() &&
                      (terminators.contains(text_[end]) || text_.substr(end).starts_with("}}"));
    if (!ends) {
      return Bad("bad character after \"{}\" in action",
                 text_.substr(at_, std::min<std::size_t>(end - at_, 80)));
    }
    Add(kind, std::string(text_.substr(at_ + skip, end - at_ - skip)));
    Advance(end - at_);
    return {};
  }

  Status Number(std::string_view rest) {
    std::size_t end = 1;
    while (end < rest.size() && (IsWordCharacter(rest[end]) || rest[end] == '.')) ++end;
    const std::string_view number = rest.substr(0, end);
    const bool hex = number.find_first_of("xX") != std::string_view::npos;
    if (number.find_first_of(hex ? ".pPi" : ".eEpPi") != std::string_view::npos) {
      return Unsupported(fmt::format(
          "line {}: floating-point and complex numbers are not available in templates", line_));
    }
    Add(TokenKind::kNumber, std::string(number));
    Advance(end);
    return {};
  }

  Status Quoted(std::string_view rest) {
    const char quote = rest[0];
    std::size_t end = 1;
    while (end < rest.size() && rest[end] != quote) {
      if (quote != '`' && rest[end] == '\n') break;
      end += quote != '`' && rest[end] == '\\' ? 2U : 1U;
    }
    if (end >= rest.size() || rest[end] != quote) return Bad("quoted text without end");
    const std::string_view inside = rest.substr(1, end - 1);
    if (quote == '`') {
      std::string raw(inside);
      std::erase(raw, '\r');  // as Go does with raw strings
      Add(TokenKind::kString, std::move(raw));
    } else if (quote == '"') {
      ASSIGN_OR_RETURN(std::string value, In(fmt::format("line {}", line_), Unquote(inside)));
      Add(TokenKind::kString, std::move(value));
    } else {
      ASSIGN_OR_RETURN(const std::uint32_t value,
                       In(fmt::format("line {}", line_), UnquoteChar(inside)));
      Add(TokenKind::kChar, fmt::format("{}", value));
    }
    Advance(end + 1);
    return {};
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  bool space_ = false;
  std::vector<Token> tokens_;
};

}  // namespace

Result<std::vector<Token>> Lex(std::string_view text) {
  if (text.size() > kMaxTemplateBytes) {
    return Exhausted(
        fmt::format("template of {} bytes, wanted at most {}", text.size(), kMaxTemplateBytes));
  }
  return Lexer(text).Run();
}

}  // namespace strongroom::manifest::gotemplate
