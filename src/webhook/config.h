#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "k8s/sgx_plugins.h"
#include "webhook/tee_class.h"

namespace strongroom::webhook {

inline constexpr std::size_t kMaxConfigBytes = 256 * 1024;

// A device plugin as the configuration describes it: k8s::SgxPlugin, for one resource key.
struct SgxPlugin {
  std::string enclave = {};
  std::string provision = {};
  bool counts_mib = false;
};

// A container that this program adds to pods, and how it puts its program into a shared folder.
struct InjectedImage {
  std::string image = {};        // empty: not to be had in this installation
  std::string pull_policy = {};  // empty: Kubernetes' default
  std::vector<std::string> copy = {};
};

struct AgentSettings {
  InjectedImage image = {.copy = {"/usr/bin/strongroom-agent", "copy", "/strongroom-agent"}};
  std::string config = "/etc/strongroom/agent.json";  // in the container that runs it
  std::vector<std::string> init = {"/usr/bin/strongroom-agent", "init"};
  std::vector<std::string> sidecar = {"/usr/bin/strongroom-agent", "sidecar"};
  std::vector<std::string> ready = {"/usr/bin/strongroom-agent", "ready"};
  std::string files_folder = "/run/strongroom";  // in memory, shared with the workload
};

// The software TEE. Without an image pods that ask for it are refused.
struct SimulationSettings {
  InjectedImage image = {.copy = {"/usr/bin/strongroom-simtee", "copy", "/strongroom-sim"}};
  std::string launch = "/etc/strongroom/launch/modelserver.json";  // in the workload's image
  // In the agent's image; "{mode}" stands for init or sidecar; empty: it has none.
  std::string launch_agent = "/etc/strongroom/launch/agent-{mode}.json";
  std::string agent_config = "/etc/strongroom/launch/agent.json";  // that those name
  // What stands in front of the workload; "{launch}" stands for the description's path.
  std::vector<std::string> run = {"/strongroom-sim/strongroom-simtee",
                                  "run",
                                  "--root=container",
                                  "--well-known-world",
                                  "--launch",
                                  "{launch}"};
};

// What pods of one TEE class get besides.
struct TeeSettings {
  std::string runtime_class = {};
  std::string gpu_runtime_class = {};  // with GPUs; empty: as without
  std::map<std::string, std::string> node_selector = {};
  std::vector<std::string> launcher = {};  // in front of the command; "{config}": the agent's
};

// The webhook's whole configuration (docs/formats/webhook-config.md).
struct Configuration {
  std::string coordinator_address = {};  // host:port of the coordinator's mesh API
  std::string cluster_domain = "cluster.local";
  std::string resource_key = std::string(k8s::kDefaultSgxResource);
  std::map<std::string, SgxPlugin> sgx_plugins = {};  // by resource key; Configuration knows three
  std::string epc = "10Mi";
  Tee default_tee = Tee::kSgx;
  Mode default_mode = Mode::kLauncher;
  QuoteProvider quote_provider = QuoteProvider::kInProcess;
  std::string gpu_resource = "nvidia.com/gpu";
  std::map<Tee, TeeSettings> tees = {};  // all four are there
  AgentSettings agent = {};
  SimulationSettings simulation = {};
  std::map<std::string, std::string> injected_requests = {{"cpu", "10m"}, {"memory", "32Mi"}};
  std::map<std::string, std::string> injected_limits = {{"memory", "128Mi"}};

  // The plugin of `resource_key`; one that nobody described has a bare number of MiB.
  SgxPlugin plugin() const;

  // Defaults as the document states them, for a coordinator.
  static Configuration For(std::string coordinator_address);
  // kMalformed: not the format, unknown members, a value that no pod could hold.
  static Result<Configuration> Parse(std::string_view json);
};

}  // namespace strongroom::webhook
