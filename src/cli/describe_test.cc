#include "cli/describe.h"

#include <set>

#include "cli/commands.h"
#include "testing/result_matchers.h"

namespace strongroom::cli {
namespace {

using strongroom::testing::Fails;
using ::testing::HasSubstr;

TEST(Commands, EveryOneHasASummaryHelpForAllItTakesAndAName) {
  std::set<std::string> names;
  for (const Command& command : AllCommands()) {
    EXPECT_TRUE(names.insert(command.Name()).second) << command.Name();
    EXPECT_FALSE(command.summary.empty()) << command.Name();
    EXPECT_FALSE(command.summary.ends_with('.')) << command.Name();
    EXPECT_TRUE(command.run) << command.Name();
    EXPECT_LE(command.path.size(), 2U);
    if (command.path.size() == 2) {
      EXPECT_FALSE(GroupSummary(command.path[0]).empty()) << command.path[0];
    }
    std::set<std::string> flags;
    for (const Flag& flag : command.flags) {
      EXPECT_FALSE(flag.help.empty()) << command.Name() << flag.name;
      EXPECT_TRUE(flags.insert(FlagKey(flag)).second) << command.Name() << flag.name;
    }
    for (const Positional& positional : command.positionals) EXPECT_FALSE(positional.help.empty());
  }
  for (const std::string name : {"keygen",
                                 "encrypt",
                                 "decrypt",
                                 "inspect",
                                 "user create",
                                 "manifest check",
                                 "manifest set",
                                 "manifest get",
                                 "manifest verify",
                                 "status",
                                 "certificate root",
                                 "certificate intermediate",
                                 "certificate chain",
                                 "secret set",
                                 "secret get",
                                 "verify",
                                 "evidence show",
                                 "evidence verify",
                                 "infer",
                                 "install",
                                 "uninstall",
                                 "precheck",
                                 "check"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
}

TEST(Commands, ExamplesNameTheirCommand) {
  for (const Command& command : AllCommands()) {
    for (const std::string& example : command.examples)
      EXPECT_THAT(example, HasSubstr("strongroom " + command.Name()));
  }
}

TEST(Describe, AGroupIsSummedUpOrUnknown) {
  EXPECT_EQ(GroupSummary("manifest"),
            "check, set, read and verify manifests; their signature and log");
  EXPECT_EQ(GroupSummary("keygen"), "");
}

TEST(Describe, TheManualNamesEveryCommandFlagAndExitStatus) {
  const std::string manual = ManualPage(AllCommands());
  for (const Command& command : AllCommands())
    EXPECT_THAT(manual, HasSubstr("strongroom " + command.Name()));
  for (const std::string_view status :
       {".TP\n0\n", ".TP\n1\n", ".TP\n2\n", ".TP\n3\n", ".TP\n4\n", ".TP\n5\n"}) {
    EXPECT_THAT(manual, HasSubstr(std::string(status)));
  }
}

TEST(Describe, CompletionsAreForThreeShells) {
  for (const std::string_view shell : {"bash", "zsh", "fish"}) {
    ASSERT_OK_AND_ASSIGN(const std::string script, CompletionScript(AllCommands(), shell));
    EXPECT_THAT(script, HasSubstr("encrypt"));
    EXPECT_THAT(script, HasSubstr("product-id"));
  }
  EXPECT_THAT(CompletionScript({}, "csh"), Fails(Code::kMalformed, "wanted bash, zsh or fish"));
}

TEST(Exits, SayWhatACallerCanDo) {
  EXPECT_EQ(ExitFor(Error(Code::kUntrusted, "")), Exit::kRefused);
  EXPECT_EQ(ExitFor(Error(Code::kDenied, "")), Exit::kRefused);
  EXPECT_EQ(ExitFor(Error(Code::kConflict, "")), Exit::kRefused);
  EXPECT_EQ(ExitFor(Error(Code::kUnavailable, "")), Exit::kUnreachable);
  EXPECT_EQ(ExitFor(Error(Code::kDeadline, "")), Exit::kUnreachable);
  EXPECT_EQ(ExitFor(Error(Code::kMalformed, "")), Exit::kFailed);
}

}  // namespace
}  // namespace strongroom::cli
