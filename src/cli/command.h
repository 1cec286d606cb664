#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/console.h"

// The commands of `strongroom` as one table: parsing, --help, shell completion and the man page all
// come from it.
namespace strongroom::cli {

// What the process ends with; documented in --help and the man page.
enum class Exit : int {
  kDone = 0,
  kFailed = 1,
  kUsage = 2,
  kRefused = 3,      // evidence, manifest or permission did not convince
  kNotGenuine = 4,   // a protected file was changed, cut, renamed or has another key
  kUnreachable = 5,  // no answer, or not in time
};

// The exit status that fits an error where a command has no better one.
Exit ExitFor(const Error& error);

// What was typed cannot be meant: ends with kUsage.
std::unexpected<Error> WrongUsage(std::string message);

struct Flag {
  std::string name;        // "--key" or "--cert,-c"
  std::string value = "";  // "FILE"; empty: a switch
  std::string help;
  bool required = false;
  bool repeated = false;
};

// One table of flags after another.
std::vector<Flag> With(std::vector<Flag> flags, const std::vector<Flag>& more);

struct Positional {
  std::string name;  // "IN"
  std::string help;
  bool required = true;
  bool repeated = false;  // only the last
};

// What was typed for one command. Names are flags without dashes ("key") and positionals ("IN").
class Arguments {
 public:
  void Add(std::string name, std::string value) {
    values_[std::move(name)].push_back(std::move(value));
  }
  bool Has(std::string_view name) const { return values_.contains(name); }
  // The value of something required: aborts when the table does not make sure that it is there.
  const std::string& One(std::string_view name) const;
  std::optional<std::string> Optional(std::string_view name) const;
  std::string Or(std::string_view name, std::string_view otherwise) const;
  std::vector<std::string> All(std::string_view name) const;

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

// Runs a command. An error is printed by the caller and becomes an exit status; a command that has
// printed its own verdict returns it.
using Run = std::function<Result<Exit>(const Arguments& arguments, Console& console)>;

struct Command {
  std::vector<std::string> path;  // {"manifest", "set"}
  std::string summary;            // one line, no full stop
  std::string details = "";       // paragraphs for --help and the man page
  std::vector<Positional> positionals = {};
  std::vector<Flag> flags = {};
  std::vector<std::string> examples = {};
  Run run;

  std::string Name() const;  // "manifest set"
};

// "--cert,-c" gives "cert".
std::string FlagKey(const Flag& flag);

}  // namespace strongroom::cli
