#include "webhook/marble.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "webhook/quantity.h"

namespace strongroom::webhook {
namespace {

constexpr std::string_view kDefaultContainer = "kubectl.kubernetes.io/default-container";
constexpr std::string_view kIntelQuoteProvider = "sgx.intel.com/quote-provider";
constexpr std::size_t kMaxType = 63;  // as long as a label's value may be
constexpr std::size_t kMaxWords = 64;
constexpr unsigned kMaxGpus = 64;

// The characters of a label's value. The API server checks labels, but this becomes part of paths.
bool IsLabelValue(std::string_view text) {
  return !text.empty() && text.size() <= kMaxType &&
         std::ranges::all_of(text,
                             [](char c) {
                               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                      (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
                             }) &&
         text.front() != '.' && text.back() != '.';
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::size_t end = text.find(separator);
    if (const std::string_view part = text.substr(0, end); !part.empty()) out.push_back(part);
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return out;
}

std::string Lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

// `text` with the first `what` exchanged.
std::string Replaced(std::string text, std::string_view what, std::string_view with) {
  if (const std::size_t at = text.find(what); at != std::string::npos)
    text.replace(at, what.size(), with);
  return text;
}

class MarbleReader {
 public:
  MarbleReader(const Pod& pod, std::string_view name_space, const Configuration& configuration)
      : pod_(pod),
        name_space_(name_space.empty() ? "default" : name_space),
        configuration_(configuration) {}

  Result<Marble> Read() {
    RETURN_IF_ERROR(ReadType());
    RETURN_IF_ERROR(ReadDnsNames());
    RETURN_IF_ERROR(ReadEpc());
    if (marble_.dialect == Dialect::kMarbleRun) {
      RETURN_IF_ERROR(ReadMarbleRun());
    } else {
      RETURN_IF_ERROR(ReadOurs());
    }
    return std::move(marble_);
  }

 private:
  Status ReadType() {
    const auto our_type = pod_.Label(ours::kMarble);
    const auto their_type = pod_.Label(marblerun::kType);
    if (our_type && their_type)
      return Conflict(fmt::format("the pod has the labels {} and {}, wanted one of them",
                                  ours::kMarble, marblerun::kType));
    marble_.dialect = our_type ? Dialect::kStrongroom : Dialect::kMarbleRun;
    marble_.type = our_type ? *our_type : *their_type;
    const std::string_view label = our_type ? ours::kMarble : marblerun::kType;
    if (marble_.type.empty())
      return Malformed(fmt::format("label {} is empty, wanted the marble's name", label));
    if (!IsLabelValue(marble_.type))
      return Malformed(
          fmt::format("label {} is no name of a marble, wanted letters, digits, "
                      "hyphens, underscores and points",
                      label));
    return {};
  }

  Status ReadDnsNames() {
    if (const auto names = pod_.Annotation(ours::kDnsNames); names && !names->empty()) {
      marble_.dns_names = *names;
      return {};
    }
    marble_.dns_names = Lower(fmt::format("{0},{0}.{1},{0}.{1}.svc.{2}", marble_.type, name_space_,
                                          configuration_.cluster_domain));
    return {};
  }

  Status ReadEpc() {
    const auto label = pod_.Label(ours::kEpc);
    marble_.epc = label ? std::string(*label) : configuration_.epc;
    if (const auto size = ParseBytes(marble_.epc); !size.has_value())
      return std::unexpected(size.error().In(ours::kEpc));
    return {};
  }

  Status ReadMarbleRun() {
    marble_.tee = Tee::kSgx;
    marble_.resources = pod_.Label(marblerun::kResources).value_or("") != "disabled";
    const std::string_view only = pod_.Label(marblerun::kContainer).value_or("");
    if (!only.empty()) return Select(only, marblerun::kContainer);
    for (const Container& container : pod_.containers) marble_.containers.push_back(&container);
    return {};
  }

  Status ReadOurs() {
    marble_.tee = configuration_.default_tee;
    if (const auto tee = pod_.Label(ours::kTee)) {
      ASSIGN_OR_RETURN(marble_.tee, In(ours::kTee, ParseTee(*tee)));
    }
    marble_.mode = configuration_.default_mode;
    if (const auto mode = pod_.Label(ours::kMode)) {
      ASSIGN_OR_RETURN(marble_.mode, In(ours::kMode, ParseMode(*mode)));
    }
    marble_.resources = marble_.tee == Tee::kSgx;
    RETURN_IF_ERROR(ReadQuoteProvider());
    RETURN_IF_ERROR(ReadGpus());
    RETURN_IF_ERROR(ReadRuntimeClass());
    RETURN_IF_ERROR(ReadPrograms());
    RETURN_IF_ERROR(CheckInstallation());
    return SelectOurs();
  }

  Status ReadQuoteProvider() {
    marble_.quote_provider = configuration_.quote_provider;
    if (const auto provider = pod_.Annotation(ours::kQuoteProvider)) {
      ASSIGN_OR_RETURN(marble_.quote_provider,
                       In(ours::kQuoteProvider, ParseQuoteProvider(*provider)));
    } else if (pod_.Annotation(kIntelQuoteProvider).value_or("") == "aesmd") {
      marble_.quote_provider = QuoteProvider::kAesmd;
    }
    return {};
  }

  Status ReadGpus() {
    const auto text = pod_.Annotation(ours::kGpus);
    if (!text) return {};
    const auto gpus = ParseDecimal<decltype(marble_.gpus)>(*text);
    if (!gpus || *gpus == 0 || *gpus > kMaxGpus)
      return Malformed(fmt::format("annotation {} is \"{}\", wanted 1 to {}", ours::kGpus,
                                   text->substr(0, 20), kMaxGpus));
    marble_.gpus = *gpus;
    return {};
  }

  Status ReadRuntimeClass() {
    const TeeSettings& settings = configuration_.tees.at(marble_.tee);
    marble_.runtime_class = marble_.gpus > 0 && !settings.gpu_runtime_class.empty()
                                ? settings.gpu_runtime_class
                                : settings.runtime_class;
    if (const auto asked = pod_.Annotation(ours::kRuntimeClass)) {
      if (asked->empty())
        return Malformed(fmt::format("annotation {} is empty", ours::kRuntimeClass));
      marble_.runtime_class = *asked;
    }
    return {};
  }

  Status ReadPrograms() {
    const SimulationSettings& simulation = configuration_.simulation;
    marble_.launch = marble_.mode == Mode::kLauncher
                         ? simulation.launch
                         : Replaced(simulation.launch_agent, "{mode}", ModeName(*marble_.mode));
    marble_.agent_config =
        marble_.tee == Tee::kSim ? simulation.agent_config : configuration_.agent.config;
    RETURN_IF_ERROR(ReadPath(ours::kLaunch, marble_.launch));
    RETURN_IF_ERROR(ReadPath(ours::kAgentConfig, marble_.agent_config));
    const auto words = Split(pod_.Annotation(ours::kLaunchArguments).value_or(""), ' ');
    if (words.size() > kMaxWords)
      return Malformed(fmt::format("annotation {} has {} words, wanted at most {}",
                                   ours::kLaunchArguments, words.size(), kMaxWords));
    marble_.launch_arguments.assign(words.begin(), words.end());
    return {};
  }

  Status ReadPath(std::string_view annotation, std::string& out) const {
    const auto path = pod_.Annotation(annotation);
    if (!path) return {};
    if (!path->starts_with('/'))
      return Malformed(fmt::format("annotation {} is \"{}\", wanted an absolute path", annotation,
                                   path->substr(0, 200)));
    out = *path;
    return {};
  }

  Status CheckInstallation() const {
    if (marble_.tee == Tee::kSim && configuration_.simulation.image.image.empty())
      return Denied(
          fmt::format("label {} is sim, and this installation has no simulation; wanted "
                      "sgx, tdx or snp, or an installation with simulation enabled",
                      ours::kTee));
    if (marble_.tee == Tee::kSim && marble_.launch.empty())
      return Denied(
          fmt::format("{} {} in simulation needs a launch description of the agent, wanted "
                      "simulation.launch_agent in the webhook's configuration or the "
                      "annotation {}",
                      ours::kMode, ModeName(*marble_.mode), ours::kLaunch));
    const bool copies_agent = marble_.tee == Tee::kTdx || marble_.tee == Tee::kSnp;
    const bool needs_agent =
        marble_.mode != Mode::kLauncher ||
        (copies_agent && !configuration_.tees.at(marble_.tee).launcher.empty());
    if (needs_agent && configuration_.agent.image.image.empty())
      return Denied(
          fmt::format("{} {} needs the agent's image, and the webhook's configuration "
                      "names none",
                      ours::kMode, ModeName(*marble_.mode)));
    return {};
  }

  Status SelectOurs() {
    if (const auto names = pod_.Annotation(ours::kContainers)) {
      if (pod_.Label(ours::kContainer))
        return Conflict(fmt::format("the pod has the label {} and the annotation {}, wanted one",
                                    ours::kContainer, ours::kContainers));
      for (const std::string_view name : Split(*names, ','))
        RETURN_IF_ERROR(Select(name, ours::kContainers));
      if (marble_.containers.empty())
        return Malformed(fmt::format("annotation {} names no container", ours::kContainers));
      return {};
    }
    if (const auto name = pod_.Label(ours::kContainer)) return Select(*name, ours::kContainer);
    marble_.container_was_found = true;
    if (const auto name = pod_.Annotation(kDefaultContainer))
      return Select(*name, kDefaultContainer);
    const auto is_main = [](const Container& container) { return !container.init; };
    if (const auto count = std::ranges::count_if(pod_.containers, is_main); count != 1)
      return Malformed(
          fmt::format("the pod has {} containers, wanted the label {} to name the one "
                      "that runs the marble",
                      count, ours::kContainer));
    marble_.containers.push_back(&*std::ranges::find_if(pod_.containers, is_main));
    return {};
  }

  Status Select(std::string_view name, std::string_view by) {
    const Container* container = pod_.FindContainer(name);
    if (container == nullptr)
      return Malformed(fmt::format("{} names the container \"{}\", which the pod has not", by,
                                   name.substr(0, kMaxType)));
    if (std::ranges::find(marble_.containers, container) == marble_.containers.end())
      marble_.containers.push_back(container);
    return {};
  }

  const Pod& pod_;
  std::string_view name_space_;
  const Configuration& configuration_;
  Marble marble_;
};

}  // namespace

bool IsMarble(const Pod& pod) {
  return pod.Label(ours::kMarble).has_value() || pod.Label(marblerun::kType).has_value();
}

Result<std::optional<Marble>> ReadMarble(const Pod& pod, std::string_view name_space,
                                         const Configuration& configuration) {
  if (!IsMarble(pod)) return std::nullopt;
  ASSIGN_OR_RETURN(Marble marble, MarbleReader(pod, name_space, configuration).Read());
  return marble;
}

}  // namespace strongroom::webhook
