#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

// What `kubectl get` says about an installation, and what is wrong with it. Pure: JSON in, findings
// out.
namespace strongroom::cli {

inline constexpr std::string_view kRelease = "strongroom";
// What `kubectl get` must be asked for.
inline constexpr std::string_view kInstallationKinds =
    "deployments,replicasets,pods,persistentvolumeclaims,events";

// A Deployment of ours.
struct Part {
  std::string name;  // "coordinator"
  std::int64_t available = 0;
  std::int64_t wanted = 0;
};

struct Problem {
  std::string object;  // "pod strongroom-coordinator-5d9c…"
  std::string why;     // in the cluster's words where they are good
  std::string next;    // a command or a change, for the operator to type
  bool heals = true;   // waiting may help
};

struct Installation {
  std::vector<Part> parts = {};
  std::vector<Problem> problems = {};
  bool simulated = false;

  bool ready() const;
  std::string Summary() const;  // "coordinator 1/1, webhook 0/2"
};

// `list` is the answer of `kubectl get KINDS -o json` in `name_space`. kMalformed when it is no
// list of Kubernetes objects.
Result<Installation> ReadInstallation(const Json& list, std::string_view name_space);

}  // namespace strongroom::cli
