#include "webhook/added_containers.h"

#include <algorithm>

#include <fmt/format.h>

#include "webhook/edits.h"
#include "webhook/names.h"

namespace strongroom::webhook {
namespace {

struct RunAs {
  std::int64_t user = kAddedUser;
  std::int64_t group = kAddedUser;
};

std::string SecurityJson(RunAs who) {
  return fmt::format(
      R"({{"allowPrivilegeEscalation":false,"capabilities":{{"drop":["ALL"]}},)"
      R"("privileged":false,"readOnlyRootFilesystem":true,"runAsNonRoot":true,"runAsUser":{},)"
      R"("runAsGroup":{},"seccompProfile":{{"type":"RuntimeDefault"}}}})",
      who.user, who.group);
}

void WriteTexts(JsonWriter& writer, const std::map<std::string, std::string>& texts) {
  for (const auto& [name, value] : texts) writer.Key(name).String(value);
}

// Name, image, resources and security context; the object stays open.
void Begin(JsonWriter& writer, std::string_view name, const InjectedImage& image, RunAs who,
           const JsonMembers& tee_limits, const Configuration& configuration) {
  writer.Object().Key("name").String(name).Key("image").String(image.image);
  if (!image.pull_policy.empty()) writer.Key("imagePullPolicy").String(image.pull_policy);
  writer.Key("resources").Object().Key("requests").Object();
  WriteTexts(writer, configuration.injected_requests);
  writer.End().Key("limits").Object();
  WriteTexts(writer, configuration.injected_limits);
  for (const auto& [key, value] : tee_limits) writer.Key(key).Raw(value);
  writer.End().End().Key("securityContext").Raw(SecurityJson(who));
}

std::string CopyJson(std::string_view name, const InjectedImage& image, std::string_view volume,
                     std::string_view folder, const Configuration& configuration) {
  JsonWriter writer;
  Begin(writer, name, image, {}, {}, configuration);
  writer.Key("command").Raw(QuotedArray(image.copy));
  writer.Key("volumeMounts").Array().Raw(MountJson(volume, folder, false)).End();
  return std::move(writer.End()).Finish();
}

std::vector<std::string> AgentCommand(const Marble& marble, const Configuration& configuration) {
  if (marble.tee == Tee::kSim) return SimulationWords(marble, configuration);
  std::vector<std::string> words =
      marble.mode == Mode::kSidecar ? configuration.agent.sidecar : configuration.agent.init;
  words.insert(words.end(), {"--config", marble.agent_config});
  return words;
}

}  // namespace

std::vector<std::string> SimulationWords(const Marble& marble, const Configuration& configuration) {
  std::vector<std::string> words = configuration.simulation.run;
  std::ranges::replace(words, "{launch}", marble.launch);
  words.insert(words.end(), marble.launch_arguments.begin(), marble.launch_arguments.end());
  return words;
}

std::string AgentCopyJson(const Configuration& configuration) {
  return CopyJson(kAgentCopyContainer, configuration.agent.image, kAgentVolume, kAgentFolder,
                  configuration);
}

std::string SimulationCopyJson(const Configuration& configuration) {
  return CopyJson(kSimulationContainer, configuration.simulation.image, kSimulationVolume,
                  kSimulationFolder, configuration);
}

std::string AgentJson(const AgentContainer& agent, const Marble& marble,
                      const Configuration& configuration) {
  JsonWriter writer;
  Begin(writer, kAgentContainer, configuration.agent.image, {agent.user, agent.group}, agent.limits,
        configuration);
  writer.Key("command").Raw(QuotedArray(AgentCommand(marble, configuration)));
  writer.Key("env").Array();
  for (const std::string& variable : agent.env) writer.Raw(variable);
  writer.End().Key("volumeMounts").Array();
  writer.Raw(MountJson(kFilesVolume, configuration.agent.files_folder, false));
  writer.Raw(MountJson(kUuidVolume, agent.uuid_folder, false));
  if (marble.tee == Tee::kSim) writer.Raw(MountJson(kSimulationVolume, kSimulationFolder, true));
  writer.End();
  if (marble.mode == Mode::kSidecar) {
    // The pod's other containers wait until what they need is laid out.
    writer.Key("restartPolicy").String("Always").Key("startupProbe").Object();
    std::vector<std::string> ready = configuration.agent.ready;
    ready.insert(ready.end(), {"--config", marble.agent_config});
    writer.Key("exec").Object().Key("command").Raw(QuotedArray(ready)).End();
    writer.Key("periodSeconds").Int(1).Key("failureThreshold").Int(600).End();
  }
  return std::move(writer.End()).Finish();
}

}  // namespace strongroom::webhook
