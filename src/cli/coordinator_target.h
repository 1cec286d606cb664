#pragma once

#include <memory>
#include <optional>
#include <string>

#include "cli/command.h"
#include "cli/kubernetes.h"

namespace strongroom::cli {

// Where a coordinator is: HOST:PORT, or a namespace of a cluster, reached through a port-forward
// that lives as long as this and its copies. The way is the host's: who answers is decided by
// evidence.
struct CoordinatorTarget {
  std::string name = {};     // for people and pins: "host:4433" or "kubernetes:CONTEXT/NAMESPACE"
  std::string address = {};  // what is dialled
  std::optional<Kubectl> cluster = {};
  std::shared_ptr<PortForward> way = {};
};

// The address that was typed as HOST:PORT; without one, or with --kube-context or --namespace, the
// Service coordinator-client-api of that namespace. kMalformed when both are given.
Result<CoordinatorTarget> TargetOf(const Arguments& arguments);

// The name alone, without reaching anything.
Result<std::string> TargetName(const Arguments& arguments);

// The words that name it on a command line, each with a space in front.
std::string TypedTarget(const Arguments& arguments);

// kNotFound: a cluster's namespace is meant that has no coordinator's Service. Nothing is opened.
Status ExpectCoordinator(const Arguments& arguments);

// Whether the arguments mean a cluster.
bool InCluster(const Arguments& arguments);

// Where collateral comes from when the user names no place: in a simulated cluster its own service.
// Nothing elsewhere.
Result<std::shared_ptr<PortForward>> ForwardToSimulatedCollateral(const Kubectl& kubectl);

// What commands about a coordinator take: an address that may be left out, and the cluster's flags.
Positional CoordinatorPositional();

}  // namespace strongroom::cli
