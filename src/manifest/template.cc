#include "manifest/template.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "manifest/gotemplate/functions.h"
#include "manifest/gotemplate/parser.h"
#include "manifest/gotemplate/value.h"

namespace strongroom::manifest {

namespace {

using gotemplate::Command;
using gotemplate::Node;
using gotemplate::Operand;
using gotemplate::Pipeline;
using gotemplate::Value;

constexpr std::size_t kMaxOutputBytes = 16 * 1024 * 1024;
constexpr std::size_t kMaxSteps = 1'000'000;

// Grows without leaving copies of secrets behind.
class Output {
 public:
  Status Append(ByteView bytes) {
    if (bytes.size() > kMaxOutputBytes - size_) {
      return Exhausted(fmt::format("template output, wanted at most {} bytes", kMaxOutputBytes));
    }
    if (size_ + bytes.size() > buffer_.size()) {
      SecretBytes larger(std::max(2 * buffer_.size(), size_ + bytes.size()));
      std::ranges::copy(buffer_.Reveal().first(size_), larger.RevealWritable().begin());
      buffer_ = std::move(larger);
    }
    std::ranges::copy(bytes, buffer_.RevealWritable().subspan(size_).begin());
    size_ += bytes.size();
    return {};
  }

  ByteView written() const { return buffer_.Reveal().first(size_); }

 private:
  SecretBytes buffer_;
  std::size_t size_ = 0;
};

// Carries out a parsed template once.
class Evaluator {
 public:
  Evaluator(const TemplateData& data, TemplateTarget target) : data_(data), target_(target) {
    variables_.push_back({"", Value(gotemplate::Scope::kRoot)});
  }

  Result<SecretBytes> Run(const std::vector<Node>& nodes) {
    const Value root(gotemplate::Scope::kRoot);
    ASSIGN_OR_RETURN(const Flow flow, Walk(nodes, root));
    static_cast<void>(flow);  // jumps outside of a range do not parse
    return SecretBytes(out_.written());
  }

 private:
  enum class Flow { kOn, kBreak, kContinue };
  struct Variable {
    std::string name;
    Value value;
  };

  // Takes the variables declared since its making out of scope.
  class Mark {
   public:
    explicit Mark(std::vector<Variable>& variables)
        : variables_(variables), size_(variables.size()) {}
    Mark(const Mark&) = delete;
    Mark& operator=(const Mark&) = delete;
    ~Mark() {
      variables_.erase(variables_.begin() + static_cast<std::ptrdiff_t>(size_), variables_.end());
    }

   private:
    std::vector<Variable>& variables_;
    std::size_t size_;
  };

  Status Step() {
    if (++steps_ <= kMaxSteps) return {};
    return Exhausted(fmt::format("template runs for more than {} steps", kMaxSteps));
  }

  Result<Flow> Walk(const std::vector<Node>& nodes, const Value& dot) {
    for (const Node& node : nodes) {
      RETURN_IF_ERROR(Step());
      ASSIGN_OR_RETURN(const Flow flow, WalkNode(node, dot));
      if (flow != Flow::kOn) return flow;
    }
    return Flow::kOn;
  }

  Result<Flow> WalkNode(const Node& node, const Value& dot) {
    switch (node.kind) {
      case Node::Kind::kText: RETURN_IF_ERROR(out_.Append(AsBytes(node.text))); return Flow::kOn;
      case Node::Kind::kAction: RETURN_IF_ERROR(Action(node.pipeline, dot)); return Flow::kOn;
      case Node::Kind::kIf:
      case Node::Kind::kWith: return IfOrWith(node, dot);
      case Node::Kind::kRange: return Range(node, dot);
      case Node::Kind::kBreak: return Flow::kBreak;
      case Node::Kind::kContinue: return Flow::kContinue;
    }
    return Internal("unknown template node");
  }

  Status Action(const Pipeline& pipeline, const Value& dot) {
    ASSIGN_OR_RETURN(const Value value, Evaluate(pipeline, dot));
    if (!pipeline.variables.empty()) return {};  // an assignment prints nothing
    ASSIGN_OR_RETURN(const SecretBytes text, At(pipeline.line, PrintedText(value)));
    return out_.Append(text.Reveal());
  }

  Result<Flow> IfOrWith(const Node& node, const Value& dot) {
    const Mark mark(variables_);
    ASSIGN_OR_RETURN(const Value value, Evaluate(node.pipeline, dot));
    if (!Truth(value)) return Walk(node.otherwise, dot);
    return Walk(node.body, node.kind == Node::Kind::kWith ? value : dot);
  }

  Result<Flow> Range(const Node& node, const Value& dot) {
    const Mark mark(variables_);
    ASSIGN_OR_RETURN(const Value over, EvaluateOnly(node.pipeline, dot));
    if (const gotemplate::SecretMap* map = std::get_if<gotemplate::SecretMap>(&over)) {
      if ((*map)->empty()) return Walk(node.otherwise, dot);
      for (const auto& [name, secret] : **map) {
        ASSIGN_OR_RETURN(const Flow flow, Round(node, Value(SecretBytes(AsBytes(name))),
                                                Value(gotemplate::SecretRef{secret, name})));
        if (flow == Flow::kBreak) break;
      }
      return Flow::kOn;
    }
    const std::int64_t* count = std::get_if<std::int64_t>(&over);
    if (count == nullptr) {
      return Malformed(fmt::format("line {}: range over {}, wanted a map or a number",
                                   node.pipeline.line, KindOf(over)));
    }
    if (node.pipeline.variables.size() > 1) {
      return Malformed(
          fmt::format("line {}: range over a number has one variable", node.pipeline.line));
    }
    if (*count <= 0) return Walk(node.otherwise, dot);
    for (std::int64_t i = 0; i < *count; ++i) {
      ASSIGN_OR_RETURN(const Flow flow, Round(node, Value(i), Value(i)));
      if (flow == Flow::kBreak) break;
    }
    return Flow::kOn;
  }

  // One turn of a range: one variable gets the value, two get key and value.
  Result<Flow> Round(const Node& node, Value key, const Value& value) {
    RETURN_IF_ERROR(Step());
    const Mark mark(variables_);
    const Pipeline& pipeline = node.pipeline;
    if (pipeline.variables.size() == 2) RETURN_IF_ERROR(Set(pipeline, 0, std::move(key)));
    if (!pipeline.variables.empty())
      RETURN_IF_ERROR(Set(pipeline, pipeline.variables.size() - 1, CloneValue(value)));
    return Walk(node.body, value);
  }

  Status Set(const Pipeline& pipeline, std::size_t index, Value value) {
    const std::string& name = pipeline.variables[index];
    if (pipeline.declares) {
      variables_.push_back({name, std::move(value)});
      return {};
    }
    const auto found =
        std::ranges::find(variables_.rbegin(), variables_.rend(), name, &Variable::name);
    if (found == variables_.rend())
      return Malformed(fmt::format("line {}: undefined variable ${}", pipeline.line, name));
    found->value = std::move(value);
    return {};
  }

  template <class T>
  static Result<T> At(std::size_t line, Result<T> result) {
    if (result.has_value()) return result;
    return std::unexpected(result.error().In(fmt::format("line {}", line)));
  }

  Result<Value> Evaluate(const Pipeline& pipeline, const Value& dot) {
    ASSIGN_OR_RETURN(Value value, EvaluateOnly(pipeline, dot));
    if (!pipeline.variables.empty()) RETURN_IF_ERROR(Set(pipeline, 0, CloneValue(value)));
    return value;
  }

  Result<Value> EvaluateOnly(const Pipeline& pipeline, const Value& dot) {
    RETURN_IF_ERROR(Step());
    std::optional<Value> last;
    for (const Command& command : pipeline.commands) {
      ASSIGN_OR_RETURN(Value value, Carry(command, dot, std::move(last)));
      last = std::move(value);
    }
    return std::move(*last);
  }

  // `piped` is the value of the command before, the last argument of this one.
  Result<Value> Carry(const Command& command, const Value& dot, std::optional<Value> piped) {
    const Operand& head = command.operands.front();
    if (head.kind != Operand::Kind::kFunction) return Get(head, dot);
    if (head.text == "and" || head.text == "or") return AndOr(command, dot, std::move(piped));
    std::vector<Value> arguments;
    for (const Operand& operand : std::span(command.operands).subspan(1)) {
      ASSIGN_OR_RETURN(Value argument, Get(operand, dot));
      arguments.push_back(std::move(argument));
    }
    if (piped) arguments.push_back(std::move(*piped));
    return At(head.line, gotemplate::CallFunction(head.text, arguments, target_));
  }

  // The first argument that decides; those after it are not evaluated.
  Result<Value> AndOr(const Command& command, const Value& dot, std::optional<Value> piped) {
    const bool decides = command.operands.front().text == "or";
    std::optional<Value> last;
    for (const Operand& operand : std::span(command.operands).subspan(1)) {
      ASSIGN_OR_RETURN(Value value, Get(operand, dot));
      if (Truth(value) == decides) return value;
      last = std::move(value);
    }
    return std::move(piped ? *piped : *last);
  }

  Result<Value> Get(const Operand& operand, const Value& dot) {
    RETURN_IF_ERROR(Step());
    ASSIGN_OR_RETURN(Value value, Base(operand, dot));
    for (const std::string& field : operand.fields) {
      ASSIGN_OR_RETURN(Value next, At(operand.line, FieldOf(value, field, data_)));
      value = std::move(next);
    }
    return value;
  }

  Result<Value> Base(const Operand& operand, const Value& dot) {
    switch (operand.kind) {
      case Operand::Kind::kDot: return CloneValue(dot);
      case Operand::Kind::kText: return Value(SecretBytes(AsBytes(operand.text)));
      case Operand::Kind::kNumber: return Value(operand.number);
      case Operand::Kind::kBool: return Value(operand.number != 0);
      case Operand::Kind::kPipeline: return EvaluateOnly(*operand.pipeline, dot);
      case Operand::Kind::kFunction: return At(operand.line, CallWithout(operand));
      case Operand::Kind::kVariable: break;
    }
    const auto found =
        std::ranges::find(variables_.rbegin(), variables_.rend(), operand.text, &Variable::name);
    if (found == variables_.rend())
      return Malformed(fmt::format("line {}: undefined variable ${}", operand.line, operand.text));
    return CloneValue(found->value);
  }

  // A function as an argument gets none of its own.
  Result<Value> CallWithout(const Operand& operand) {
    for (const gotemplate::FunctionSpec& spec : gotemplate::FunctionsFor(target_)) {
      if (spec.name == operand.text && spec.min_arguments == 0)
        return gotemplate::CallFunction(operand.text, {}, target_);
    }
    return Malformed(
        fmt::format("{} has no arguments, wanted some in parentheses around both", operand.text));
  }

  const TemplateData& data_;
  TemplateTarget target_;
  std::vector<Variable> variables_;
  Output out_;
  std::size_t steps_ = 0;
};

}  // namespace

struct Template::Program {
  std::vector<Node> nodes;
};

SecretValue SecretValue::Clone() const {
  return {definition, certificate, public_part.Clone(), private_part.Clone()};
}

Result<Template> Template::Parse(std::string_view text, TemplateTarget target) {
  ASSIGN_OR_RETURN(std::vector<Node> nodes,
                   gotemplate::ParseTemplate(text, gotemplate::FunctionsFor(target)));
  return Template(std::make_shared<const Program>(std::move(nodes)), target);
}

Result<SecretBytes> Template::Execute(const TemplateData& data) const {
  ASSIGN_OR_RETURN(SecretBytes out, Evaluator(data, target_).Run(program_->nodes));
  const bool env = target_ != TemplateTarget::kFile;
  if (env && std::ranges::find(out.Reveal(), 0) != out.Reveal().end()) {
    return Malformed("the value has a zero byte, which no environment can hold");
  }
  return out;
}

Result<MarbleTemplates::Entry> MarbleTemplates::ParseEntry(const Parameter& parameter,
                                                           TemplateTarget target) {
  Entry out;
  const bool env = target != TemplateTarget::kFile;
  if (env && parameter.data.contains('\0')) {
    return Malformed("the value has a zero byte, which no environment can hold");
  }
  if (parameter.no_templates || !parameter.data.contains("{{")) {
    out.plain = parameter.data;
    return out;
  }
  ASSIGN_OR_RETURN(out.parsed, Template::Parse(parameter.data, target));
  return out;
}

Result<MarbleTemplates> MarbleTemplates::Parse(const Marble& marble) {
  MarbleTemplates out;
  out.declared_ = marble.activation == Dialect::kMarbleRun;
  const TemplateTarget env = MayActivateBy(marble, Dialect::kMarbleRun)
                                 ? TemplateTarget::kEnvWithPrivateKeys
                                 : TemplateTarget::kEnv;
  for (const auto& [path, parameter] : marble.files) {
    ASSIGN_OR_RETURN(Entry entry,
                     In("Parameters.Files." + path, ParseEntry(parameter, TemplateTarget::kFile)));
    out.files_.emplace(path, std::move(entry));
  }
  for (const auto& [name, parameter] : marble.env) {
    ASSIGN_OR_RETURN(Entry entry, In("Parameters.Env." + name, ParseEntry(parameter, env)));
    out.env_.emplace(name, std::move(entry));
  }
  return out;
}

Result<MarbleTemplates::Output> MarbleTemplates::Execute(const TemplateData& data,
                                                         Dialect dialect) const {
  const auto run = [&data](const Entry& entry, bool private_keys) -> Result<SecretBytes> {
    if (!entry.parsed) return SecretBytes(AsBytes(entry.plain));
    return private_keys ? entry.parsed->Execute(data)
                        : entry.parsed->WithoutPrivateKeys().Execute(data);
  };
  Output out;
  for (const auto& [path, entry] : files_) {
    ASSIGN_OR_RETURN(SecretBytes text, In("Parameters.Files." + path, run(entry, true)));
    out.files.emplace(path, std::move(text));
  }
  const bool private_keys = declared_ || dialect == Dialect::kMarbleRun;
  for (const auto& [name, entry] : env_) {
    ASSIGN_OR_RETURN(SecretBytes text, In("Parameters.Env." + name, run(entry, private_keys)));
    out.env.emplace(name, std::move(text));
  }
  return out;
}

}  // namespace strongroom::manifest
