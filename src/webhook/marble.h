#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "webhook/config.h"
#include "webhook/pod.h"

namespace strongroom::webhook {

// Our labels and annotations.
namespace ours {
inline constexpr std::string_view kMarble = "strongroom.dev/marble";
inline constexpr std::string_view kContainer = "strongroom.dev/container";
inline constexpr std::string_view kMode = "strongroom.dev/mode";
inline constexpr std::string_view kTee = "strongroom.dev/tee";
inline constexpr std::string_view kEpc = "strongroom.dev/epc";
inline constexpr std::string_view kContainers = "strongroom.dev/containers";
inline constexpr std::string_view kRuntimeClass = "strongroom.dev/runtime-class";
inline constexpr std::string_view kGpus = "strongroom.dev/gpus";
inline constexpr std::string_view kQuoteProvider = "strongroom.dev/quote-provider";
inline constexpr std::string_view kDnsNames = "strongroom.dev/dns-names";
inline constexpr std::string_view kLaunch = "strongroom.dev/launch";
inline constexpr std::string_view kLaunchArguments = "strongroom.dev/launch-arguments";
inline constexpr std::string_view kAgentConfig = "strongroom.dev/agent-config";
}  // namespace ours

// MarbleRun's labels.
namespace marblerun {
inline constexpr std::string_view kType = "marblerun/marbletype";
inline constexpr std::string_view kContainer = "marblerun/marblecontainer";
inline constexpr std::string_view kResources = "marblerun/resource-injection";
}  // namespace marblerun

enum class Dialect : std::uint8_t { kStrongroom, kMarbleRun };

// What a pod asks for by its labels and annotations, with the configuration's defaults. Views live
// as long as the pod's document.
struct Marble {
  Dialect dialect = Dialect::kStrongroom;
  std::string_view type = {};
  std::vector<const Container*> containers = {};  // those that run the marble; never empty
  bool container_was_found = false;               // not named by the pod: the only candidate
  Tee tee = Tee::kSgx;
  std::optional<Mode> mode = std::nullopt;  // none: no agent is added (MarbleRun's marbles)
  bool resources = true;
  std::string epc = {};  // a quantity
  QuoteProvider quote_provider = QuoteProvider::kInProcess;
  std::string runtime_class = {};  // empty: none is wanted
  unsigned gpus = 0;
  std::string dns_names = {};
  std::string launch = {};                         // simulation: path of the launch description
  std::vector<std::string> launch_arguments = {};  // simulation: after it
  std::string agent_config = {};
};

// Whether the pod has a marble label of either dialect.
bool IsMarble(const Pod& pod);

// None when the pod has no marble label. kMalformed: a label or annotation has a value that means
// nothing; kDenied: it asks for what this installation does not give; kConflict: labels that
// contradict each other. Every message names the label.
Result<std::optional<Marble>> ReadMarble(const Pod& pod, std::string_view name_space,
                                         const Configuration& configuration);

}  // namespace strongroom::webhook
