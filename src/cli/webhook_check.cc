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
  return Problem{.object = Registration(*registration),
                 .why =
                     "the webhook's certificate authority is not in it yet, so the API server "
                     "refuses labelled pods",
                 .next = kubectl.Typed("logs deployment/strongroom-webhook")};
}

// What the API server says about `service`, whose webhook it could not call; empty when it could.
Result<std::string> AskForMarble(const Kubectl& kubectl, const std::string& service) {
  // Not the webhook's own namespace, whose pods it never sees.
  const Kubectl elsewhere(kubectl.context(),
                          kubectl.name_space() == "default" ? "kube-public" : "default");
  ASSIGN_OR_RETURN(const TemporaryFolder folder, TemporaryFolder::Make("strongroom-check"));
  const std::string file = (folder.path() / "pod.json").string();
  RETURN_IF_ERROR(WriteFileAtomic(file, AsBytes(kMarble), 0600));
  const auto made = elsewhere.Run({"create", "--dry-run=server", "-o", "name", "-f", file});
  if (made.has_value()) return std::string();
  if (made.error().code() == Code::kCancelled) return std::unexpected(made.error());
  const std::string& said = made.error().message();
  const auto at = said.find(kRefusal);
  // Another installation's webhook may be asked first.
  if (at == std::string::npos ||
      !said.contains(fmt::format("//{}.{}.svc", service, kubectl.name_space())))
    return std::string();
  return said.substr(at);
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
  const auto list = kubectl.Get({"mutatingwebhookconfigurations", "--selector",
                                 "app.kubernetes.io/instance=strongroom,app.kubernetes.io/"
                                 "part-of=strongroom"});
  if (!list.has_value() && list.error().code() == Code::kCancelled)
    return std::unexpected(list.error());
  if (!list.has_value()) return std::nullopt;
  const Json* registration = Registered(list->root(), kubectl);
  if (auto problem = ProblemOf(registration, kubectl)) return problem;
  const std::string service =
      TextAt(ItemsAt(*registration, {"webhooks"}).front(), {"clientConfig", "service", "name"});
  ASSIGN_OR_RETURN(std::string why, AskForMarble(kubectl, service));
  if (why.empty()) return std::nullopt;
  return Uncalled(*registration, std::move(why), kubectl);
}

}  // namespace strongroom::cli
