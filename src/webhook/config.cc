#include "webhook/config.h"

#include <utility>

#include <fmt/format.h>

#include "base/json_members.h"
#include "k8s/sgx_plugins.h"
#include "webhook/quantity.h"

namespace strongroom::webhook {
namespace {

constexpr std::string_view kFormat = "strongroom-webhook/1";

Status ReadText(const Json& json, std::string& out) {
  ASSIGN_OR_RETURN(const std::string_view text, json.String());
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20)
      return Malformed(json.path() + " has a control character");
  }
  out = text;
  return {};
}

JsonReader Text(std::string& out) {
  return [&out](const Json& json) { return ReadText(json, out); };
}

JsonReader FilledText(std::string& out) {
  return [&out](const Json& json) -> Status {
    RETURN_IF_ERROR(ReadText(json, out));
    if (out.empty()) return Malformed(json.path() + " is empty");
    return {};
  };
}

JsonReader AbsolutePath(std::string& out) {
  return [&out](const Json& json) -> Status {
    RETURN_IF_ERROR(ReadText(json, out));
    if (!out.starts_with('/'))
      return Malformed(fmt::format("{} is \"{}\", wanted an absolute path", json.path(), out));
    return {};
  };
}

JsonReader AbsolutePathOrNone(std::string& out) {
  return [&out](const Json& json) -> Status {
    RETURN_IF_ERROR(ReadText(json, out));
    return out.empty() ? Status() : AbsolutePath(out)(json);
  };
}

JsonReader Texts(std::vector<std::string>& out) {
  return [&out](const Json& json) -> Status {
    if (!json.IsArray()) return Malformed(json.path() + " is no array");
    out.clear();
    for (const Json& item : json.items()) RETURN_IF_ERROR(ReadText(item, out.emplace_back()));
    return {};
  };
}

// A command: it names at least a program.
JsonReader Command(std::vector<std::string>& out) {
  return [&out](const Json& json) -> Status {
    RETURN_IF_ERROR(Texts(out)(json));
    if (out.empty() || out.front().empty()) return Malformed(json.path() + " names no program");
    return {};
  };
}

JsonReader TextMap(std::map<std::string, std::string>& out) {
  return [&out](const Json& json) -> Status {
    if (!json.IsObject()) return Malformed(json.path() + " is no object");
    out.clear();
    for (const auto& [name, value] : json.members()) RETURN_IF_ERROR(ReadText(value, out[name]));
    return {};
  };
}

template <class T>
JsonReader Word(T& out, Result<T> (*parse)(std::string_view)) {
  return [&out, parse](const Json& json) -> Status {
    ASSIGN_OR_RETURN(const std::string_view text, json.String());
    ASSIGN_OR_RETURN(out, In(json.path(), parse(text)));
    return {};
  };
}

// A resource's name: "sgx.intel.com/epc". Kubernetes wants a qualified name for what plugins offer.
JsonReader ResourceName(std::string& out) {
  return [&out](const Json& json) -> Status {
    RETURN_IF_ERROR(ReadText(json, out));
    if (!out.contains('/') || out.size() > 253 + 1 + 63)
      return Malformed(
          fmt::format("{} is \"{}\", wanted DOMAIN/NAME", json.path(), out.substr(0, 80)));
    return {};
  };
}

Status ReadUnit(const Json& json, bool& counts_mib) {
  ASSIGN_OR_RETURN(const std::string_view unit, json.String());
  if (unit != "bytes" && unit != "MiB")
    return Malformed(fmt::format("{} is \"{}\", wanted bytes or MiB", json.path(), unit));
  counts_mib = unit == "MiB";
  return {};
}

Status ReadPlugins(const Json& json, std::map<std::string, SgxPlugin>& out) {
  if (!json.IsObject()) return Malformed(json.path() + " is no object");
  for (const auto& [key, value] : json.members()) {
    SgxPlugin plugin;
    RETURN_IF_ERROR(ReadMembers(
        value, {{"enclave", ResourceName(plugin.enclave)},
                {"provision", ResourceName(plugin.provision)},
                {"unit", [&](const Json& unit) { return ReadUnit(unit, plugin.counts_mib); }}}));
    out.insert_or_assign(key, std::move(plugin));
  }
  return {};
}

Status ReadTees(const Json& json, std::map<Tee, TeeSettings>& out) {
  if (!json.IsObject()) return Malformed(json.path() + " is no object");
  for (const auto& [name, value] : json.members()) {
    ASSIGN_OR_RETURN(const Tee tee, In(json.path(), ParseTee(name)));
    TeeSettings& settings = out[tee];
    RETURN_IF_ERROR(ReadMembers(value, {{"runtime_class", Text(settings.runtime_class)},
                                        {"gpu_runtime_class", Text(settings.gpu_runtime_class)},
                                        {"node_selector", TextMap(settings.node_selector)},
                                        {"launcher", Texts(settings.launcher)}}));
  }
  return {};
}

Status ReadAgent(const Json& json, AgentSettings& out) {
  return ReadMembers(json, {{"image", FilledText(out.image.image)},
                            {"image_pull_policy", Text(out.image.pull_policy)},
                            {"copy", Command(out.image.copy)},
                            {"config", AbsolutePath(out.config)},
                            {"init", Command(out.init)},
                            {"sidecar", Command(out.sidecar)},
                            {"ready", Command(out.ready)},
                            {"files_folder", AbsolutePath(out.files_folder)}});
}

Status ReadSimulation(const Json& json, SimulationSettings& out) {
  return ReadMembers(json, {{"image", FilledText(out.image.image)},
                            {"image_pull_policy", Text(out.image.pull_policy)},
                            {"copy", Command(out.image.copy)},
                            {"launch", AbsolutePath(out.launch)},
                            {"launch_agent", AbsolutePathOrNone(out.launch_agent)},
                            {"agent_config", AbsolutePath(out.agent_config)},
                            {"run", Command(out.run)}});
}

Status ReadInjected(const Json& json, Configuration& out) {
  return ReadMembers(json, {{"requests", TextMap(out.injected_requests)},
                            {"limits", TextMap(out.injected_limits)}});
}

JsonReader Size(std::string& out) {
  return [&out](const Json& json) -> Status {
    RETURN_IF_ERROR(ReadText(json, out));
    if (const auto size = ParseBytes(out); !size.has_value())
      return std::unexpected(size.error().In(json.path()));
    return {};
  };
}

}  // namespace

SgxPlugin Configuration::plugin() const {
  const auto known = sgx_plugins.find(resource_key);
  return known != sgx_plugins.end() ? known->second : SgxPlugin{.counts_mib = true};
}

Configuration Configuration::For(std::string coordinator_address) {
  Configuration out;
  out.coordinator_address = std::move(coordinator_address);
  for (const k8s::SgxPlugin& known : k8s::kSgxPlugins) {
    out.sgx_plugins[std::string(known.epc)] = {.enclave = std::string(known.enclave),
                                               .provision = std::string(known.provision),
                                               .counts_mib = known.counts_mib};
  }
  // Inside a confidential VM the agent stands in front of the program, as it does nowhere else:
  // a Gramine image begins with it already, and the software TEE starts what its description names.
  const std::vector<std::string> agent = {"/strongroom-agent/strongroom-agent", "run", "--config",
                                          "{config}"};
  out.tees = {{Tee::kSgx, {}},
              {Tee::kTdx,
               {.runtime_class = "kata-qemu-tdx",
                .gpu_runtime_class = "kata-qemu-nvidia-gpu-tdx",
                .launcher = agent}},
              {Tee::kSnp,
               {.runtime_class = "kata-qemu-snp",
                .gpu_runtime_class = "kata-qemu-nvidia-gpu-snp",
                .launcher = agent}},
              {Tee::kSim, {}}};
  return out;
}

Result<Configuration> Configuration::Parse(std::string_view json) {
  ASSIGN_OR_RETURN(const JsonDocument document,
                   JsonDocument::Parse(json, {.max_bytes = kMaxConfigBytes, .max_depth = 8}));
  std::string format;
  Configuration out = For({});
  RETURN_IF_ERROR(ReadMembers(
      document.root(),
      {{"format", Text(format)},
       {"coordinator_address", FilledText(out.coordinator_address)},
       {"cluster_domain", FilledText(out.cluster_domain)},
       {"resource_key", ResourceName(out.resource_key)},
       {"sgx_plugins", [&](const Json& value) { return ReadPlugins(value, out.sgx_plugins); }},
       {"epc", Size(out.epc)},
       {"default_tee", Word<Tee>(out.default_tee, ParseTee)},
       {"default_mode", Word<Mode>(out.default_mode, ParseMode)},
       {"quote_provider", Word<QuoteProvider>(out.quote_provider, ParseQuoteProvider)},
       {"gpu_resource", ResourceName(out.gpu_resource)},
       {"tees", [&](const Json& value) { return ReadTees(value, out.tees); }},
       {"agent", [&](const Json& value) { return ReadAgent(value, out.agent); }},
       {"simulation", [&](const Json& value) { return ReadSimulation(value, out.simulation); }},
       {"injected_resources", [&](const Json& value) { return ReadInjected(value, out); }}}));
  if (format != kFormat)
    return Malformed(fmt::format("format is \"{}\", wanted \"{}\"", format, kFormat));
  if (out.coordinator_address.empty())
    return Malformed("coordinator_address is missing, wanted HOST:PORT of the mesh API");
  return out;
}

}  // namespace strongroom::webhook
