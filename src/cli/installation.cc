#include "cli/installation.h"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

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
    Advice{"Insufficient sgx",
           "strongroom precheck (no node has that much enclave memory free; "
           "--simulation does without)"},
    Advice{"Insufficient kubernetes.azure.com/sgx", "strongroom precheck"},
    Advice{"Insufficient alibabacloud.com/sgx", "strongroom precheck"},
    Advice{"Insufficient", "kubectl describe nodes (there is not enough room for the pod)"},
    Advice{"unbound immediate PersistentVolumeClaims",
           "kubectl get storageclass (a default one is needed, or "
           "coordinator.persistence.storageClass)"},
    Advice{"untolerated taint",
           "kubectl describe nodes (name the taint in coordinator.tolerations)"},
    Advice{"exceeded quota",
           "kubectl -n {ns} describe resourcequota (raise it, or set smaller resources)"},
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

std::string AdviceFor(std::string_view said, std::string_view name_space, std::string otherwise) {
  const auto* found = std::ranges::find_if(
      kAdvice, [&](const Advice& advice) { return Contains(said, advice.said); });
  std::string next = found == kAdvice.end() ? std::move(otherwise) : std::string(found->next);
  if (const auto at = next.find("{ns}"); at != std::string::npos) next.replace(at, 4, name_space);
  return next;
}

// What is known about the objects of one namespace.
struct Reader {
  const Json& list;
  std::string_view name_space;
  std::map<std::string, std::vector<const Json*>, std::less<>> events = {};  // by object's name
  Installation out = {};

  void Add(std::string object, std::string why, std::string next, bool heals = true) {
    out.problems.push_back({.object = std::move(object),
                            .why = std::move(why),
                            .next = std::move(next),
                            .heals = heals});
  }
  std::string Ask(std::string_view command) const {
    return fmt::format("kubectl -n {} {}", name_space, command);
  }

  void Read();
  void ReadDeployment(const Json& deployment);
  void ReadReplicaSet(const Json& set);
  void ReadPod(const Json& pod);
  bool ReadContainer(const Json& pod, const Json& status);
  bool ReadEvents(const std::string& object, const std::string& name);
  void ReadClaim(const Json& claim);
};

void Reader::Read() {
  for (const Json& item : ItemsAt(list, {"items"})) {
    if (TextAt(item, {"kind"}) != "Event" || TextAt(item, {"type"}) != "Warning") continue;
    events[TextAt(item, {"involvedObject", "name"})].push_back(&item);
  }
  for (const Json& item : ItemsAt(list, {"items"})) {
    const std::string kind = TextAt(item, {"kind"});
    if (kind == "Event" || !IsOurs(item)) continue;
    if (kind == "Deployment") ReadDeployment(item);
    if (kind == "ReplicaSet") ReadReplicaSet(item);
    if (kind == "Pod") ReadPod(item);
    if (kind == "PersistentVolumeClaim") ReadClaim(item);
  }
}

void Reader::ReadDeployment(const Json& deployment) {
  const bool seen = NumberAt(deployment, {"status", "observedGeneration"}) >=
                    NumberAt(deployment, {"metadata", "generation"});
  const std::int64_t wanted = NumberAt(deployment, {"spec", "replicas"});
  const bool replacing = NumberAt(deployment, {"status", "updatedReplicas"}) < wanted ||
                         NumberAt(deployment, {"status", "replicas"}) > wanted;
  const std::int64_t available =
      seen && !replacing ? NumberAt(deployment, {"status", "availableReplicas"}) : 0;
  out.parts.push_back({.name = TextAt(deployment, {"metadata", "labels", "app.kubernetes.io/name"}),
                       .available = available,
                       .wanted = wanted});
  if (TextAt(deployment, {"spec", "template", "metadata", "labels", "strongroom.dev/tee"}) == "sim")
    out.simulated = true;
}

void Reader::ReadReplicaSet(const Json& set) {
  if (NumberAt(set, {"spec", "replicas"}) == 0) return;
  for (const Json& condition : ItemsAt(set, {"status", "conditions"})) {
    if (TextAt(condition, {"type"}) != "ReplicaFailure" || TextAt(condition, {"status"}) != "True")
      continue;
    const std::string why = TextAt(condition, {"message"});
    Add("replicaset " + NameOf(set), why,
        AdviceFor(why, name_space, Ask("describe replicaset " + NameOf(set))), false);
  }
}

bool Reader::ReadEvents(const std::string& object, const std::string& name) {
  const auto found = events.find(name);
  if (found == events.end()) return false;
  const Json& last = *found->second.back();
  const std::string why = TextAt(last, {"message"});
  Add(object, fmt::format("{}: {}", TextAt(last, {"reason"}), why),
      AdviceFor(why, name_space, Ask("describe " + object)));
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
    return Add(object, "no node takes it: " + why,
               AdviceFor(why, name_space, Ask("describe " + object)));
  }
  for (const auto* list_name : {"initContainerStatuses", "containerStatuses"}) {
    for (const Json& status : ItemsAt(pod, {"status", list_name})) {
      if (ReadContainer(pod, status)) return;
    }
  }
  if (ReadEvents(object, NameOf(pod))) return;
  Add(object, "is not ready yet", Ask("logs " + NameOf(pod)));
}

// Whether a container says why its pod is not ready.
bool Reader::ReadContainer(const Json& pod, const Json& status) {
  const std::string object =
      fmt::format("pod {}, container {}", NameOf(pod), TextAt(status, {"name"}));
  const std::string waiting = TextAt(status, {"state", "waiting", "reason"});
  if (waiting.contains("Image")) {
    const std::string said = TextAt(status, {"state", "waiting", "message"});
    Add(object,
        fmt::format("image {} is not there: {}", TextAt(status, {"image"}),
                    said.empty() ? waiting : said),
        "tools/images --load brings it to a test node; --registry names the registry that has it",
        waiting == "ErrImagePull");
    return true;
  }
  for (const auto* state : {"state", "lastState"}) {
    const Json* ended = At(status, {state, "terminated"});
    if (ended == nullptr || NumberAt(*ended, {"exitCode"}) == 0) continue;
    const bool repeated = NumberAt(status, {"restartCount"}) > 1;
    Add(object,
        fmt::format("ended with {} ({})", NumberAt(*ended, {"exitCode"}),
                    TextAt(*ended, {"reason"})),
        Ask(fmt::format("logs {} -c {}{}", NameOf(pod), TextAt(status, {"name"}),
                        std::string_view(state) == "state" ? "" : " --previous")),
        !repeated);
    return true;
  }
  if (waiting == "CreateContainerConfigError" || waiting == "CreateContainerError" ||
      waiting == "RunContainerError") {
    const std::string said = TextAt(status, {"state", "waiting", "message"});
    Add(object, said, AdviceFor(said, name_space, Ask("describe pod " + NameOf(pod))));
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

Result<Installation> ReadInstallation(const Json& list, std::string_view name_space) {
  ASSIGN_OR_RETURN(const Json* items, list.Get("items"));
  if (!items->IsArray()) return Malformed("items is no array, wanted a list of objects");
  Reader reader{.list = list, .name_space = name_space};
  reader.Read();
  std::ranges::sort(reader.out.parts, {}, &Part::name);
  return std::move(reader.out);
}

}  // namespace strongroom::cli
