#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace strongroom::cli {

// Nodes that offer SGX, by the resource key of the plugin that offers most of it.
struct SgxNodes {
  std::string resource_key = {};  // empty: no node offers any
  std::int64_t nodes = 0;
  std::int64_t all_nodes = 0;
  std::vector<std::string> incomplete =
      {};  // "node a offers sgx.intel.com/epc, but not …/provision"
};
// `list` is the answer of `kubectl get nodes -o json`.
Result<SgxNodes> FindSgx(const Json& list);

// What to do where no node offers SGX.
std::string SgxAdvice(const SgxNodes& sgx);

}  // namespace strongroom::cli
