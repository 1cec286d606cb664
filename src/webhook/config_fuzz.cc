// Whatever is accepted names its coordinator, has every TEE, sizes that are sizes, and commands and
// paths that a pod can hold.

#include <algorithm>
#include <cstdlib>

#include "base/bytes.h"
#include "webhook/config.h"
#include "webhook/quantity.h"

namespace {

using strongroom::webhook::Configuration;

void Require(bool holds) {
  if (!holds) std::abort();
}

void RequireText(const std::string& text) {
  Require(std::ranges::none_of(text, [](char c) { return c >= 0 && c < 0x20; }));
}

void RequireCommand(const std::vector<std::string>& command) {
  Require(!command.empty() && !command.front().empty());
  for (const std::string& word : command) RequireText(word);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = strongroom::AsText(strongroom::ByteView(data, size));
  const auto config = Configuration::Parse(text);
  if (!config.has_value()) return 0;
  Require(text.size() <= strongroom::webhook::kMaxConfigBytes);
  Require(!config->coordinator_address.empty() && !config->cluster_domain.empty());
  RequireText(config->coordinator_address);
  Require(config->tees.size() == 4);
  Require(strongroom::webhook::ParseBytes(config->epc).has_value());
  for (const std::string* name : {&config->resource_key, &config->gpu_resource})
    Require(name->contains('/'));
  const auto& agent = config->agent;
  const auto& simulation = config->simulation;
  for (const auto* command : {&agent.image.copy, &agent.init, &agent.sidecar, &agent.ready,
                              &simulation.image.copy, &simulation.run}) {
    RequireCommand(*command);
  }
  for (const std::string* path :
       {&agent.config, &agent.files_folder, &simulation.launch, &simulation.agent_config}) {
    Require(path->starts_with('/'));
  }
  Require(simulation.launch_agent.empty() || simulation.launch_agent.starts_with('/'));
  static_cast<void>(config->plugin());
  return 0;
}
