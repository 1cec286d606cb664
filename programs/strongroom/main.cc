// The command line of owners, operators and clients: a table of commands and nothing else.

#include "cli/commands.h"
#include "cli/parse.h"

int main(int argc, char** argv) {
  return strongroom::cli::Main(strongroom::cli::AllCommands(), argc, argv);
}
