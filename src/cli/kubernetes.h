#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "cli/command.h"
#include "cli/subprocess.h"

// The user's cluster, through the kubectl and helm on the PATH: they know kubeconfigs, logins and
// proxies.
namespace strongroom::cli {

inline constexpr std::string_view kDefaultNamespace = "strongroom";

// --kube-context and --namespace.
std::vector<Flag> ClusterFlags();

class Kubectl {
 public:
  // `context` empty: kubectl's current one.
  Kubectl(std::string context, std::string name_space)
      : context_(std::move(context)), namespace_(std::move(name_space)) {}
  static Kubectl From(const Arguments& arguments);

  const std::string& context() const { return context_; }
  const std::string& name_space() const { return namespace_; }

  // The command with context and namespace in front, for people to type and for other programs.
  std::vector<std::string> Command(std::vector<std::string> arguments) const;
  std::string Typed(std::string_view arguments) const;
  // The flags of our own commands that name the same place, with a space in front.
  std::string Flags() const;

  // What kubectl prints. Its message is the error: kNotFound for an object that is not there,
  // kDenied where the cluster forbids it, kUnavailable where no cluster answers, kPrecondition
  // without kubectl, kCancelled when it was interrupted.
  Result<std::string> Run(std::vector<std::string> arguments,
                          std::chrono::seconds timeout = std::chrono::seconds(30)) const;
  // `kubectl get ARGUMENTS -o json`
  Result<JsonDocument> Get(std::vector<std::string> arguments) const;

  // The context's name, as kubectl resolves it. kPrecondition: there is none of that name, or none
  // is chosen.
  Result<std::string> ContextName() const;

 private:
  std::string context_, namespace_;
};

// kubectl's or helm's failure as an error whose code fits what it said, on one line.
Error ToolFailure(std::string_view tool, const ProcessOutcome& outcome);

// A port of this machine's loopback that leads to a Service's pod, as long as this lives.
class PortForward {
 public:
  // `target` is "service/NAME", `port` one of its ports by name.
  static Result<std::shared_ptr<PortForward>> Open(const Kubectl& kubectl, std::string_view target,
                                                   std::string_view port);
  int port() const { return port_; }

 private:
  PortForward(BackgroundProcess process, int port) : process_(std::move(process)), port_(port) {}

  BackgroundProcess process_;
  int port_;
};

}  // namespace strongroom::cli
