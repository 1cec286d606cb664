#include "cli/coordinator_target.h"

#include <fmt/format.h>

#include "cli/coordinator_client.h"

namespace strongroom::cli {
namespace {

constexpr std::string_view kService = "service/coordinator-client-api";

}  // namespace

bool InCluster(const Arguments& arguments) {
  return !arguments.Has("HOST:PORT") || arguments.Has("kube-context") || arguments.Has("namespace");
}

Result<std::string> TargetName(const Arguments& arguments) {
  if (!InCluster(arguments)) return NormalAddress(arguments.One("HOST:PORT"), 4433);
  if (arguments.Has("HOST:PORT")) {
    return WrongUsage(fmt::format("both {} and a cluster are named, wanted one of them",
                                  arguments.One("HOST:PORT")));
  }
  const Kubectl kubectl = Kubectl::From(arguments);
  ASSIGN_OR_RETURN(const std::string context, kubectl.ContextName());
  return fmt::format("kubernetes:{}/{}", context, kubectl.name_space());
}

std::string TypedTarget(const Arguments& arguments) {
  if (const auto address = arguments.Optional("HOST:PORT")) return " " + *address;
  return Kubectl::From(arguments).Flags();
}

Status ExpectCoordinator(const Arguments& arguments) {
  if (!InCluster(arguments)) return {};
  const Kubectl kubectl = Kubectl::From(arguments);
  ASSIGN_OR_RETURN(const std::string found,
                   kubectl.Run({"get", std::string(kService), "--ignore-not-found", "-o", "name"}));
  if (!found.empty()) return {};
  return NotFound(fmt::format(
      "no coordinator is installed in namespace {}: run \"strongroom check{}\", or name another "
      "with -n",
      kubectl.name_space(), kubectl.Flags()));
}

Positional CoordinatorPositional() {
  return {.name = "HOST:PORT",
          .help =
              "the coordinator's client API (port 4433 unless given); without it, the one in the "
              "cluster",
          .required = false};
}

Result<CoordinatorTarget> TargetOf(const Arguments& arguments) {
  CoordinatorTarget target;
  ASSIGN_OR_RETURN(target.name, TargetName(arguments));
  target.address = target.name;
  if (!InCluster(arguments)) return target;
  target.cluster = Kubectl::From(arguments);
  auto way = PortForward::Open(*target.cluster, kService, "https-client");
  if (!way.has_value()) {
    return std::unexpected(
        Error(way.error().code(),
              fmt::format("no way to {}: {}; run \"strongroom check{}\" to see why", target.name,
                          way.error().message(), target.cluster->Flags())));
  }
  target.way = *std::move(way);
  target.address = fmt::format("127.0.0.1:{}", target.way->port());
  return target;
}

Result<std::shared_ptr<PortForward>> ForwardToSimulatedCollateral(const Kubectl& kubectl) {
  ASSIGN_OR_RETURN(const std::string found, kubectl.Run({"get", "service", "strongroom-pccs",
                                                         "--ignore-not-found", "-o", "name"}));
  if (found.empty()) return nullptr;
  return PortForward::Open(kubectl, "service/strongroom-pccs", "http");
}

}  // namespace strongroom::cli
