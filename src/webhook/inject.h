#pragma once

#include <string>
#include <vector>

#include "webhook/config.h"
#include "webhook/json_patch.h"
#include "webhook/marble.h"
#include "webhook/pod.h"

namespace strongroom::webhook {

struct Injection {
  JsonPatch patch = {};
  std::vector<std::string> warnings = {};  // for who created the pod; each under 256 characters
};

// What makes the pod what it asks for: environment, UUID file, TEE resources, tolerations, runtime
// class, volumes, agent. Nothing that is there is changed, and a pod that has everything gets an
// empty patch; so Inject of the patched pod is always empty. kConflict: what is there contradicts
// what is needed; kMalformed: a command that cannot be wrapped.
Result<Injection> Inject(const Pod& pod, const Marble& marble, const Configuration& configuration);

}  // namespace strongroom::webhook
