#include "manifest/gotemplate/parser.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include <fmt/format.h>

#include "manifest/gotemplate/format.h"
#include "manifest/gotemplate/lexer.h"

namespace strongroom::manifest::gotemplate {
namespace {

constexpr std::size_t kMaxDepth = 64;

// Names of Go's language that mean something there and nothing here.
constexpr std::string_view kRefusedKeywords[] = {"define", "template", "block", "nil"};
constexpr std::string_view kRefusedFunctions[] = {"call", "html", "js", "slice", "urlquery"};

template <std::size_t N>
bool Contains(const std::string_view (&names)[N], std::string_view name) {
  return std::ranges::find(names, name) != std::end(names);
}

// Go's integer literals: 0x, 0o, 0b, 0 and underscores between digits.
Result<std::int64_t> ParseInteger(std::string_view text, std::size_t line) {
  const auto bad = [&] {
    return Malformed(fmt::format("line {}: bad number \"{}\"", line, text.substr(0, 80)));
  };
  std::string digits(text);
  const bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.erase(0, 1);
  int base = 10;
  if (digits.size() > 1 && digits[0] == '0') {
    const char mark = static_cast<char>(digits[1] | 0x20);
    base = mark == 'x' ? 16 : mark == 'b' ? 2 : 8;
    digits.erase(0, mark == 'x' || mark == 'b' || mark == 'o' ? 2 : 1);
  }
  if (digits.ends_with('_') || digits.contains("__")) return bad();
  std::erase(digits, '_');
  std::uint64_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto [at, error] = std::from_chars(digits.data(), end, value, base);
  constexpr auto max = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (digits.empty() || error != std::errc() || at != end || value > max) return bad();
  return negative ? -static_cast<std::int64_t>(value) : static_cast<std::int64_t>(value);
}

class Parser {
 public:
  Parser(std::vector<Token> tokens, std::span<const FunctionSpec> functions)
      : tokens_(std::move(tokens)), functions_(functions), variables_{""} {}

  Result<std::vector<Node>> Run() {
    ASSIGN_OR_RETURN(List list, ParseList());
    if (list.end.text.empty()) return std::move(list.nodes);
    return Bad(list.end.line, "{} without its beginning", list.end.text);
  }

 private:
  // Nodes up to {{end}}, {{else …}} or the end of the text.
  struct List {
    std::vector<Node> nodes;
    Token end;  // the keyword; empty text at the end of the template
  };

  template <class... Args>
  static std::unexpected<Error> Bad(std::size_t line, fmt::format_string<Args...> format,
                                    Args&&... args) {
    return Malformed(
        fmt::format("line {}: {}", line, fmt::format(format, std::forward<Args>(args)...)));
  }

  const Token& Peek() const { return tokens_[at_]; }
  const Token& Next() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  bool Take(TokenKind kind) {
    if (Peek().kind != kind) return false;
    Next();
    return true;
  }

  Result<List> ParseList() {
    if (++depth_ > kMaxDepth) return Bad(Peek().line, "nested deeper than {}", kMaxDepth);
    List out;
    while (true) {
      const Token& token = Peek();
      if (token.kind == TokenKind::kEnd) break;
      if (token.kind == TokenKind::kText) {
        out.nodes.push_back({Node::Kind::kText, Next().text, {}, {}, {}});
        continue;
      }
      if (token.kind == TokenKind::kIdentifier && (token.text == "end" || token.text == "else")) {
        out.end = Next();
        break;
      }
      ASSIGN_OR_RETURN(Node node, ParseAction());
      out.nodes.push_back(std::move(node));
    }
    --depth_;
    return out;
  }

  Result<Node> ParseAction() {
    const Token& token = Peek();
    if (token.kind == TokenKind::kIdentifier) {
      if (token.text == "if") return ParseControl(Node::Kind::kIf);
      if (token.text == "with") return ParseControl(Node::Kind::kWith);
      if (token.text == "range") return ParseControl(Node::Kind::kRange);
      if (token.text == "break") return ParseJump(Node::Kind::kBreak);
      if (token.text == "continue") return ParseJump(Node::Kind::kContinue);
    }
    Node node{Node::Kind::kAction, {}, {}, {}, {}};
    ASSIGN_OR_RETURN(node.pipeline, ParsePipeline(TokenKind::kRightDelim, 1));
    return node;
  }

  Result<Node> ParseJump(Node::Kind kind) {
    const Token& keyword = Next();
    if (ranges_ == 0) return Bad(keyword.line, "{} outside of a range", keyword.text);
    if (!Take(TokenKind::kRightDelim)) return Bad(keyword.line, "{} takes nothing", keyword.text);
    return Node{kind, {}, {}, {}, {}};
  }

  // {{if P}} … {{else if P}} … {{else}} … {{end}}, and with and range (which has no "else range").
  Result<Node> ParseControl(Node::Kind kind) {
    const Token keyword = Next();
    const std::size_t scope = variables_.size();
    Node node{kind, {}, {}, {}, {}};
    ASSIGN_OR_RETURN(node.pipeline,
                     ParsePipeline(TokenKind::kRightDelim, kind == Node::Kind::kRange ? 2 : 1));
    ranges_ += kind == Node::Kind::kRange ? 1U : 0U;
    const std::size_t body_scope = variables_.size();
    ASSIGN_OR_RETURN(List body, ParseList());
    variables_.resize(body_scope);
    ranges_ -= kind == Node::Kind::kRange ? 1U : 0U;
    node.body = std::move(body.nodes);
    if (body.end.text == "else") {
      ASSIGN_OR_RETURN(node.otherwise, ParseElse(keyword));
    } else if (body.end.text.empty()) {
      return Bad(keyword.line, "{} without end", keyword.text);
    } else {
      RETURN_IF_ERROR(ExpectDelim(body.end));
    }
    variables_.resize(scope);
    return node;
  }

  Result<std::vector<Node>> ParseElse(const Token& keyword) {
    if (keyword.text != "range" && Peek().kind == TokenKind::kIdentifier &&
        Peek().text == keyword.text) {
      // The inner control takes the {{end}} of both.
      if (++depth_ > kMaxDepth) return Bad(Peek().line, "nested deeper than {}", kMaxDepth);
      ASSIGN_OR_RETURN(Node chained,
                       ParseControl(keyword.text == "if" ? Node::Kind::kIf : Node::Kind::kWith));
      --depth_;
      std::vector<Node> out;
      out.push_back(std::move(chained));
      return out;
    }
    if (!Take(TokenKind::kRightDelim))
      return Bad(Peek().line, "else of {} takes nothing", keyword.text);
    ASSIGN_OR_RETURN(List list, ParseList());
    if (list.end.text != "end") return Bad(keyword.line, "{} without end", keyword.text);
    RETURN_IF_ERROR(ExpectDelim(list.end));
    return std::move(list.nodes);
  }

  Status ExpectDelim(const Token& keyword) {
    if (Take(TokenKind::kRightDelim)) return {};
    return Bad(keyword.line, "{} takes nothing", keyword.text);
  }

  // Up to and with `end`, which is }} or ).
  Result<Pipeline> ParsePipeline(TokenKind end, std::size_t max_variables) {
    Pipeline out;
    out.line = Peek().line;
    RETURN_IF_ERROR(ParseVariables(out, max_variables));
    while (true) {
      ASSIGN_OR_RETURN(Command command, ParseCommand(out.commands.empty()));
      out.commands.push_back(std::move(command));
      if (Take(TokenKind::kPipe)) continue;
      if (!Take(end)) {
        return Bad(Peek().line, "{} in command",
                   Peek().kind == TokenKind::kRightParen ? "unexpected )"
                   : end == TokenKind::kRightParen       ? "missing )"
                                                         : "unexpected mark");
      }
      // Declared only now: a pipeline does not see its own variables.
      for (const std::string& name : out.variables) {
        if (out.declares) variables_.push_back(name);
      }
      return out;
    }
  }

  // $x :=, $x =, and in a range $k, $v :=
  Status ParseVariables(Pipeline& out, std::size_t max_variables) {
    const std::size_t start = at_;
    while (Peek().kind == TokenKind::kVariable && !Peek().text.empty()) {
      out.variables.push_back(Next().text);
      const Token& after = Peek();
      if (after.kind == TokenKind::kDeclare || after.kind == TokenKind::kAssign) {
        out.declares = after.kind == TokenKind::kDeclare;
        Next();
        if (out.variables.size() > max_variables)
          return Bad(after.line, "too many variables declared");
        for (const std::string& name : out.variables) {
          if (!out.declares) RETURN_IF_ERROR(CheckVariable(name, after.line));
        }
        return {};
      }
      if (after.kind != TokenKind::kComma) break;
      Next();
    }
    at_ = start;  // no declaration: the variable is an operand
    out.variables.clear();
    return {};
  }

  Status CheckVariable(const std::string& name, std::size_t line) const {
    if (std::ranges::find(variables_, name) != variables_.end()) return {};
    return Bad(line, "undefined variable ${}", name);
  }

  Result<Command> ParseCommand(bool first_stage) {
    Command out;
    const std::size_t line = Peek().line;
    while (!EndsCommand(Peek().kind)) {
      if (!out.operands.empty() && !Peek().space_before)
        return Bad(Peek().line, "wanted a space between operands");
      ASSIGN_OR_RETURN(Operand operand, ParseOperand());
      out.operands.push_back(std::move(operand));
    }
    if (out.operands.empty()) return Bad(line, "missing value for command");
    RETURN_IF_ERROR(CheckCommand(out, first_stage));
    return out;
  }

  static bool EndsCommand(TokenKind kind) {
    return kind == TokenKind::kPipe || kind == TokenKind::kRightDelim ||
           kind == TokenKind::kRightParen || kind == TokenKind::kEnd || kind == TokenKind::kText;
  }

  Status CheckCommand(const Command& command, bool first_stage) const {
    const Operand& head = command.operands.front();
    if (head.kind != Operand::Kind::kFunction) {
      if (!first_stage) return Bad(head.line, "a pipeline goes on with a function, found a value");
      if (command.operands.size() > 1)
        return Bad(head.line, "arguments given to what is no function");
      return {};
    }
    const auto spec = std::ranges::find(functions_, head.text, &FunctionSpec::name);
    const std::size_t count = command.operands.size() - 1 + (first_stage ? 0U : 1U);
    if (count < spec->min_arguments || count > spec->max_arguments) {
      return Bad(head.line, "{} has {} arguments, wanted {}{}", head.text, count,
                 count < spec->min_arguments ? "at least " : "at most ",
                 count < spec->min_arguments ? spec->min_arguments : spec->max_arguments);
    }
    if (head.text != "printf") return {};
    if (command.operands.size() < 2 || command.operands[1].kind != Operand::Kind::kText) {
      return Unsupported(
          fmt::format("line {}: printf is available with a constant format only", head.line));
    }
    const Result<Format> format = ParseFormat(command.operands[1].text);
    if (!format.has_value())
      return std::unexpected(format.error().In(fmt::format("line {}", head.line)));
    return {};
  }

  Result<Operand> ParseOperand() {
    ASSIGN_OR_RETURN(Operand out, ParseTerm());
    if (Peek().kind != TokenKind::kField || Peek().space_before) return out;
    if (out.kind != Operand::Kind::kVariable && out.kind != Operand::Kind::kPipeline &&
        (out.kind != Operand::Kind::kDot || out.fields.empty())) {
      return Bad(out.line, "unexpected . after a term");
    }
    while (Peek().kind == TokenKind::kField && !Peek().space_before)
      out.fields.push_back(Next().text);
    return out;
  }

  Result<Operand> ParseTerm() {
    const Token& token = Next();
    Operand out;
    out.line = token.line;
    switch (token.kind) {
      case TokenKind::kDot: return out;
      case TokenKind::kField: out.fields.push_back(token.text); return out;
      case TokenKind::kString:
        out.kind = Operand::Kind::kText;
        out.text = token.text;
        return out;
      case TokenKind::kNumber:
      case TokenKind::kChar: {
        out.kind = Operand::Kind::kNumber;
        ASSIGN_OR_RETURN(out.number, ParseInteger(token.text, token.line));
        return out;
      }
      case TokenKind::kVariable:
        RETURN_IF_ERROR(CheckVariable(token.text, token.line));
        out.kind = Operand::Kind::kVariable;
        out.text = token.text;
        return out;
      case TokenKind::kIdentifier: return ParseIdentifier(token, std::move(out));
      case TokenKind::kLeftParen: {
        if (++depth_ > kMaxDepth) return Bad(token.line, "nested deeper than {}", kMaxDepth);
        ASSIGN_OR_RETURN(Pipeline inner, ParsePipeline(TokenKind::kRightParen, 0));
        --depth_;
        out.kind = Operand::Kind::kPipeline;
        out.pipeline = std::make_unique<Pipeline>(std::move(inner));
        return out;
      }
      default: return Bad(token.line, "unexpected mark in action");
    }
  }

  Result<Operand> ParseIdentifier(const Token& token, Operand out) {
    if (token.text == "true" || token.text == "false") {
      out.kind = Operand::Kind::kBool;
      out.number = token.text == "true" ? 1 : 0;
      return out;
    }
    if (Contains(kRefusedKeywords, token.text) || Contains(kRefusedFunctions, token.text)) {
      return Unsupported(
          fmt::format("line {}: {} is not available in templates", token.line, token.text));
    }
    if (std::ranges::find(functions_, token.text, &FunctionSpec::name) == functions_.end()) {
      return Bad(token.line, "function \"{}\" is not defined here", token.text.substr(0, 80));
    }
    out.kind = Operand::Kind::kFunction;
    out.text = token.text;
    return out;
  }

  std::vector<Token> tokens_;
  std::span<const FunctionSpec> functions_;
  std::vector<std::string> variables_;  // in scope; the first is $
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  std::size_t ranges_ = 0;
};

}  // namespace

Result<std::vector<Node>> ParseTemplate(std::string_view text,
                                        std::span<const FunctionSpec> functions) {
  ASSIGN_OR_RETURN(std::vector<Token> tokens, Lex(text));
  return Parser(std::move(tokens), functions).Run();
}

}  // namespace strongroom::manifest::gotemplate
