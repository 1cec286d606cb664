#include "cli/kubernetes.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/plain_text.h"

namespace strongroom::cli {
namespace {

using std::chrono::seconds;

constexpr seconds kForwardTimeout{20};
constexpr JsonLimits kAnswerLimits{.max_bytes = 16 << 20, .max_depth = 64, .max_values = 1'000'000};

// Without the lines of kubectl's own log ("E1121 18:21:09.432627 …"), which say the same in more
// words.
std::string WithoutLog(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const bool logged = line.size() > 5 && std::string_view("EWIF").find(line[0]) < 4 &&
                        line.substr(1, 4).find_first_not_of("0123456789") == line.npos &&
                        line[5] == ' ';
    if (!logged) out.append(line).push_back('\n');
  }
  return std::string(Trimmed(out));
}

// What kubectl and helm say, and what it means for the exit status.
struct Phrase {
  std::string_view text;
  Code code;
};
constexpr std::array kPhrases = {
    Phrase{"(NotFound)", Code::kNotFound},
    Phrase{"release: not found", Code::kNotFound},
    Phrase{"(Forbidden)", Code::kDenied},
    Phrase{"(Unauthorized)", Code::kDenied},
    Phrase{"forbidden:", Code::kDenied},
    Phrase{"You must be logged in", Code::kDenied},
    Phrase{"connection refused", Code::kUnavailable},
    Phrase{"was refused - did you specify the right host", Code::kUnavailable},
    Phrase{"cluster unreachable", Code::kUnavailable},
    Phrase{"Unable to connect", Code::kUnavailable},
    Phrase{"no such host", Code::kUnavailable},
    Phrase{"i/o timeout", Code::kUnavailable},
    Phrase{"does not exist", Code::kPrecondition},  // context
};

constexpr std::string_view kNoCluster =
    " (no cluster is configured: set KUBECONFIG, or name a context with --kube-context)";

// "Forwarding from 127.0.0.1:34567 -> 4433"
Result<int> ForwardedPort(std::string_view line) {
  constexpr std::string_view kBefore = "Forwarding from 127.0.0.1:";
  int port = 0;
  if (line.starts_with(kBefore)) {
    line.remove_prefix(kBefore.size());
    std::from_chars(line.data(), line.data() + line.size(), port);
  }
  if (port < 1 || port > 65535) {
    return Unavailable(fmt::format(
        "kubectl port-forward said \"{}\", wanted \"Forwarding from 127.0.0.1:…\"", OneLine(line)));
  }
  return port;
}

}  // namespace

std::vector<Flag> ClusterFlags() {
  return {
      {.name = "--kube-context",
       .value = "NAME",
       .help = "context of the kubeconfig (default: the current one)"},
      {.name = "--namespace,-n",
       .value = "NAMESPACE",
       .help = "the coordinator's namespace (default: " + std::string(kDefaultNamespace) + ")"}};
}

Kubectl Kubectl::From(const Arguments& arguments) {
  return {arguments.Or("kube-context", ""), arguments.Or("namespace", kDefaultNamespace)};
}

std::vector<std::string> Kubectl::Command(std::vector<std::string> arguments) const {
  std::vector<std::string> command = {"kubectl"};
  if (!context_.empty()) command.insert(command.end(), {"--context", context_});
  command.insert(command.end(), {"--namespace", namespace_});
  command.insert(command.end(), std::make_move_iterator(arguments.begin()),
                 std::make_move_iterator(arguments.end()));
  return command;
}

std::string Kubectl::Typed(std::string_view arguments) const {
  return fmt::format("kubectl {}-n {} {}",
                     context_.empty() ? "" : fmt::format("--context {} ", context_), namespace_,
                     arguments);
}

std::string Kubectl::Flags() const {
  return fmt::format(
      "{} -n {}", context_.empty() ? "" : fmt::format(" --kube-context {}", context_), namespace_);
}

Error ToolFailure(std::string_view tool, const ProcessOutcome& outcome) {
  const std::string said = OneLine(WithoutLog(outcome.err.empty() ? outcome.out : outcome.err));
  const auto* phrase =
      std::ranges::find_if(kPhrases, [&](const Phrase& one) { return said.contains(one.text); });
  const Code code = phrase == kPhrases.end() ? Code::kInternal : phrase->code;
  // Its own words name an address that nobody has configured.
  const bool unconfigured = said.contains("localhost:8080");
  if (said.empty()) return {code, fmt::format("{} ended with {}", tool, outcome.exit_status)};
  return {code, fmt::format("{}: {}{}", tool, said, unconfigured ? kNoCluster : "")};
}

Result<std::string> Kubectl::Run(std::vector<std::string> arguments, seconds timeout) const {
  auto outcome = RunToEnd(Command(std::move(arguments)), timeout);
  if (!outcome.has_value() && outcome.error().code() == Code::kNotFound) {
    return Precondition(
        "no kubectl on the PATH: the cluster is reached through it (give HOST:PORT to do without)");
  }
  if (!outcome.has_value()) return std::unexpected(outcome.error());
  if (outcome->exit_status != 0) return std::unexpected(ToolFailure("kubectl", *outcome));
  return std::move(outcome->out);
}

Result<JsonDocument> Kubectl::Get(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), "get");
  arguments.insert(arguments.end(), {"-o", "json"});
  ASSIGN_OR_RETURN(const std::string text, Run(std::move(arguments)));
  return In("kubectl get", JsonDocument::Parse(text, kAnswerLimits));
}

Result<std::string> Kubectl::ContextName() const {
  if (context_.empty()) {
    const auto current = Run({"config", "current-context"});
    if (!current.has_value() && current.error().message().contains("is not set")) {
      return Precondition(
          "kubectl has no current context: set KUBECONFIG, name one with --kube-context, or give "
          "HOST:PORT to do without");
    }
    if (!current.has_value()) return std::unexpected(current.error());
    return std::string(Trimmed(*current));
  }
  const auto named = Run({"config", "get-contexts", context_, "-o", "name"});
  if (!named.has_value() && named.error().message().contains("not found")) {
    return Precondition(fmt::format(
        "there is no context \"{}\"; kubectl config get-contexts lists those there are", context_));
  }
  if (!named.has_value()) return std::unexpected(named.error());
  return context_;
}

Result<std::shared_ptr<PortForward>> PortForward::Open(const Kubectl& kubectl,
                                                       std::string_view target,
                                                       std::string_view port) {
  const std::vector<std::string> command = kubectl.Command(
      {"port-forward", "--address", "127.0.0.1", std::string(target), fmt::format(":{}", port)});
  ASSIGN_OR_RETURN(BackgroundProcess process, BackgroundProcess::Start(command));
  const Result<std::string> line = process.ReadLine(kForwardTimeout);
  if (!line.has_value()) {
    const ProcessOutcome said{.exit_status = 1, .err = line.error().message()};
    return std::unexpected(ToolFailure(fmt::format("kubectl port-forward to {}", target), said));
  }
  ASSIGN_OR_RETURN(const int local, ForwardedPort(*line));
  return std::shared_ptr<PortForward>(new PortForward(std::move(process), local));
}

}  // namespace strongroom::cli
