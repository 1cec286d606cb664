// What the built program says about itself, and about a command line that cannot be meant.

#include <nlohmann/json.hpp>

#include "cli/testing/program.h"

namespace strongroom::cli {
namespace {

using nlohmann::json;
using strongroom::testing::ProcessResult;
using strongroom::testing::RunProcess;
using ::testing::HasSubstr;

class CommandLineTest : public testing::ProgramTest {};

// Where a program that not every machine has lies; empty: nowhere.
std::string OnPath(const std::string& program) {
  std::string where = RunProcess({"/bin/sh", "-c", "command -v " + program}).out;
  return where.substr(0, where.find('\n'));
}

TEST_F(CommandLineTest, AWrongCommandLineEndsWithTwoAndWritesNothing) {
  Put("a", AsBytes("x"));
  const auto before = Names();
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{},
        {"nonsense"},
        {"encrypt"},
        {"encrypt", "--key", "key", "a"},
        {"keygen"},
        {"encrypt", "a", "out"},
        {"encrypt", "--key", "key", "a", "out", "surplus"},
        {"encrypt", "--key", "key", "--nonsense", "a", "out"},
        {"encrypt", "--key", "key", "--key", "key", "a", "out"},
        {"encrypt", "--key", "key", "--format", "zip", "a", "out"},
        {"encrypt", "--key", "key", "--as", "", "a", "out"},
        {"encrypt", "--key", "key", "--threads", "0", "a", "out"},
        {"encrypt", "--key", "key", "--threads", "many", "a", "out"},
        {"completion", "csh"},
        {"manifest"},
        {"manifest", "chekc", "a"},
        {"user", "create", "../alice"},
        {"user", "create", "alice", "--days", "0"},
        {"user", "create", "alice", "--days", "x"},
        {"check", "--timeout", "x"},
        {"secret", "--cert", "x"},
        {"verify", "localhost:1", "--mrenclave", "zz"},
        {"verify", "localhost:1"},
        {"verify", "localhost:1", "--product-id", "1"},
        {"verify", "local host", "--mrenclave", std::string(64, '0')},
        {"evidence", "verify", "a"},
        {"infer", "localhost:1", "-m", "m", "-i", "a"}}) {
    for (const bool as_json : {false, true}) {
      std::vector<std::string> line = arguments;
      if (as_json) line.emplace_back("--json");
      const ProcessResult result = Run(line);
      EXPECT_EQ(result.exit_status, 2) << ::testing::PrintToString(line) << result.err;
      EXPECT_FALSE(result.err.empty());
      EXPECT_EQ(json::accept(result.err), as_json) << result.err;
      EXPECT_EQ(result.out, "");
      EXPECT_EQ(Names(), before);
    }
  }
}

TEST_F(CommandLineTest, AWordThatIsNoCommandIsNamedWithTheNearest) {
  const ProcessResult bogus = Run({"bogus"});
  EXPECT_THAT(bogus.err, HasSubstr("strongroom: there is no command \"bogus\"; there are "));
  EXPECT_THAT(bogus.err, HasSubstr("\nnext: strongroom --help\n"));
  const std::string text =
      "there is no command \"manifest chekc\"; the nearest is \"manifest check\"";
  const ProcessResult nearly = Run({"manifest", "chekc", "key"});
  EXPECT_THAT(nearly.err, HasSubstr(text));
  EXPECT_THAT(nearly.err, HasSubstr("\nnext: strongroom manifest --help\n"));
  EXPECT_THAT(Run({"encrypt", "a"}).err, HasSubstr("\nnext: strongroom encrypt --help\n"));
  EXPECT_THAT(Run({"secret", "--cert", "x"}).err, ::testing::Not(HasSubstr("secret x")))
      << "a flag's value is no command";
  const auto said = json::parse(Run({"manifest", "chekc", "key", "--json"}).err);
  EXPECT_THAT(said["error"]["message"].get<std::string>(), HasSubstr(text));
}

TEST_F(CommandLineTest, EveryTextComesAsJsonToo) {
  struct Row {
    std::vector<std::string> words;
    std::string member;
  };
  for (const Row& row :
       {Row{{"man"}, "roff"}, Row{{"completion", "bash"}, "script"},
        Row{{"completion", "zsh"}, "script"}, Row{{"completion", "fish"}, "script"},
        Row{{"--help"}, "help"}, Row{{"encrypt", "--help"}, "help"}}) {
    std::vector<std::string> line = row.words;
    const std::string plain = Run(line).out;
    line.emplace_back("--json");
    const ProcessResult result = Run(line);
    EXPECT_EQ(result.exit_status, 0);
    EXPECT_EQ(result.err, "");
    const json answer = json::parse(result.out, nullptr, false);
    ASSERT_TRUE(answer.is_object()) << ::testing::PrintToString(line) << result.out;
    EXPECT_EQ(answer.value(row.member, ""), plain);
  }
  const std::string version = Run({"version"}).out;
  for (const std::string word : {"version", "--version"}) {
    EXPECT_EQ(Run({word}).out, version);
    EXPECT_EQ(json::parse(Run({word, "--json"}).out).value("version", "") + "\n", version);
  }
}

TEST_F(CommandLineTest, HelpNamesEveryCommandAndExitStatus) {
  const ProcessResult help = Run({"--help"});
  EXPECT_EQ(help.exit_status, 0);
  for (const std::string word :
       {"keygen", "encrypt", "decrypt", "inspect", "user", "manifest", "secret", "verify", "status",
        "certificate", "evidence", "infer", "version", "completion", "man",
        "Exit status:", "4  a protected file is not genuine"}) {
    EXPECT_THAT(help.out, HasSubstr(word));
  }
}

// What each shell must offer for the last word of a line.
struct Completion {
  const char* line;
  const char* offered;
};
constexpr Completion kCompletions[] = {
    {"strongroom enc", "encrypt"},
    {"strongroom compl", "completion"},
    {"strongroom manifest v", "verify"},
    {"strongroom --json manifest si", "signature"},
    {"strongroom encrypt --f", "--format"},
    {"strongroom encrypt --key k --f", "--format"},
    {"strongroom verify host:4433 --man", "--manifest"},
    {"strongroom infer h -m d --mar", "--marble"},
    {"strongroom secret set f h -c cert --from-p", "--from-pem"},
    {"strongroom user create manifest --da", "--days"},
    {"strongroom encrypt --key plain-f", "plain-file"},
};

TEST_F(CommandLineTest, BashCompletesBehindValuesAndPositionals) {
  const ProcessResult script = Run({"completion", "bash"});
  ASSERT_EQ(script.exit_status, 0);
  Put("completion", AsBytes(script.out));
  Put("plain-file", {});
  EXPECT_THAT(script.out, ::testing::Not(HasSubstr("mapfile"))) << "not in every bash";
  EXPECT_THAT(script.out, HasSubstr("complete -o default")) << "files, where nothing is offered";
  for (const auto& [line, offered] : kCompletions) {
    if (offered == std::string_view("plain-file")) continue;  // readline's own, which is not here
    const ProcessResult result = RunProcess(
        {"/bin/bash", "-c",
         std::string(". ./completion; COMP_WORDS=(") + line +
             "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _strongroom; echo \"${COMPREPLY[@]}\""},
        {.folder = folder_.path()});
    EXPECT_EQ(result.out, std::string(offered) + "\n") << line << result.err;
  }
}

// By zsh itself, but for the builtin that only completion widgets may call.
TEST_F(CommandLineTest, ZshCompletesTheSame) {
  const std::string zsh = OnPath("zsh");
  if (zsh.empty()) GTEST_SKIP() << "skipped: there is no zsh to complete with";
  Put("completion", AsBytes(Run({"completion", "zsh"}).out));
  Put("ask", AsBytes(R"zsh(
compdef() { registered="$*" }
compadd() { shift; local -a fit=(${(M)@:#$current*}); (( $#fit )) && print -r -- $fit }
_files() { print plain-file }
source ./completion
[[ $registered == "_strongroom strongroom" ]] || exit 1
words=(${=1}) CURRENT=${#${=1}}
_strongroom
)zsh"));
  for (const auto& [line, offered] : kCompletions) {
    const ProcessResult result = RunProcess({zsh, "-f", "ask", line}, {.folder = folder_.path()});
    EXPECT_EQ(result.out, std::string(offered) + "\n") << line << result.err;
  }
}

TEST_F(CommandLineTest, FishCompletesTheSame) {
  const std::string fish = OnPath("fish");
  if (fish.empty()) GTEST_SKIP() << "skipped: there is no fish to complete with";
  Put("completion", AsBytes(Run({"completion", "fish"}).out));
  Put("plain-file", {});
  for (const auto& [line, offered] : kCompletions) {
    const ProcessResult result = RunProcess(
        {fish, "--no-config", "-c", std::string("source ./completion; complete -C '") + line + "'"},
        {.folder = folder_.path()});
    EXPECT_THAT(result.out, ::testing::StartsWith(offered)) << line << result.err;
  }
}

TEST_F(CommandLineTest, TheManualNamesTheFlags) {
  const ProcessResult manual = Run({"man"});
  EXPECT_EQ(manual.exit_status, 0);
  EXPECT_THAT(manual.out, HasSubstr(".TH STRONGROOM 1"));
  EXPECT_THAT(manual.out, HasSubstr("\\-\\-format"));
}

}  // namespace
}  // namespace strongroom::cli
