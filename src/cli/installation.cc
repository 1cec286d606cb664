#include "cli/installation.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/object_fields.h"

namespace strongroom::cli {
namespace {

bool Contains(std::string_view text, std::string_view part) { return text.contains(part); }

bool IsOurs(const Json& object) {
  return TextAt(object, {"metadata", "labels", "app.kubernetes.io/instance"}) == kRelease &&
         TextAt(object, {"metadata", "labels", "app.kubernetes.io/part-of"}) == "strongroom";
}

// What to do about something the cluster said, told by a word of it; the first that fits.
struct Advice {
  std::string_view said;
  std::string_view next;
};
constexpr std::array kAdvice = {
    Advice{"Insufficient", "kubectl describe nodes (there is not enough room for the pod)"},
    Advice{"node affinity/selector",
           "kubectl get nodes --show-labels (no node has what coordinator.nodeSelector, "
           "webhook.nodeSelector or the runtime class ask for)"},
    Advice{"unbound immediate PersistentVolumeClaims",
           "kubectl get storageclass (a default one is needed, or "
           "coordinator.persistence.storageClass)"},
    Advice{"untolerated taint",
           "kubectl describe nodes (name the taint in coordinator.tolerations)"},
    Advice{"exceeded quota",
           "kubectl -n {ns} describe resourcequota (raise it, or set smaller resources)"},
    Advice{"failed quota",
           "kubectl -n {ns} describe resourcequota (it wants a resource that the pods do not name: "
           "--set coordinator.resources and webhook.resources)"},
    Advice{"violates PodSecurity",
           "kubectl get namespace {ns} -o yaml (the pods pass \"restricted\"; "
           "a mutating webhook of the cluster may have changed them)"},
    Advice{"failed calling webhook",
           "kubectl get mutatingwebhookconfigurations (another webhook of the cluster does not "
           "answer)"},
    Advice{"no runtime for",
           "kubectl get runtimeclass (Confidential Containers must be installed on the nodes)"},
    Advice{"RuntimeClass", "kubectl get runtimeclass (Confidential Containers must be installed)"},
    Advice{
        "secret \"strongroom-webhook-tls\" not found",
        "kubectl -n {ns} describe certificate strongroom-webhook (cert-manager has not issued it; "
        "--set webhook.tls.mode=self does without)"},
    Advice{
        "secret \"",
        "kubectl -n {ns} get secrets (the one that webhook.tls.existingSecret names is missing)"},
    Advice{"no persistent volumes available", "kubectl get storageclass,persistentvolume"},
    Advice{"storageclass", "kubectl get storageclass"},
};

// Reasons of events by which an autoscaler says that it makes room: Kubernetes' own, Karpenter.
constexpr std::array kRoomIsMade = {"TriggeredScaleUp", "Nominated"};

// An extended resource that a pod asks for and no node has: a device plugin's.
bool LacksDevice(std::string_view said) {
  constexpr std::string_view kInsufficient = "Insufficient ";
  for (auto at = said.find(kInsufficient); at != said.npos; at = said.find(kInsufficient, at + 1)) {
    const std::string_view resource = said.substr(at + kInsufficient.size());
    if (Contains(resource.substr(0, resource.find_first_of(" ,")), "/")) return true;
  }
  return false;
}

// What is known about the objects of one namespace.
struct Reader {
  const Json& list;
  const Kubectl& kubectl;
  std::map<std::string, std::vector<const Json*>, std::less<>> events = {};  // by object's name
  std::set<std::string, std::less<>> awaited = {};  // pods that an autoscaler makes room for
  std::map<std::string, std::string, std::less<>> services = {};  // name to the part it leads to
  Installation out = {};

  void Add(Problem problem) { out.problems.push_back(std::move(problem)); }
  std::string Advise(std::string_view said, std::string otherwise) const;

  void Read();
  void ReadEvent(const Json& event);
  void ReadObject(const Json& object);
  void ReadDeployment(const Json& deployment);
  void FindMissing();
  void ReadReplicaSet(const Json& set);
  void ReadPod(const Json& pod);
  bool ReadContainer(const Json& pod, const Json& status);
  bool ReadEvents(const std::string& object, const std::string& name);
  void ReadClaim(const Json& claim);
};

std::string Reader::Advise(std::string_view said, std::string otherwise) const {
  if (LacksDevice(said))
    return "strongroom precheck (no node offers that much of it; --simulation does without)";
  const auto* found = std::ranges::find_if(
      kAdvice, [&](const Advice& advice) { return Contains(said, advice.said); });
  if (found == kAdvice.end()) return otherwise;
  std::string next(found->next);
  if (const auto at = next.find("{ns}"); at != std::string::npos)
    next.replace(at, 4, kubectl.name_space());
  if (!kubectl.context().empty() && next.starts_with("kubectl "))
    next.insert(8, fmt::format("--context {} ", kubectl.context()));
  return next;
}

void Reader::Read() {
  for (const Json& item : ItemsAt(list, {"items"})) {
    if (TextAt(item, {"kind"}) == "Event") ReadEvent(item);
  }
  for (const Json& item : ItemsAt(list, {"items"})) {
    if (TextAt(item, {"kind"}) != "Event" && IsOurs(item)) ReadObject(item);
  }
  // What is left then is about pods that are being replaced.
  if (out.ready()) out.problems.clear();
  FindMissing();
  std::ranges::sort(out.parts, {}, &Part::name);
}

void Reader::ReadEvent(const Json& event) {
  const std::string object = TextAt(event, {"involvedObject", "name"});
  if (std::ranges::find(kRoomIsMade, TextAt(event, {"reason"})) != kRoomIsMade.end())
    awaited.insert(object);
  if (TextAt(event, {"type"}) == "Warning") events[object].push_back(&event);
}

void Reader::ReadObject(const Json& object) {
  const std::string kind = TextAt(object, {"kind"});
  if (kind == "Deployment") ReadDeployment(object);
  if (kind == "ReplicaSet") ReadReplicaSet(object);
  if (kind == "Pod") ReadPod(object);
  if (kind == "PersistentVolumeClaim") ReadClaim(object);
  if (kind == "Service")
    services[NameOf(object)] = TextAt(object, {"metadata", "labels", "app.kubernetes.io/name"});
}

// A Service whose Deployment is gone, and the Services by which everybody reaches the coordinator.
void Reader::FindMissing() {
  const auto missing = [&](std::string object, std::string why) {
    Add({.object = std::move(object),
         .why = std::move(why),
         .next = fmt::format("strongroom install{}, with the flags of before", kubectl.Flags()),
         .heals = false});
  };
  for (const auto& [service, part] : services) {
    if (std::ranges::find(out.parts, part, &Part::name) != out.parts.end()) continue;
    out.parts.push_back({.name = part, .available = 0, .wanted = 1});
    missing("deployment of the " + part,
            fmt::format("is not there, though service {} leads to it", service));
  }
  if (std::ranges::find(out.parts, "coordinator", &Part::name) == out.parts.end()) return;
  for (const auto* service : {"coordinator-client-api", "coordinator-mesh-api"}) {
    if (!services.contains(service))
      missing(fmt::format("service {}", service), "is not there: nobody reaches the coordinator");
  }
}

void Reader::ReadDeployment(const Json& deployment) {
  const bool seen = NumberAt(deployment, {"status", "observedGeneration"}) >=
                    NumberAt(deployment, {"metadata", "generation"});
  const std::int64_t replicas = NumberAt(deployment, {"spec", "replicas"});
  const std::int64_t wanted = std::max<std::int64_t>(replicas, 1);
  const bool replacing = NumberAt(deployment, {"status", "updatedReplicas"}) < wanted ||
                         NumberAt(deployment, {"status", "replicas"}) > wanted;
  const std::int64_t available =
      seen && !replacing ? NumberAt(deployment, {"status", "availableReplicas"}) : 0;
  out.parts.push_back({.name = TextAt(deployment, {"metadata", "labels", "app.kubernetes.io/name"}),
                       .available = available,
                       .wanted = wanted});
  if (replicas == 0) {
    const std::string object = "deployment " + NameOf(deployment);
    Add({.object = object,
         .why = "is scaled to 0, wanted at least 1",
         .next = kubectl.Typed(fmt::format("scale {} --replicas=1", object)),
         .heals = false});
  }
  if (TextAt(deployment, {"spec", "template", "metadata", "labels", "strongroom.dev/tee"}) == "sim")
    out.simulated = true;
}

void Reader::ReadReplicaSet(const Json& set) {
  if (NumberAt(set, {"spec", "replicas"}) == 0) return;
  for (const Json& condition : ItemsAt(set, {"status", "conditions"})) {
    if (TextAt(condition, {"type"}) != "ReplicaFailure" || TextAt(condition, {"status"}) != "True")
      continue;
    const std::string why = TextAt(condition, {"message"});
    const std::string object = "replicaset " + NameOf(set);
    Add({.object = object,
         .why = why,
         .next = Advise(why, kubectl.Typed("describe " + object)),
         .heals = false});
  }
}

// A Secret that is not there before the chart is, where nobody issues it.
bool IsMissingSecret(std::string_view said) {
  return Contains(said, "secret \"") && Contains(said, "\" not found") &&
         !Contains(said, "strongroom-webhook-tls");
}

bool Reader::ReadEvents(const std::string& object, const std::string& name) {
  const auto found = events.find(name);
  if (found == events.end()) return false;
  const Json& last = *found->second.back();
  const std::string reason = TextAt(last, {"reason"}), why = TextAt(last, {"message"});
  // A probe's status says nothing about why: the program's log does.
  const bool probed = reason == "Unhealthy";
  Add({.object = object,
       .why = fmt::format("{}: {}", reason, why),
       .next = Advise(why, kubectl.Typed(probed ? "logs " + name : "describe " + object)),
       .heals = !IsMissingSecret(why),
       .log = probed ? std::vector<std::string>{name} : std::vector<std::string>()});
  return true;
}

void Reader::ReadClaim(const Json& claim) {
  // Waiting for its first consumer is no fault; a failure to provision is in the events.
  if (TextAt(claim, {"status", "phase"}) != "Bound")
    ReadEvents("persistentvolumeclaim " + NameOf(claim), NameOf(claim));
}

bool IsReady(const Json& pod) {
  return std::ranges::any_of(ItemsAt(pod, {"status", "conditions"}), [](const Json& condition) {
    return TextAt(condition, {"type"}) == "Ready" && TextAt(condition, {"status"}) == "True";
  });
}

void Reader::ReadPod(const Json& pod) {
  if (IsReady(pod) || At(pod, {"metadata", "deletionTimestamp"}) != nullptr) return;
  const std::string object = "pod " + NameOf(pod);
  for (const Json& condition : ItemsAt(pod, {"status", "conditions"})) {
    if (TextAt(condition, {"type"}) != "PodScheduled" || TextAt(condition, {"status"}) != "False")
      continue;
    const std::string why = TextAt(condition, {"message"});
    const bool too_little = Contains(why, "Insufficient ") || Contains(why, "affinity/selector");
    return Add({.object = object,
                .why = "no node takes it: " + why,
                .next = Advise(why, kubectl.Typed("describe " + object)),
                .heals = !too_little || awaited.contains(NameOf(pod))});
  }
  for (const auto* list_name : {"initContainerStatuses", "containerStatuses"}) {
    for (const Json& status : ItemsAt(pod, {"status", list_name})) {
      if (ReadContainer(pod, status)) return;
    }
  }
  if (ReadEvents(object, NameOf(pod))) return;
  Add({.object = object,
       .why = "is not ready yet",
       .next = kubectl.Typed("logs " + NameOf(pod)),
       .log = {NameOf(pod)}});
}

// Whether a container says why its pod is not ready.
bool Reader::ReadContainer(const Json& pod, const Json& status) {
  const std::string object =
      fmt::format("pod {}, container {}", NameOf(pod), TextAt(status, {"name"}));
  const std::string waiting = TextAt(status, {"state", "waiting", "reason"});
  if (waiting == "ErrImageNeverPull") {  // names under localhost/ are of no registry
    const std::string node = TextAt(pod, {"spec", "nodeName"});
    Add({.object = object,
         .why = fmt::format("image {} is not there: nobody loaded it into node{}, and it is pulled "
                            "from nowhere",
                            TextAt(status, {"image"}), node.empty() ? "" : " " + node),
         .next = "tools/images --load brings it to a test node; load it into every node of others, "
                 "or name the registry that has it: --registry, or --set image.registry",
         .heals = false});
    return true;
  }
  if (waiting.contains("Image")) {
    const std::string said = TextAt(status, {"state", "waiting", "message"});
    Add({.object = object,
         .why = fmt::format("image {} is not there: {}", TextAt(status, {"image"}),
                            said.empty() ? waiting : said),
         .next = "tools/images --load brings it to a test node; --registry names the registry that "
                 "has it, --image-tag its tag",
         .heals = false});
    return true;
  }
  for (const auto* state : {"state", "lastState"}) {
    const Json* ended = At(status, {state, "terminated"});
    if (ended == nullptr || NumberAt(*ended, {"exitCode"}) == 0) continue;
    const bool repeated = NumberAt(status, {"restartCount"}) > 1;
    std::vector<std::string> log = {NameOf(pod), "-c", TextAt(status, {"name"})};
    if (std::string_view(state) == "lastState") log.emplace_back("--previous");
    Add({.object = object,
         .why = fmt::format("ended with {} ({})", NumberAt(*ended, {"exitCode"}),
                            TextAt(*ended, {"reason"})),
         .next = kubectl.Typed(fmt::format("logs {}", fmt::join(log, " "))),
         .heals = !repeated,
         .log = std::move(log)});
    return true;
  }
  if (waiting == "CreateContainerConfigError" || waiting == "CreateContainerError" ||
      waiting == "RunContainerError") {
    const std::string said = TextAt(status, {"state", "waiting", "message"});
    Add({.object = object,
         .why = said,
         .next = Advise(said, kubectl.Typed("describe pod " + NameOf(pod))),
         .heals = !IsMissingSecret(said)});
    return true;
  }
  return false;
}

}  // namespace

bool Installation::ready() const {
  return !parts.empty() &&
         std::ranges::all_of(parts, [](const Part& part) { return part.available >= part.wanted; });
}

std::string Installation::Summary() const {
  std::string text;
  for (const Part& part : parts) {
    text +=
        fmt::format("{}{} {}/{}", text.empty() ? "" : ", ", part.name, part.available, part.wanted);
  }
  return text;
}

Result<Installation> ReadInstallation(const Json& list, const Kubectl& kubectl) {
  ASSIGN_OR_RETURN(const Json* items, list.Get("items"));
  if (!items->IsArray()) return Malformed("items is no array, wanted a list of objects");
  Reader reader{.list = list, .kubectl = kubectl};
  reader.Read();
  return std::move(reader.out);
}

}  // namespace strongroom::cli
