#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/installation_watch.h"
#include "cli/kubernetes.h"
#include "cli/sgx_nodes.h"

namespace strongroom::cli {
namespace {

using std::chrono::seconds;

Result<Exit> Precheck(const Arguments& arguments, Console& console) {
  const Kubectl kubectl = Kubectl::From(arguments);
  ASSIGN_OR_RETURN(const JsonDocument nodes, kubectl.Get({"nodes"}));
  ASSIGN_OR_RETURN(const SgxNodes sgx, FindSgx(nodes.root()));
  for (const std::string& line : sgx.incomplete) console.Line(line);
  console.Line(sgx.nodes == 0 ? fmt::format("none of {} nodes offers SGX", sgx.all_nodes)
                              : fmt::format("{} of {} nodes offer SGX as {}", sgx.nodes,
                                            sgx.all_nodes, sgx.resource_key));
  const std::string advice = sgx.nodes == 0 ? SgxAdvice(sgx) : "strongroom install";
  console.Line("next: " + advice);
  JsonWriter out;
  out.Object().Key("nodes").Int(sgx.all_nodes).Key("sgxNodes").Int(sgx.nodes);
  out.Key("resourceKey").String(sgx.resource_key).Key("next").String(advice).End();
  console.Json(out);
  return sgx.nodes == 0 ? Exit::kFailed : Exit::kDone;
}

Result<Exit> Check(const Arguments& arguments, Console& console) {
  const Kubectl kubectl = Kubectl::From(arguments);
  ASSIGN_OR_RETURN(const seconds timeout, Timeout(arguments, 60));
  ASSIGN_OR_RETURN(const Installation installation, WaitUntilReady(kubectl, timeout, console));
  return Conclude(installation, kubectl, console);
}

}  // namespace

std::vector<Command> CheckCommands() {
  return {
      {.path = {"precheck"},
       .summary = "see whether a cluster's nodes can run enclaves",
       .flags = ClusterFlags(),
       .run = Precheck},
      {.path = {"check"},
       .summary = "wait until an installation is up, or say what keeps it from that",
       .flags = With(
           {{.name = "--timeout", .value = "SECONDS", .help = "how long to wait (default 60)"}},
           ClusterFlags()),
       .run = Check},
  };
}

}  // namespace strongroom::cli
