#include "cli/unknown_command.h"

#include "cli/commands.h"
#include "testing/result_matchers.h"

namespace strongroom::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Optional;

TEST(UnknownCommand, NamesTheWordTheNearestAndWhatThereIs) {
  const std::vector<Command> commands = AllCommands();
  EXPECT_THAT(UnknownCommand(commands, {"--json", "encrpyt", "a", "b"}),
              Optional(AllOf(HasSubstr("there is no command \"encrpyt\""),
                             HasSubstr("the nearest is \"encrypt\""),
                             HasSubstr("there are certificate, check, decrypt,"))));
  EXPECT_THAT(UnknownCommand(commands, {"manifest", "chekc", "manifest.json"}),
              Optional(std::string("there is no command \"manifest chekc\"; the nearest is "
                                   "\"manifest check\"; there are check, get, log, set, signature, "
                                   "verify")));
}

TEST(UnknownCommand, GuessesNothingFarOff) {
  for (const std::string& word : {std::string("bogus"), std::string("x"), std::string(100, 'x')}) {
    EXPECT_THAT(UnknownCommand(AllCommands(), {word}),
                Optional(AllOf(HasSubstr("there is no command \"" + word + "\"; there are "),
                               Not(HasSubstr("nearest")))));
  }
}

TEST(UnknownCommand, SaysThatOneIsMissing) {
  EXPECT_THAT(UnknownCommand(AllCommands(), {}),
              Optional(HasSubstr("a command is missing after \"strongroom\"; there are ")));
  EXPECT_THAT(UnknownCommand(AllCommands(), {"user", "--json"}),
              Optional(std::string("a command is missing after \"strongroom user\"; there are "
                                   "create")));
}

TEST(UnknownCommand, HasNothingToSayAboutThoseThatThereAre) {
  EXPECT_EQ(UnknownCommand(AllCommands(), {"encrypt"}), std::nullopt);
  EXPECT_EQ(UnknownCommand(AllCommands(), {"encrypt", "a", "b"}), std::nullopt);
  EXPECT_EQ(UnknownCommand(AllCommands(), {"manifest", "check", "file"}), std::nullopt);
}

}  // namespace
}  // namespace strongroom::cli
