#include "webhook/judge.h"

#include <algorithm>

#include <fmt/format.h>

#include "webhook/inject.h"
#include "webhook/marble.h"
#include "webhook/pod.h"

namespace strongroom::webhook {
namespace {

constexpr std::size_t kMaxNamed = 5;  // of what is missing, in a message

Verdict Deny(Error error) { return {.denial = std::move(error)}; }

bool IsCreation(const Review& review) {
  return review.operation() == "CREATE" && review.subresource().empty();
}

bool IsDebugging(const Review& review) { return review.subresource() == "ephemeralcontainers"; }

// Rules that are wider than this program's must not let through what it never looked at.
Status CheckKind(const Review& review) {
  if (review.resource() != "pods")
    return Malformed(
        fmt::format("asked about {}, wanted pods: the rules of the webhook's "
                    "configuration are too wide",
                    review.resource().substr(0, 63)));
  return {};
}

Result<Pod> PodOf(const Review& review) {
  if (review.object() == nullptr) return Malformed("request.object is missing");
  return Pod::Of(*review.object());
}

Status RefuseEphemeral(const Pod& pod) {
  if (!IsMarble(pod) || pod.ephemeral_containers == 0) return {};
  return Denied(
      "the pod runs a marble, and an ephemeral container would share its namespaces; wanted none");
}

Result<std::optional<Injection>> InjectionFor(const Review& review,
                                              const Configuration& configuration) {
  ASSIGN_OR_RETURN(const Pod pod, PodOf(review));
  RETURN_IF_ERROR(RefuseEphemeral(pod));
  ASSIGN_OR_RETURN(const std::optional<Marble> marble,
                   ReadMarble(pod, review.name_space(), configuration));
  if (!marble.has_value()) return std::nullopt;
  ASSIGN_OR_RETURN(Injection injection, Inject(pod, *marble, configuration));
  return injection;
}

Status CheckDebugging(const Review& review) {
  ASSIGN_OR_RETURN(const Pod pod, PodOf(review));
  return RefuseEphemeral(pod);
}

Status CheckCreation(const Review& review, const Configuration& configuration) {
  ASSIGN_OR_RETURN(const std::optional<Injection> injection, InjectionFor(review, configuration));
  if (!injection.has_value() || injection->patch.empty()) return {};
  const std::vector<std::string>& added = injection->patch.added();
  const auto named = std::min(added.size(), kMaxNamed);
  return Denied(fmt::format(
      "the pod lacks what its labels ask for ({}{}), wanted it as the webhook's /mutate leaves it",
      fmt::join(added.begin(), added.begin() + static_cast<std::ptrdiff_t>(named), ", "),
      added.size() > named ? ", …" : ""));
}

Verdict VerdictOf(Status status) {
  if (status.has_value()) return {};
  return Deny(std::move(status).error());
}

}  // namespace

Verdict Mutate(const Review& review, const Configuration& configuration) {
  if (Status kind = CheckKind(review); !kind.has_value()) return VerdictOf(std::move(kind));
  if (IsDebugging(review)) return VerdictOf(CheckDebugging(review));
  if (!IsCreation(review)) return {};
  auto injection = InjectionFor(review, configuration);
  if (!injection.has_value()) return Deny(std::move(injection).error());
  if (!injection->has_value()) return {};
  Verdict verdict{.warnings = std::move((*injection)->warnings)};
  if (!(*injection)->patch.empty()) verdict.patch = (*injection)->patch.Text();
  return verdict;
}

Verdict Validate(const Review& review, const Configuration& configuration) {
  Status status = CheckKind(review);
  if (!status.has_value()) return VerdictOf(std::move(status));
  if (IsDebugging(review)) return VerdictOf(CheckDebugging(review));
  if (IsCreation(review)) return VerdictOf(CheckCreation(review, configuration));
  return {};
}

}  // namespace strongroom::webhook
