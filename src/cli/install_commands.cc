#include <fmt/format.h>

#include "base/files.h"
#include "cli/chart_values.h"
#include "cli/commands.h"
#include "cli/helm.h"
#include "cli/installation_watch.h"
#include "cli/interrupt.h"
#include "cli/kubernetes.h"
#include "cli/plain_text.h"
#include "cli/sgx_nodes.h"
#include "k8s/sgx_plugins.h"

namespace strongroom::cli {
namespace {

using std::chrono::seconds;

// The resource key to install with; empty where none is needed.
Result<std::string> ResourceKey(const Arguments& arguments, const Kubectl& kubectl) {
  if (arguments.Has("simulation") || arguments.Or("tee", "sgx") != "sgx") return std::string();
  if (const auto named = arguments.Optional("resource-key")) return *named;
  ASSIGN_OR_RETURN(const JsonDocument nodes, kubectl.Get({"nodes"}));
  ASSIGN_OR_RETURN(const SgxNodes sgx, FindSgx(nodes.root()));
  if (sgx.nodes > 0) return sgx.resource_key;
  return Precondition(fmt::format(
      "none of {} nodes offers SGX; {}, or name the resource that nodes yet to come will offer: "
      "--resource-key {}",
      sgx.all_nodes, SgxAdvice(sgx), k8s::kDefaultSgxResource));
}

// What an installation that was stopped has changed, or may have.
struct Begun {
  bool made_namespace = false;
  bool called_helm = false;
};

constexpr std::string_view kManagedBy = "app.kubernetes.io/managed-by";

Result<bool> HasNamespace(const Kubectl& kubectl) {
  ASSIGN_OR_RETURN(const std::string found, kubectl.Run({"get", "namespace", kubectl.name_space(),
                                                         "--ignore-not-found", "-o", "name"}));
  return !found.empty();
}

// Whether there is the namespace and `install` made it.
Result<bool> IsNamespaceOurs(const Kubectl& kubectl) {
  ASSIGN_OR_RETURN(
      const std::string manager,
      kubectl.Run({"get", "namespace", kubectl.name_space(), "--ignore-not-found", "-o",
                   "jsonpath={.metadata.labels.app\\.kubernetes\\.io/managed-by}"}));
  return manager == kRelease;
}

// A new namespace lets only pods in that pass Pod Security's "restricted", as all of ours do. It is
// made with its labels: one that stays behind without would be taken for the user's own.
Status MakeNamespace(const Kubectl& kubectl, const TemporaryFolder& folder, Begun& begun,
                     Console& console) {
  ASSIGN_OR_RETURN(const bool found, HasNamespace(kubectl));
  if (found) return {};
  JsonWriter object;
  object.Object().Key("apiVersion").String("v1").Key("kind").String("Namespace");
  object.Key("metadata").Object().Key("name").String(kubectl.name_space());
  object.Key("labels").Object().Key(kManagedBy).String(kRelease);
  object.Key("pod-security.kubernetes.io/enforce").String("restricted").End().End().End();
  const std::string file = (folder.path() / "namespace.json").string();
  RETURN_IF_ERROR(WriteFileAtomic(file, AsBytes(object.text()), 0600));
  begun.made_namespace = true;
  RETURN_IF_ERROR(kubectl.Run({"create", "-f", file}));
  console.Note(fmt::format("made namespace {}, in which Pod Security is \"restricted\"",
                           kubectl.name_space()));
  return {};
}

std::vector<std::string> HelmInstall(const Arguments& arguments, const std::string& chart,
                                     const std::string& values) {
  std::vector<std::string> words = {"upgrade", "--install", std::string(kRelease),
                                    chart,     "--values",  values};
  for (const auto* flag : {"values", "set"}) {
    for (const std::string& value : arguments.All(flag))
      words.insert(words.end(), {std::string("--") + flag, value});
  }
  return words;
}

void PrintNextCommands(const Kubectl& kubectl, const std::string& identity, Console& console) {
  console.Line("next:");
  console.Line(fmt::format("  strongroom verify{} --identity {}", kubectl.Flags(), identity));
  console.Line(fmt::format("  strongroom manifest set manifest.json{}", kubectl.Flags()));
}

// Says what helm is about to do to a release that is there already, or refuses.
Status ExpectNoOperation(const Release& release, const Kubectl& kubectl, Console& console) {
  if (!release.pending()) {
    console.Note(
        fmt::format("namespace {} has it already (revision {}, {}): upgrading; what is not named "
                    "now goes back to its default",
                    kubectl.name_space(), release.revision, release.status));
    return {};
  }
  return Precondition(
      fmt::format("release {} in namespace {} is {}: another helm is at work, or was killed",
                  kRelease, kubectl.name_space(), release.status));
}

// After which command a release whose operation was killed can be installed again.
std::string AfterPending(const Release& release, const Kubectl& kubectl) {
  if (release.status == "pending-install") return "strongroom uninstall" + kubectl.Flags();
  return fmt::format("helm rollback {} -n {}{}", kRelease, kubectl.name_space(),
                     kubectl.context().empty() ? "" : " --kube-context " + kubectl.context());
}

// Hands the chart to helm; a verdict when it could not be installed.
Result<std::optional<Exit>> InstallChart(const Arguments& arguments, const Kubectl& kubectl,
                                         const std::string& chart, Begun& begun, Console& console) {
  ASSIGN_OR_RETURN(const std::string key, ResourceKey(arguments, kubectl));
  ASSIGN_OR_RETURN(const std::string values, ChartValues(arguments, key));
  ASSIGN_OR_RETURN(const TemporaryFolder folder, TemporaryFolder::Make("strongroom-install"));
  const std::string file = (folder.path() / "values.json").string();
  RETURN_IF_ERROR(WriteFileAtomic(file, AsBytes(values), 0600));
  RETURN_IF_ERROR(MakeNamespace(kubectl, folder, begun, console));
  ASSIGN_OR_RETURN(const std::optional<Release> before, FindRelease(kubectl));
  if (before.has_value()) {
    if (const Status free = ExpectNoOperation(*before, kubectl, console); !free.has_value()) {
      console.Failure(free.error(), AfterPending(*before, kubectl));
      return Exit::kFailed;
    }
  }
  console.Note(fmt::format("installing chart {} into namespace {}", chart, kubectl.name_space()));
  begun.called_helm = true;
  const auto installed = Helm(kubectl, HelmInstall(arguments, chart, file));
  if (installed.has_value()) return std::nullopt;
  if (installed.error().code() == Code::kCancelled) return std::unexpected(installed.error());
  console.Failure(installed.error(), HelmAdvice(installed.error(), kubectl));
  return ExitFor(installed.error());
}

Result<Exit> InstallAndWait(const Arguments& arguments, const Kubectl& kubectl, Begun& begun,
                            Console& console) {
  ASSIGN_OR_RETURN(const seconds timeout, Timeout(arguments, 300));
  ASSIGN_OR_RETURN(const auto charts, ChartFolder(arguments));
  const auto chart = charts / kRelease;
  ASSIGN_OR_RETURN(const std::optional<Exit> failed,
                   InstallChart(arguments, kubectl, chart.string(), begun, console));
  if (failed.has_value()) return *failed;
  ASSIGN_OR_RETURN(const Installation installation, WaitUntilReady(kubectl, timeout, console));
  ASSIGN_OR_RETURN(const Exit verdict, Conclude(installation, kubectl, console));
  // In simulation everybody's coordinator has the one TEST signer, whom the chart names.
  const auto simulated = chart / "files" / "simulated-coordinator.json";
  if (verdict == Exit::kDone) {
    PrintNextCommands(
        kubectl, arguments.Has("simulation") ? simulated.string() : "coordinator.json", console);
  }
  return verdict;
}

// Says what stands after a signal, and how it is gone on with or removed.
void TellWhatStands(const Begun& begun, const Kubectl& kubectl, Console& console) {
  const auto made = begun.made_namespace ? HasNamespace(kubectl) : Result<bool>(false);
  const auto release =
      begun.called_helm ? FindRelease(kubectl) : Result<std::optional<Release>>(std::nullopt);
  if (!made.has_value() || !release.has_value()) {
    const Error& why = made.has_value() ? release.error() : made.error();
    console.Failure(Cancelled(fmt::format("stopped; what stands in namespace {} is not known: {}",
                                          kubectl.name_space(), why.message()))
                        .error(),
                    "strongroom check" + kubectl.Flags());
    return;
  }
  std::string what, next;
  if (*made) {
    what = "namespace " + kubectl.name_space();
    next = fmt::format("\"strongroom uninstall{} --delete-namespace\" removes it", kubectl.Flags());
  }
  if (release->has_value()) {
    what += fmt::format("{}release {} in namespace {} (revision {}, {})", *made ? " and " : "",
                        kRelease, kubectl.name_space(), (*release)->revision, (*release)->status);
    next =
        fmt::format("\"strongroom check{0}\" waits on, \"strongroom uninstall{0}{1}\" removes it",
                    kubectl.Flags(), *made ? " --delete-namespace" : "");
  }
  console.Failure(Cancelled(what.empty() ? "stopped; nothing was changed"
                                         : fmt::format("stopped; {} stands", what))
                      .error(),
                  next);
}

Result<Exit> Install(const Arguments& arguments, Console& console) {
  const Kubectl kubectl = Kubectl::From(arguments);
  Interrupt interrupt;
  Begun begun;
  Result<Exit> verdict = InstallAndWait(arguments, kubectl, begun, console);
  if (verdict.has_value() || verdict.error().code() != Code::kCancelled) return verdict;
  interrupt.Postpone();
  TellWhatStands(begun, kubectl, console);
  return Exit::kFailed;
}

constexpr seconds kNamespaceTimeout{120};
constexpr seconds kPodTimeout{60};

constexpr std::string_view kOurPods =
    "app.kubernetes.io/instance=strongroom,app.kubernetes.io/part-of=strongroom";

// Helm waits for what it made, not for pods of Deployments that drain. The release is gone by now,
// so what goes wrong here is said and does not keep from the rest.
Status WaitForPodsToEnd(const Kubectl& kubectl, Console& console) {
  const auto ended =
      kubectl.Run({"wait", "pods", "--for=delete", "--selector", std::string(kOurPods),
                   fmt::format("--timeout={}s", kPodTimeout.count())},
                  kPodTimeout + seconds(10));
  if (ended.has_value() || ended.error().message().contains("no matching resources")) return {};
  if (ended.error().code() == Code::kCancelled) return std::unexpected(ended.error());
  const auto left = kubectl.Run({"get", "pods", "--selector", std::string(kOurPods), "-o", "name"});
  if (!left.has_value() && left.error().code() == Code::kCancelled)
    return std::unexpected(left.error());
  if (left.has_value() && left->empty()) return {};
  console.Note(left.has_value()
                   ? "these pods have not ended yet: " + OneLine(std::string_view(*left).substr(
                                                             0, left->find_last_not_of('\n') + 1))
                   : "whether its pods have ended is not known: " + ended.error().message());
  return {};
}

Status DeleteNamespace(const Kubectl& kubectl) {
  RETURN_IF_ERROR(kubectl.Run({"delete", "namespace", kubectl.name_space(), "--wait=true",
                               fmt::format("--timeout={}s", kNamespaceTimeout.count())},
                              kNamespaceTimeout + seconds(10)));
  return {};
}

// Removes the release; false when there is none.
Result<bool> RemoveRelease(const Kubectl& kubectl, Console& console) {
  const auto gone = Helm(kubectl, {"uninstall", std::string(kRelease), "--wait"});
  if (!gone.has_value() && gone.error().code() == Code::kNotFound) return false;
  if (!gone.has_value()) return std::unexpected(gone.error());
  console.Line(
      fmt::format("uninstalled from namespace {}; manifest, certificates and secrets of its "
                  "coordinator are gone",
                  kubectl.name_space()));
  RETURN_IF_ERROR(WaitForPodsToEnd(kubectl, console));
  return true;
}

Result<Exit> Uninstall(const Arguments& arguments, Console& console) {
  const Kubectl kubectl = Kubectl::From(arguments);
  const bool with_namespace = arguments.Has("delete-namespace");
  ASSIGN_OR_RETURN(const bool removed, RemoveRelease(kubectl, console));
  // An installation or a removal that was stopped leaves a namespace with nothing in it.
  bool left_over = false;
  if (!removed && with_namespace) {
    ASSIGN_OR_RETURN(left_over, IsNamespaceOurs(kubectl));
  }
  if (!removed && !left_over) {
    console.Failure(Error(Code::kPrecondition,
                          "nothing of ours is installed in namespace " + kubectl.name_space()),
                    "helm list --all-namespaces --filter strongroom");
    return Exit::kFailed;
  }
  if (with_namespace) {
    RETURN_IF_ERROR(DeleteNamespace(kubectl));
    console.Line(
        fmt::format("namespace {} is gone{}", kubectl.name_space(), removed ? " too" : ""));
  }
  console.Json(JsonWriter().Object().Key("namespace").String(kubectl.name_space()).End());
  return Exit::kDone;
}

std::vector<Flag> InstallFlags() {
  return With(
      {{.name = "--simulation",
        .help = "run under the software TEE, on any cluster: proves nothing, protects nothing"},
       {.name = "--domain",
        .value = "NAMES",
        .help = "further names and addresses for the coordinator's certificates, with commas "
                "between them",
        .repeated = true},
       {.name = "--tee",
        .value = "CLASS",
        .help = "sgx (default), or tdx or snp for confidential VMs by a runtime class"},
       {.name = "--resource-key",
        .value = "KEY",
        .help = "SGX resource of the nodes (default: as found on them)"},
       {.name = "--dcap-pccs-url", .value = "URL", .help = "collateral service (PCCS) to use"},
       {.name = "--dcap-secure-cert",
        .value = "TRUE|FALSE",
        .help = "whether its TLS certificate must be valid (default TRUE)"},
       {.name = "--disable-auto-injection", .help = "install without the admission webhook"},
       {.name = "--mesh-server-port",
        .value = "PORT",
        .help = "port of the Service for workloads (default 2001)"},
       {.name = "--client-server-port",
        .value = "PORT",
        .help = "port of the Service for people and tools (default 4433)"},
       {.name = "--registry", .value = "HOST", .help = "registry that has the images"},
       {.name = "--image-tag",
        .value = "TAG",
        .help = "tag of the images (default: this program's version)"},
       {.name = "--chart-folder",
        .value = "FOLDER",
        .help = "where the charts are (default: those that came with this program)"},
       {.name = "--values",
        .value = "FILE",
        .help = "values for helm, laid over all",
        .repeated = true},
       {.name = "--set", .value = "NAME=VALUE", .help = "a value for helm", .repeated = true},
       {.name = "--timeout",
        .value = "SECONDS",
        .help = "how long to wait until everything is up (default 300)"}},
      ClusterFlags());
}

}  // namespace

std::vector<Command> InstallCommands() {
  return {
      {.path = {"install"},
       .summary = "install coordinator and webhook into a Kubernetes cluster",
       .details =
           "Uses the kubectl and helm on the PATH. Installs, or upgrades what is there, waits "
           "until everything is up, and\n"
           "says otherwise which object is not, why, and what to do.",
       .flags = InstallFlags(),
       .examples = {"strongroom install --simulation",
                    "strongroom install --domain coordinator.example --dcap-pccs-url "
                    "https://pccs.example:8081/sgx/certification/v4/"},
       .run = Install},
      {.path = {"uninstall"},
       .summary = "remove coordinator and webhook from a cluster",
       .details = "The coordinator's sealed state goes too, unless it was installed with "
                  "coordinator.persistence.retain.",
       .flags =
           With({{.name = "--delete-namespace", .help = "and the namespace with all it holds"}},
                ClusterFlags()),
       .run = Uninstall},
  };
}

}  // namespace strongroom::cli
