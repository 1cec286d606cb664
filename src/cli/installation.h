#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "cli/kubernetes.h"

// What `kubectl get` says about an installation, and what is wrong with it. Pure: JSON in, findings
// out.
namespace strongroom::cli {

inline constexpr std::string_view kRelease = "strongroom";
// What `kubectl get` must be asked for.
inline constexpr std::string_view kInstallationKinds =
    "deployments,replicasets,pods,services,persistentvolumeclaims,events";

// A Deployment of ours, or one that a Service of ours leads to and that is not there.
struct Part {
  std::string name;  // "coordinator"
  std::int64_t available = 0;
  std::int64_t wanted = 0;  // at least one
};

struct Problem {
  std::string object;  // "pod strongroom-coordinator-5d9c…"
  std::string why;     // in the cluster's words where they are good
  std::string next;    // a command or a change, for the operator to type
  bool heals = true;   // waiting may help
  // Arguments of `kubectl logs` where the reason is in a log.
  std::vector<std::string> log = {};
};

struct Installation {
  std::vector<Part> parts = {};
  std::vector<Problem> problems = {};     // when ready: only objects that are missing
  std::vector<std::string> unknown = {};  // what could not be looked at, and why
  bool simulated = false;

  bool ready() const;  // all parts are available
  bool fine() const { return ready() && problems.empty(); }
  std::string Summary() const;  // "coordinator 1/1, webhook 0/2"
};

// `list` is the answer of `kubectl get KINDS -o json` in the place of `kubectl`, which goes into
// the next commands. kMalformed when it is no list of Kubernetes objects.
Result<Installation> ReadInstallation(const Json& list, const Kubectl& kubectl);

}  // namespace strongroom::cli
