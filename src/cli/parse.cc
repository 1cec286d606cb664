#include "cli/parse.h"

#include <algorithm>
#include <memory>
#include <sstream>
#include <string_view>

#include <CLI/CLI.hpp>

#include "base/version.h"
#include "cli/describe.h"
#include "cli/unknown_command.h"

namespace strongroom::cli {
namespace {

// What CLI11 writes into while it parses one command.
struct Slots {
  std::map<std::string, std::vector<std::string>> values;
  std::map<std::string, bool> switches;
};

void AddOptions(CLI::App& app, const Command& command, Slots& slots) {
  for (const Positional& positional : command.positionals) {
    CLI::Option* option =
        app.add_option(positional.name, slots.values[positional.name], positional.help);
    option->required(positional.required)->type_name("");
    // At least one where it is given at all: CLI11 takes no positional of which none is enough.
    option->expected(1, positional.repeated ? 1 << 20 : 1);
    option->allow_extra_args(positional.repeated);  // CLI11 fills the first list it meets
  }
  for (const Flag& flag : command.flags) {
    const std::string key = FlagKey(flag);
    if (flag.value.empty()) {
      app.add_flag(flag.name, slots.switches[key], flag.help);
      continue;
    }
    CLI::Option* option = app.add_option(flag.name, slots.values[key], flag.help);
    option->required(flag.required)->type_name(flag.value)->expected(1);
    // A second value of a flag that takes one is a mistake, not an override.
    option->multi_option_policy(flag.repeated ? CLI::MultiOptionPolicy::TakeAll
                                              : CLI::MultiOptionPolicy::Throw);
    if (flag.repeated) option->expected(1, 1 << 20);
    option->allow_extra_args(false);  // `--key FILE IN OUT`: the rest is not the flag's
  }
}

Arguments ToArguments(const Slots& slots) {
  Arguments arguments;
  for (const auto& [name, values] : slots.values) {
    for (const std::string& value : values) arguments.Add(name, value);
  }
  for (const auto& [name, set] : slots.switches) {
    if (set) arguments.Add(name, "");
  }
  return arguments;
}

int RunCommand(const Command& command, const Slots& slots, bool json) {
  Console console(json);
  const Result<Exit> result = command.run(ToArguments(slots), console);
  if (result.has_value()) return static_cast<int>(*result);
  console.Failure(result.error());
  return static_cast<int>(ExitFor(result.error()));
}

// Where parsing failed, nobody has told yet.
bool TypedJson(int argc, char** argv) {
  return std::find(argv, argv + argc, std::string_view("--json")) != argv + argc;
}

// Ends a run in which no command came to its turn: prints the help or version that was asked for,
// or what is wrong with the line.
Exit EndWithoutCommand(const CLI::App& app, const CLI::ParseError& why,
                       const std::vector<Command>& commands, int argc, char** argv) {
  Console console(TypedJson(argc, argv));
  if (why.get_exit_code() == 0) {
    std::ostringstream text;
    app.exit(why, text);
    const bool help = dynamic_cast<const CLI::CallForVersion*>(&why) == nullptr;
    console.Bytes(text.str());
    console.Json(JsonWriter()
                     .Object()
                     .Key(help ? "help" : "version")
                     .String(help ? text.str() : std::string(Version()))
                     .End());
    return Exit::kDone;
  }
  std::string help = "strongroom";
  for (auto parsed = app.get_subcommands(); !parsed.empty();
       parsed = parsed.front()->get_subcommands())
    help += " " + parsed.front()->get_name();
  const auto unknown = UnknownCommand(commands, {argv + 1, argv + argc});
  const bool no_command = dynamic_cast<const CLI::RequiredError*>(&why) != nullptr && unknown;
  console.Failure(WrongUsage(no_command ? *unknown : why.what()).error(), help + " --help");
  return Exit::kUsage;
}

// Adds the commands that describe the table, themselves included. They run on `commands` itself,
// which must stay where it is.
void AddSelfDescription(std::vector<Command>& commands) {
  commands.push_back(
      {.path = {"completion"},
       .summary = "print a completion script for a shell",
       .positionals = {{.name = "SHELL", .help = "bash, zsh or fish"}},
       .examples = {"strongroom completion bash > /etc/bash_completion.d/strongroom"},
       .run = [&commands](const Arguments& arguments, Console& console) -> Result<Exit> {
         ASSIGN_OR_RETURN(const std::string script,
                          CompletionScript(commands, arguments.One("SHELL")));
         console.Bytes(script);
         console.Json(JsonWriter().Object().Key("script").String(script).End());
         return Exit::kDone;
       }});
  commands.push_back({.path = {"man"},
                      .summary = "print the manual page (roff)",
                      .examples = {"strongroom man | man -l -"},
                      .run = [&commands](const Arguments&, Console& console) -> Result<Exit> {
                        const std::string page = ManualPage(commands);
                        console.Bytes(page);
                        console.Json(JsonWriter().Object().Key("roff").String(page).End());
                        return Exit::kDone;
                      }});
  commands.push_back({.path = {"version"},
                      .summary = "print the version",
                      .run = [](const Arguments&, Console& console) -> Result<Exit> {
                        console.Line(std::string(Version()));
                        console.Json(JsonWriter().Object().Key("version").String(Version()).End());
                        return Exit::kDone;
                      }});
}

}  // namespace

int Main(std::vector<Command> commands, int argc, char** argv) {
  AddSelfDescription(commands);
  CLI::App app("Keys, encrypted models, manifests and attested coordinators.", "strongroom");
  app.require_subcommand(1);
  app.footer(ExitStatusText());
  bool json = false;
  app.add_flag("--json", json, "print results and errors as JSON");
  app.set_version_flag("--version", std::string(Version()), "print the version");
  app.fallthrough();

  std::map<std::string, CLI::App*> groups;
  std::vector<std::unique_ptr<Slots>> slots;
  std::vector<CLI::App*> leaves;
  for (const Command& command : commands) {
    CLI::App* parent = &app;
    if (command.path.size() == 2) {
      CLI::App*& group = groups[command.path[0]];
      if (group == nullptr) {
        group = app.add_subcommand(command.path[0], GroupSummary(command.path[0]));
        group->require_subcommand(1)->fallthrough();
      }
      parent = group;
    }
    CLI::App* leaf = parent->add_subcommand(command.path.back(), command.summary);
    leaf->fallthrough();
    leaf->footer(HelpFooter(command));
    slots.push_back(std::make_unique<Slots>());
    leaves.push_back(leaf);
    AddOptions(*leaf, command, *slots.back());
  }

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return static_cast<int>(EndWithoutCommand(app, error, commands, argc, argv));
  }
  for (std::size_t i = 0; i < commands.size(); ++i) {
    if (leaves[i]->parsed()) return RunCommand(commands[i], *slots[i], json);
  }
  return static_cast<int>(Exit::kUsage);
}

}  // namespace strongroom::cli
