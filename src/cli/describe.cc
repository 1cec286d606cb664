#include "cli/describe.h"

#include <map>
#include <set>

#include <fmt/format.h>

#include "base/version.h"

namespace strongroom::cli {
namespace {

constexpr std::string_view kExitStatuses[][2] = {
    {"0", "done"},
    {"1", "failed; the message says what was found and what was wanted"},
    {"2", "the command line is wrong"},
    {"3", "refused: evidence, manifest or permission did not convince"},
    {"4", "a protected file is not genuine: changed, cut, renamed, or made with another key"},
    {"5", "a server could not be reached, or not in time"},
};

// All flags of a command as shells complete them.
std::string FlagWords(const Command& command) {
  std::string words = "--json --help";
  for (const Flag& flag : command.flags) {
    std::string name = flag.name;
    for (char& c : name) c = c == ',' ? ' ' : c;
    words += " " + name;
  }
  return words;
}

// First words, and the second words that may follow each.
std::map<std::string, std::set<std::string>> Words(const std::vector<Command>& commands) {
  std::map<std::string, std::set<std::string>> words;
  for (const Command& command : commands) {
    auto& second = words[command.path[0]];
    if (command.path.size() == 2) second.insert(command.path[1]);
  }
  return words;
}

std::string Joined(const std::set<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string BashScript(const std::vector<Command>& commands) {
  std::string first, cases;
  for (const auto& [word, second] : Words(commands)) {
    first += (first.empty() ? "" : " ") + word;
    if (second.empty()) continue;
    cases += fmt::format("    \"{}\") words=\"{}\" ;;\n", word, Joined(second));
  }
  for (const Command& command : commands) {
    cases += fmt::format("    \"{}\") words=\"{}\" ;;\n", command.Name(), FlagWords(command));
  }
  return fmt::format(
      "# bash completion for strongroom\n"
      "_strongroom() {{\n"
      "  local current=${{COMP_WORDS[COMP_CWORD]}} typed=\"\" words=\"\" i\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    [[ ${{COMP_WORDS[i]}} == -* ]] || typed+=\"${{typed:+ }}${{COMP_WORDS[i]}}\"\n"
      "    case \"$typed\" in *\\ *) [[ $i -ge 2 ]] && break ;; esac\n"
      "  done\n"
      "  case \"$typed\" in\n"
      "    \"\") words=\"{} --help --json --version\" ;;\n"
      "{}"
      "  esac\n"
      "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
      "  [[ ${{#COMPREPLY[@]}} -gt 0 || $current == -* ]] || mapfile -t COMPREPLY < <(compgen -f "
      "-- \"$current\")\n"
      "}}\n"
      "complete -F _strongroom strongroom\n",
      first, cases);
}

std::string ZshScript(const std::vector<Command>& commands) {
  // zsh runs bash completions through its own compatibility layer.
  return "#compdef strongroom\nautoload -U +X bashcompinit && bashcompinit\n" +
         BashScript(commands);
}

std::string FishQuoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

std::string FishScript(const std::vector<Command>& commands) {
  std::string out = "# fish completion for strongroom\n";
  for (const auto& [word, second] : Words(commands)) {
    out += fmt::format("complete -c strongroom -n __fish_use_subcommand -a {}\n", word);
    for (const std::string& sub : second) {
      out += fmt::format("complete -c strongroom -n '__fish_seen_subcommand_from {}' -a {}\n", word,
                         sub);
    }
  }
  for (const Command& command : commands) {
    for (const Flag& flag : command.flags) {
      out += fmt::format("complete -c strongroom -n '__fish_seen_subcommand_from {}' -l {} -d {}\n",
                         command.path.back(), FlagKey(flag), FishQuoted(flag.help));
    }
  }
  return out;
}

// Roff reads a leading dot or quote as a request, and backslashes and hyphens as its own.
std::string Roff(std::string_view text) {
  std::string out;
  bool line_start = true;
  for (const char c : text) {
    if (line_start && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') out += "\\e";
    else if (c == '-') out += "\\-";
    else out += c;
    line_start = c == '\n';
  }
  return out;
}

std::string Synopsis(const Command& command) {
  std::string text = fmt::format("\\fBstrongroom {}\\fR", Roff(command.Name()));
  if (!command.flags.empty()) text += " [\\fIoptions\\fR]";
  for (const Positional& positional : command.positionals) {
    const std::string name =
        fmt::format("\\fI{}\\fR{}", Roff(positional.name), positional.repeated ? "..." : "");
    text += positional.required ? " " + name : " [" + name + "]";
  }
  return text;
}

}  // namespace

std::string GroupSummary(std::string_view group) {
  static const std::map<std::string_view, std::string_view> summaries = {
      {"user", "certificates that a manifest names users by"},
      {"manifest", "check, set, read and verify manifests"},
      {"certificate", "certificates of a verified coordinator"},
      {"secret", "give secrets to a verified manifest, and read them"},
      {"evidence", "look at and verify attestation evidence"},
  };
  const auto found = summaries.find(group);
  return found == summaries.end() ? "" : std::string(found->second);
}

std::string ExitStatusText() {
  std::string text = "Exit status:\n";
  for (const auto& [status, meaning] : kExitStatuses)
    text += fmt::format("  {}  {}\n", status, meaning);
  return text;
}

std::string HelpFooter(const Command& command) {
  std::string text = command.details;
  if (!command.examples.empty()) {
    text += text.empty() ? "Examples:\n" : "\n\nExamples:\n";
    for (const std::string& example : command.examples) text += "  " + example + "\n";
  }
  return text;
}

Result<std::string> CompletionScript(const std::vector<Command>& commands, std::string_view shell) {
  if (shell == "bash") return BashScript(commands);
  if (shell == "zsh") return ZshScript(commands);
  if (shell == "fish") return FishScript(commands);
  return WrongUsage(fmt::format("shell \"{}\", wanted bash, zsh or fish", shell));
}

std::string ManualPage(const std::vector<Command>& commands) {
  std::string page = fmt::format(
      ".TH STRONGROOM 1 \"\" \"strongroom {}\" \"User Commands\"\n"
      ".SH NAME\nstrongroom \\- keys, encrypted models, manifests and attested coordinators\n"
      ".SH SYNOPSIS\n\\fBstrongroom\\fR [\\fB\\-\\-json\\fR] \\fICOMMAND\\fR ...\n.SH COMMANDS\n",
      Roff(Version()));
  for (const Command& command : commands) {
    page += ".TP\n" + Synopsis(command) + "\n" + Roff(command.summary) + ".\n";
    if (!command.details.empty()) page += ".RS\n.PP\n" + Roff(command.details) + "\n.RE\n";
    for (const Flag& flag : command.flags) {
      page += fmt::format(".RS\n.TP\n\\fB{}\\fR {}\n{}\n.RE\n", Roff(flag.name),
                          flag.value.empty() ? "" : "\\fI" + Roff(flag.value) + "\\fR",
                          Roff(flag.help));
    }
  }
  page += ".SH EXIT STATUS\n";
  for (const auto& [status, meaning] : kExitStatuses) {
    page += fmt::format(".TP\n{}\n{}\n", status, Roff(meaning));
  }
  page +=
      ".SH FILES\n.TP\n~/.config/strongroom/coordinators/\nwhat was verified about each "
      "coordinator\n";
  return page;
}

}  // namespace strongroom::cli
