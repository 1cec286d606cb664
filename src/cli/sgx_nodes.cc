#include "cli/sgx_nodes.h"

#include <map>

#include <fmt/format.h>

#include "cli/object_fields.h"
#include "k8s/sgx_plugins.h"

namespace strongroom::cli {
namespace {

bool Offers(const Json& node, std::string_view resource) {
  const std::string count = TextAt(node, {"status", "capacity", resource});
  return !count.empty() && count != "0";
}

}  // namespace

Result<SgxNodes> FindSgx(const Json& list) {
  ASSIGN_OR_RETURN(const Json* items, list.Get("items"));
  std::map<std::string, std::int64_t> count;
  SgxNodes out;
  for (const Json& node : items->items()) {
    ++out.all_nodes;
    for (const k8s::SgxPlugin& plugin : k8s::kSgxPlugins) {
      if (!Offers(node, plugin.epc)) continue;
      bool whole = true;
      for (const std::string_view other : {plugin.enclave, plugin.provision}) {
        if (other.empty() || Offers(node, other)) continue;
        out.incomplete.push_back(
            fmt::format("node {} offers {}, but not {}", NameOf(node), plugin.epc, other));
        whole = false;
      }
      if (whole) ++count[std::string(plugin.epc)];
    }
  }
  for (const auto& [key, nodes] : count) {
    if (nodes > out.nodes) out.resource_key = key, out.nodes = nodes;
  }
  return out;
}

std::string SgxAdvice(const SgxNodes& sgx) {
  if (!sgx.incomplete.empty()) {
    return "the SGX device plugin must offer enclave, provision and epc on the same node; look at "
           "its "
           "DaemonSet";
  }
  return "install the SGX device plugin of your nodes (docs/operate/kubernetes.md), or try without "
         "hardware: strongroom install --simulation";
}

}  // namespace strongroom::cli
