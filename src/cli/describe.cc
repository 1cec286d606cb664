#include "cli/describe.h"

#include <algorithm>
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

// The patterns of sh's case for the beginnings of a command line that are commands or groups; what
// else stands there is a flag, its value, or a positional.
std::string KnownBeginnings(const std::vector<Command>& commands) {
  std::set<std::string> names;
  for (const Command& command : commands) {
    names.insert(command.path[0]);
    names.insert(command.Name());
  }
  std::string patterns;
  for (const std::string& name : names)
    patterns += fmt::format("{}\"{}\"", patterns.empty() ? "" : "|", name);
  return patterns;
}

// Finds out in `command` which command was typed and in `candidates` what may come next, for shells
// with sh's loops. Flags are offered to who types a dash; else what a command takes is files.
std::string Candidates(const std::vector<Command>& commands, std::string_view loop,
                       std::string_view word) {
  std::string first, cases;
  for (const auto& [name, second] : Words(commands)) {
    first += (first.empty() ? "" : " ") + name;
    if (second.empty()) continue;
    cases += fmt::format("    \"{}\") candidates=\"{}\" ;;\n", name, Joined(second));
  }
  for (const Command& command : commands) {
    cases += fmt::format("    \"{}\") [[ $current != -* ]] || candidates=\"{}\" ;;\n",
                         command.Name(), FlagWords(command));
  }
  return fmt::format(
      "  local command=\"\" candidates=\"\" typed i\n"
      "  for (({})); do\n"
      "    typed=\"${{command:+$command }}{}\"\n"
      "    case \"$typed\" in\n"
      "      {}) command=$typed ;;\n"
      "    esac\n"
      "  done\n"
      "  case \"$command\" in\n"
      "    \"\") candidates=\"{} --help --json --version\" ;;\n"
      "{}"
      "  esac\n",
      loop, word, KnownBeginnings(commands), first, cases);
}

std::string BashScript(const std::vector<Command>& commands) {
  return "# bash completion for strongroom\n"
         "_strongroom() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]}\n" +
         Candidates(commands, "i = 1; i < COMP_CWORD; i++", "${COMP_WORDS[i]}") +
         "  COMPREPLY=($(compgen -W \"$candidates\" -- \"$current\"))\n"
         "}\n"
         "complete -o default -F _strongroom strongroom\n";
}

std::string ZshScript(const std::vector<Command>& commands) {
  return "#compdef strongroom\n"
         "_strongroom() {\n"
         "  local current=${words[CURRENT]}\n" +
         Candidates(commands, "i = 2; i < CURRENT; i++", "${words[i]}") +
         "  compadd -- ${=candidates} || _files\n"
         "}\n"
         "# Found in fpath, this file is the function's first call; sourced, it only defines it.\n"
         "if [[ ${funcstack[1]} == _strongroom ]]; then _strongroom \"$@\"\n"
         "else compdef _strongroom strongroom\n"
         "fi\n";
}

std::string FishQuoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

// "--cert,-c" as fish's complete names it: "-l cert -s c", and that a value follows.
std::string FishFlag(const Flag& flag) {
  std::string out;
  std::string_view rest = flag.name;
  while (!rest.empty()) {
    const std::string_view name = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(name.size() + 1, rest.size()));
    const bool is_long = name.starts_with("--");
    out += fmt::format(" {} {}", is_long ? "-l" : "-s", name.substr(is_long ? 2 : 1));
  }
  if (!flag.value.empty()) out += " -r";
  return fmt::format("{} -d {}", out, FishQuoted(flag.help));
}

std::string FishScript(const std::vector<Command>& commands) {
  std::string known;
  for (const auto& [word, second] : Words(commands)) {
    known += fmt::format(" ' {}'", word);
    for (const std::string& sub : second) known += fmt::format(" ' {} {}'", word, sub);
  }
  std::string out =
      "# fish completion for strongroom\n"
      "function __strongroom_command\n"
      "  set -l typed (commandline -opc)\n"
      "  set -e typed[1]\n"
      "  set -l command ''\n"
      "  for word in $typed\n"
      "    switch \"$command $word\"\n"
      "      case" +
      known +
      "\n"
      "        set command \"$command $word\"\n"
      "    end\n"
      "  end\n"
      "  echo \"$command\"\n"
      "end\n";
  const auto add = [&out](std::string_view typed, std::string_view more) {
    out += fmt::format("complete -c strongroom -n 'test (__strongroom_command) = \"{}\"'{}\n",
                       typed, more);
  };
  for (const auto& [word, second] : Words(commands)) {
    add("", " -f -a " + word);
    for (const std::string& sub : second) add(" " + word, " -f -a " + sub);
  }
  for (const Command& command : commands) {
    for (const Flag& flag : command.flags) add(" " + command.Name(), FishFlag(flag));
  }
  return out + "complete -c strongroom -l json -d 'print results and errors as JSON'\n";
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
      {"manifest", "check, set, read and verify manifests; their signature and log"},
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
