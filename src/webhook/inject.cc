#include "webhook/inject.h"

#include <algorithm>

#include <fmt/format.h>

#include "webhook/added_containers.h"
#include "webhook/edits.h"
#include "webhook/names.h"
#include "webhook/quantity.h"

namespace strongroom::webhook {
namespace {

constexpr std::string_view kUuidSource =
    R"({"items":[{"path":"uuid-file","fieldRef":{"fieldPath":"metadata.uid"}}]})";
constexpr std::string_view kMemorySource = R"({"medium":"Memory","sizeLimit":"16Mi"})";
constexpr std::string_view kProgramSource = R"({"sizeLimit":"128Mi"})";

class Injector {
 public:
  Injector(const Pod& pod, const Marble& marble, const Configuration& configuration)
      : marble_(marble), configuration_(configuration), edit_(pod) {
    for (const Container* container : marble.containers) edit_.containers.push_back({container});
  }

  Result<Injection> Run() {
    if (marble_.container_was_found)
      edit_.labels.emplace(ours::kContainer, Quoted(marble_.containers.front()->name));
    if (marble_.resources) RETURN_IF_ERROR(AddSgx());
    AddGpus();
    AddNodes();
    if (!marble_.mode || marble_.mode == Mode::kLauncher) RETURN_IF_ERROR(AddIdentity());
    if (marble_.mode == Mode::kLauncher) RETURN_IF_ERROR(AddLauncher());
    if (marble_.mode && marble_.mode != Mode::kLauncher) RETURN_IF_ERROR(AddAgentContainer());
    if (marble_.tee == Tee::kSim)
      warnings_.push_back(
          fmt::format("strongroom: {}=sim: a simulated TEE protects nothing; its "
                      "evidence is of a TEST root",
                      ours::kTee));
    return Injection{edit_.ToPatch(), std::move(warnings_)};
  }

 private:
  std::vector<std::pair<std::string_view, std::string>> Identity() const {
    return {{"EDG_MARBLE_COORDINATOR_ADDR", configuration_.coordinator_address},
            {"EDG_MARBLE_TYPE", std::string(marble_.type)},
            {"EDG_MARBLE_DNS_NAMES", marble_.dns_names}};
  }

  std::string UuidFolder() const { return fmt::format("/{}-uid", marble_.type); }

  // The variables of a marble. Those that a container sets are its own; so is a folder that it
  // mounts where the UUID would be.
  Status AddIdentity() {
    for (ContainerEdit& edit : edit_.containers) {
      for (const auto& [name, value] : Identity()) edit.NeedVariable(name, value);
      if (edit.container->HasVariable("EDG_MARBLE_UUID_FILE")) continue;
      edit.NeedVariable("EDG_MARBLE_UUID_FILE", UuidFolder() + "/uuid-file");
      if (const Json* mount = edit.container->MountAt(UuidFolder());
          mount != nullptr && TextMember(*mount, "name").value_or("") != kUuidVolume)
        continue;
      RETURN_IF_ERROR(edit_.NeedVolume(kUuidVolume, "downwardAPI", kUuidSource));
      RETURN_IF_ERROR(edit.NeedMount(kUuidVolume, UuidFolder(), false));
    }
    return {};
  }

  // Enclave memory and devices by the names of the cluster's plugin, and the way onto its nodes.
  Status AddSgx() {
    ASSIGN_OR_RETURN(const JsonMembers limits, SgxLimits());
    for (ContainerEdit& edit : edit_.containers) edit.limits.insert(limits.begin(), limits.end());
    edit_.NeedToleration(configuration_.resource_key);
    if (marble_.quote_provider == QuoteProvider::kAesmd) RETURN_IF_ERROR(AddAesm());
    return {};
  }

  Result<JsonMembers> SgxLimits() const {
    const SgxPlugin plugin = configuration_.plugin();
    ASSIGN_OR_RETURN(const std::uint64_t bytes, ParseBytes(marble_.epc));
    JsonMembers limits;
    limits[configuration_.resource_key] = Quoted(SizeText(plugin, bytes));
    if (!plugin.enclave.empty()) limits[plugin.enclave] = Quoted("1");
    if (!plugin.provision.empty() && marble_.quote_provider == QuoteProvider::kInProcess)
      limits[plugin.provision] = Quoted("1");
    return limits;
  }

  // As the pod wrote it where that is a whole number of bytes; Kubernetes refuses fractions of what
  // plugins offer.
  std::string SizeText(const SgxPlugin& plugin, std::uint64_t bytes) const {
    if (plugin.counts_mib) return std::to_string(MebibytesFor(bytes));
    return marble_.epc.find_first_of(".eEm") == std::string::npos ? marble_.epc
                                                                  : std::to_string(bytes);
  }

  // The daemon's socket: in the pod when one of its containers is the daemon, else the node's.
  Status AddAesm() {
    bool mounted = false;
    for (ContainerEdit& edit : edit_.containers) {
      edit.NeedVariable("SGX_AESM_ADDR", "1");
      if (edit.container->MountAt(kAesmFolder) != nullptr) continue;
      RETURN_IF_ERROR(edit.NeedMount(kAesmVolume, kAesmFolder, true));
      mounted = true;
    }
    if (!mounted || edit_.pod->FindVolume(kAesmVolume) != nullptr) return {};
    if (edit_.pod->FindContainer("aesmd") != nullptr)
      return edit_.NeedVolume(kAesmVolume, "emptyDir", R"({"medium":"Memory"})");
    return edit_.NeedVolume(kAesmVolume, "hostPath",
                            R"({"path":"/var/run/aesmd","type":"Directory"})");
  }

  void AddGpus() {
    if (marble_.gpus == 0) return;
    for (ContainerEdit& edit : edit_.containers)
      edit.limits.emplace(configuration_.gpu_resource, Quoted(std::to_string(marble_.gpus)));
    if (marble_.tee == Tee::kSgx)
      warnings_.push_back(
          "strongroom: a GPU beside an SGX enclave is outside of what is protected");
  }

  void AddNodes() {
    if (!marble_.mode) return;
    if (!marble_.runtime_class.empty()) edit_.NeedRuntimeClass(marble_.runtime_class);
    for (const auto& [name, value] : configuration_.tees.at(marble_.tee).node_selector)
      edit_.node_selector.emplace(name, Quoted(value));
  }

  std::vector<std::string> LauncherWords() const {
    if (marble_.tee == Tee::kSim) return SimulationWords(marble_, configuration_);
    std::vector<std::string> words = configuration_.tees.at(marble_.tee).launcher;
    std::ranges::replace(words, "{config}", marble_.agent_config);
    return words;
  }

  // Puts the agent, or the software TEE that starts it, in front of each marble's program.
  Status AddLauncher() {
    const std::vector<std::string> words = LauncherWords();
    if (words.empty()) return {};
    for (ContainerEdit& edit : edit_.containers) {
      RETURN_IF_ERROR(AddLauncherTo(edit, words));
      if (marble_.tee != Tee::kSim) continue;
      RETURN_IF_ERROR(NeedReadOnlyRoot(edit));
      RETURN_IF_ERROR(edit.NeedMount(kSimulationVolume, kSimulationFolder, true));
    }
    if (marble_.tee == Tee::kSim) return AddSimulation();
    if (marble_.tee == Tee::kSgx) return {};
    for (ContainerEdit& edit : edit_.containers)
      RETURN_IF_ERROR(edit.NeedMount(kAgentVolume, kAgentFolder, true));
    RETURN_IF_ERROR(edit_.NeedVolume(kAgentVolume, "emptyDir", kProgramSource));
    return edit_.NeedInitContainer(kAgentCopyContainer, AgentCopyJson(configuration_));
  }

  Status AddLauncherTo(ContainerEdit& edit, const std::vector<std::string>& words) {
    const Container& container = *edit.container;
    RETURN_IF_ERROR(AddFilesTo(edit, false));
    const bool has_command = container.command != nullptr && !container.command->items().empty();
    if (has_command) {
      ASSIGN_OR_RETURN(const std::string_view program, container.command->items()[0].String());
      if (program == words.front()) return {};
    } else if (container.args != nullptr && !container.args->items().empty()) {
      return Malformed(fmt::format(
          "container \"{}\" has args and no command, wanted both: the webhook cannot see what its "
          "image would start with them",
          container.name));
    }
    edit.command_prefix = words;
    if (has_command) edit.command_prefix.emplace_back("--");
    return {};
  }

  Status NeedReadOnlyRoot(ContainerEdit& edit) {
    const Json* security = edit.container->security;
    const Json* there = security == nullptr ? nullptr : security->Find("readOnlyRootFilesystem");
    if (there != nullptr && !there->IsNull()) {
      ASSIGN_OR_RETURN(const bool read_only, there->Bool());
      if (!read_only)
        return Conflict(
            fmt::format("container \"{}\" has a writable root, wanted read-only: what "
                        "is measured must not change",
                        edit.container->name));
      return {};
    }
    edit.read_only_root = true;
    return {};
  }

  // Memory that the agent may lay secrets into.
  Status AddFilesTo(ContainerEdit& edit, bool read_only) {
    RETURN_IF_ERROR(edit_.NeedVolume(kFilesVolume, "emptyDir", kMemorySource));
    return edit.NeedMount(kFilesVolume, configuration_.agent.files_folder, read_only);
  }

  Status AddSimulation() {
    RETURN_IF_ERROR(edit_.NeedVolume(kSimulationVolume, "emptyDir", kProgramSource));
    return edit_.NeedInitContainer(kSimulationContainer, SimulationCopyJson(configuration_));
  }

  // A user or group of the first marble's container, else of the pod; never root, which
  // `restricted` forbids.
  std::int64_t IdOf(std::string_view member) const {
    for (const Json* security : {marble_.containers.front()->security, edit_.pod->security}) {
      const Json* id = security == nullptr ? nullptr : security->Find(member);
      if (id != nullptr && id->Int().value_or(0) > 0) return *id->Int();
    }
    return kAddedUser;
  }

  // The agent as a container of its own, before the pod's others; they see what it lays out.
  Status AddAgentContainer() {
    for (ContainerEdit& edit : edit_.containers) RETURN_IF_ERROR(AddFilesTo(edit, true));
    RETURN_IF_ERROR(edit_.NeedVolume(kUuidVolume, "downwardAPI", kUuidSource));
    if (marble_.tee == Tee::kSim) RETURN_IF_ERROR(AddSimulation());
    JsonMembers limits;
    if (marble_.resources) {
      ASSIGN_OR_RETURN(limits, SgxLimits());
    }
    AgentContainer agent{.uuid_folder = UuidFolder(), .limits = std::move(limits)};
    agent.user = IdOf("runAsUser");
    agent.group = IdOf("runAsGroup");
    for (const auto& [name, value] : Identity()) agent.env.push_back(VariableJson(name, value));
    agent.env.push_back(VariableJson("EDG_MARBLE_UUID_FILE", UuidFolder() + "/uuid-file"));
    return edit_.NeedInitContainer(kAgentContainer, AgentJson(agent, marble_, configuration_));
  }

  const Marble& marble_;
  const Configuration& configuration_;
  PodEdit edit_;
  std::vector<std::string> warnings_;
};

}  // namespace

Result<Injection> Inject(const Pod& pod, const Marble& marble, const Configuration& configuration) {
  return Injector(pod, marble, configuration).Run();
}

}  // namespace strongroom::webhook
