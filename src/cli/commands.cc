#include "cli/commands.h"

#include <iterator>

namespace strongroom::cli {

std::vector<Command> AllCommands() {
  std::vector<Command> all;
  for (auto part :
       {FileCommands, UserCommands, InstallCommands, CheckCommands, CoordinatorCommands,
        ManifestCommands, SecretCommands, LogCommands, EvidenceCommands, InferCommands}) {
    std::vector<Command> commands = part();
    all.insert(all.end(), std::make_move_iterator(commands.begin()),
               std::make_move_iterator(commands.end()));
  }
  return all;
}

}  // namespace strongroom::cli
