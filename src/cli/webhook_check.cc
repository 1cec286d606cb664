#include "cli/webhook_check.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/files.h"
#include "cli/object_fields.h"

namespace strongroom::cli {
namespace {

constexpr std::string_view kRefusal = "failed calling webhook ";

// A marble of no manifest. Its image is never looked at.
constexpr std::string_view kMarble = R"({"apiVersion":"v1","kind":"Pod",
  "metadata":{"name":"strongroom-check","labels":{"strongroom.dev/marble":"check"}},
  "spec":{"containers":[{"name":"check","image":"strongroom/check"}]}})";

// What our policy for final states says of a marble that the webhook has not changed.
constexpr std::string_view kUnseen = "the webhook did not see this pod";

// What the webhook gives every marble, in one container or another.
constexpr std::string_view kGiven = "EDG_MARBLE_TYPE";

constexpr JsonLimits kPodLimits{.max_bytes = 1 << 20, .max_depth = 64, .max_values = 100'000};

std::string Registration(const Json& item) {
  return "mutatingwebhookconfiguration " + NameOf(item);
}

// The registration of the place's webhook among those of all our installations.
const Json* Registered(const Json& list, const Kubectl& kubectl) {
  for (const Json& item : ItemsAt(list, {"items"})) {
    for (const Json& webhook : ItemsAt(item, {"webhooks"})) {
      if (TextAt(webhook, {"clientConfig", "service", "namespace"}) == kubectl.name_space())
        return &item;
    }
  }
  return nullptr;
}

std::optional<Problem> ProblemOf(const Json* registration, const Kubectl& kubectl) {
  if (registration == nullptr) {
    return Problem{
        .object = "the webhook's mutatingwebhookconfiguration",
        .why = "is not there: labelled pods get no agent",
        .next = fmt::format("strongroom install{}, with the flags of before", kubectl.Flags()),
        .heals = false};
  }
  const auto& webhooks = ItemsAt(*registration, {"webhooks"});
  if (std::ranges::all_of(webhooks, [](const Json& webhook) {
        return !TextAt(webhook, {"clientConfig", "caBundle"}).empty();
      })) {
    return std::nullopt;
  }
  const bool ignored = std::ranges::all_of(
      webhooks, [](const Json& webhook) { return TextAt(webhook, {"failurePolicy"}) == "Ignore"; });
  return Problem{.object = Registration(*registration),
                 .why = fmt::format("the webhook's certificate authority is not in it yet, so {}",
                                    ignored ? "labelled pods get no agent"
                                            : "the API server refuses labelled pods"),
                 .next = kubectl.Typed("logs deployment/strongroom-webhook")};
}

// Not the webhook's own namespace, whose pods it never sees.
std::string_view Elsewhere(const Kubectl& kubectl) {
  return kubectl.name_space() == "default" ? "kube-public" : "default";
}

// Whether the API server asks one of the registration's webhooks about any pod of `name_space`:
// nobody narrowed its selector, which leaves only namespaces out by their names.
bool LooksInto(const Json& registration, std::string_view name_space) {
  const auto leaves_in = [&](const Json& expression) {
    return TextAt(expression, {"key"}) == "kubernetes.io/metadata.name" &&
           TextAt(expression, {"operator"}) == "NotIn" &&
           std::ranges::none_of(ItemsAt(expression, {"values"}), [&](const Json& value) {
             return value.String().value_or("") == name_space;
           });
  };
  return std::ranges::any_of(ItemsAt(registration, {"webhooks"}), [&](const Json& webhook) {
    const Json* labels = At(webhook, {"namespaceSelector", "matchLabels"});
    return (labels == nullptr || labels->members().empty()) &&
           std::ranges::all_of(ItemsAt(webhook, {"namespaceSelector", "matchExpressions"}),
                               leaves_in);
  });
}

bool WasGivenItsEnvironment(const Json& pod) {
  for (const auto* list : {"initContainers", "containers"}) {
    for (const Json& container : ItemsAt(pod, {"spec", list})) {
      if (std::ranges::any_of(ItemsAt(container, {"env"}), [](const Json& variable) {
            return TextAt(variable, {"name"}) == kGiven;
          }))
        return true;
    }
  }
  return false;
}

// What the API server would do with a labelled pod.
struct Answer {
  std::string refusal = {};  // what it says about `service`, whose webhook it could not call
  bool unasked = false;      // it would take the pod as it came
  bool unseen = false;       // it would not, because it did not ask
};

Result<Answer> AskForMarble(const Kubectl& kubectl, const std::string& service) {
  const Kubectl elsewhere(kubectl.context(), std::string(Elsewhere(kubectl)));
  ASSIGN_OR_RETURN(const TemporaryFolder folder, TemporaryFolder::Make("strongroom-check"));
  const std::string file = (folder.path() / "pod.json").string();
  RETURN_IF_ERROR(WriteFileAtomic(file, AsBytes(kMarble), 0600));
  const auto made = elsewhere.Run({"create", "--dry-run=server", "-o", "json", "-f", file});
  if (made.has_value()) {
    ASSIGN_OR_RETURN(const JsonDocument pod,
                     In("kubectl create", JsonDocument::Parse(*made, kPodLimits)));
    return Answer{.unasked = !WasGivenItsEnvironment(pod.root())};
  }
  if (made.error().code() == Code::kCancelled) return std::unexpected(made.error());
  const std::string& said = made.error().message();
  if (said.contains(kUnseen)) return Answer{.unseen = true};
  const auto at = said.find(kRefusal);
  const bool ours = said.contains(fmt::format("//{}.{}.svc", service, kubectl.name_space()));
  // Another installation's webhook may be asked first, or a policy may forbid the pod.
  if (at == std::string::npos || !ours) return std::unexpected(made.error());
  return Answer{.refusal = said.substr(at)};
}

// It could not be called and its policy is to let pods through: the reason is in no answer.
Problem Unasked(const Json& registration, const Kubectl& kubectl) {
  return {.object = Registration(registration),
          .why = "the API server does not call it: labelled pods get no agent",
          .next = fmt::format("strongroom install{}, with the flags of before and --set "
                              "webhook.failurePolicy=Fail, says why (webhook.tls.caBundle is of "
                              "another authority, or a "
                              "network policy keeps the API server from port 8443)",
                              kubectl.Flags()),
          .heals = false};
}

Problem Unseen(const Json& registration, const Kubectl& kubectl) {
  return {
      .object = Registration(registration),
      .why = "the API server does not call it and refuses labelled pods for that: it was changed",
      .next = fmt::format("strongroom install{}, with the flags of before", kubectl.Flags()),
      .heals = false};
}

Problem Uncalled(const Json& registration, std::string why, const Kubectl& kubectl) {
  const bool certificate = why.contains("x509:");
  return {.object = Registration(registration),
          .why = "the API server cannot call the webhook, so it refuses labelled pods: " +
                 std::move(why),
          .next = certificate
                      ? fmt::format("strongroom install{} with webhook.tls.caBundle of the "
                                    "authority that signed the certificate in "
                                    "webhook.tls.existingSecret, or without webhook.tls",
                                    kubectl.Flags())
                      : kubectl.Typed("get endpointslices,networkpolicies (the API server must "
                                      "reach port 8443 of the webhook's pods)"),
          .heals = !certificate};
}

}  // namespace

Result<std::optional<Problem>> FindWebhookProblem(const Kubectl& kubectl) {
  ASSIGN_OR_RETURN(const JsonDocument list,
                   kubectl.Get({"mutatingwebhookconfigurations", "--selector",
                                "app.kubernetes.io/instance=strongroom,app.kubernetes.io/"
                                "part-of=strongroom"}));
  const Json* registration = Registered(list.root(), kubectl);
  if (auto problem = ProblemOf(registration, kubectl)) return problem;
  const std::string service =
      TextAt(ItemsAt(*registration, {"webhooks"}).front(), {"clientConfig", "service", "name"});
  ASSIGN_OR_RETURN(Answer answer, AskForMarble(kubectl, service));
  if (!answer.refusal.empty()) return Uncalled(*registration, std::move(answer.refusal), kubectl);
  if (answer.unseen) return Unseen(*registration, kubectl);
  if (answer.unasked && LooksInto(*registration, Elsewhere(kubectl)))
    return Unasked(*registration, kubectl);
  return std::nullopt;
}

}  // namespace strongroom::cli
