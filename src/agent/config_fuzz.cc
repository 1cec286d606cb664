// Whatever is accepted names its coordinator, steers no loader, and has only absolute paths.

#include <cstdlib>

#include "agent/config.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

void RequireVariable(std::string_view name) {
  Require(!name.empty() && !name.contains('='));
  Require(!strongroom::agent::ChoosesCode(name));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = strongroom::AsText(strongroom::ByteView(data, size));
  const auto config = strongroom::agent::ParseConfig(text);
  if (!config.has_value()) return 0;
  const auto& coordinator = config->coordinator;
  Require(coordinator.by_identity || coordinator.root.has_value());
  Require(!coordinator.by_identity || CheckPolicy(coordinator.policy).has_value());
  Require(config->program.starts_with('/') && config->run_folder.starts_with('/'));
  Require(!config->argv.empty());
  for (const auto& [name, value] : config->env) RequireVariable(name);
  for (const auto& name : config->pass_env) RequireVariable(name);
  const auto& files = config->credential_files;
  for (const auto* path :
       {&files.certificate_chain, &files.private_key, &files.marble_root, &files.root}) {
    Require(path->empty() || path->starts_with('/'));
  }
  return 0;
}
