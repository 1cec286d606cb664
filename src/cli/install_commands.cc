#include <algorithm>
#include <charconv>
#include <thread>

#include <fmt/format.h>

#include "base/files.h"
#include "cli/chart_values.h"
#include "cli/commands.h"
#include "cli/installation.h"
#include "cli/interrupt.h"
#include "cli/kubernetes.h"

namespace strongroom::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

constexpr seconds kHelmTimeout{300};
// How long something that waiting does not mend may last before it is called a failure: the first
// look may be at what an upgrade is about to replace.
constexpr seconds kPatience{10};

constexpr std::string_view kTestWarning =
    "*** TEST *** the coordinator runs in a SIMULATED TEE: its evidence proves nothing and nothing "
    "is protected";

// Runs helm in the place that `kubectl` names. Its message is the error.
Result<std::string> Helm(const Kubectl& kubectl, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "helm");
  arguments.insert(arguments.end(), {"--namespace", kubectl.name_space()});
  if (!kubectl.context().empty())
    arguments.insert(arguments.end(), {"--kube-context", kubectl.context()});
  auto outcome = RunToEnd(arguments, kHelmTimeout);
  if (!outcome.has_value() && outcome.error().code() == Code::kNotFound) {
    return Precondition("no helm on the PATH: charts are installed by it (version 3 or 4)");
  }
  if (!outcome.has_value()) return std::unexpected(outcome.error());
  if (outcome->exit_status != 0) return std::unexpected(ToolFailure("helm", *outcome));
  return std::move(outcome->out);
}

Result<Installation> Look(const Kubectl& kubectl) {
  ASSIGN_OR_RETURN(const JsonDocument list, kubectl.Get({std::string(kInstallationKinds)}));
  return ReadInstallation(list.root(), kubectl.name_space());
}

// A webhook whose authority stands in no configuration cannot be called by the API server. What we
// may not look at is no problem of theirs.
std::optional<Problem> WebhookWithoutAuthority(const Kubectl& kubectl) {
  const std::string name = fmt::format("{}-webhook-{}", kRelease, kubectl.name_space());
  const auto found = kubectl.Get({"mutatingwebhookconfiguration", name});
  if (!found.has_value()) return std::nullopt;
  const Json* webhooks = found->root().Find("webhooks");
  if (webhooks == nullptr) return std::nullopt;
  for (const Json& webhook : webhooks->items()) {
    const Json* client = webhook.Find("clientConfig");
    const Json* authority = client == nullptr ? nullptr : client->Find("caBundle");
    if (authority != nullptr && authority->IsString() && !authority->String()->empty()) continue;
    return Problem{.object = "mutatingwebhookconfiguration " + name,
                   .why =
                       "the webhook's certificate authority is not in it yet, so the API server "
                       "refuses labelled pods",
                   .next = kubectl.Typed("logs deployment/strongroom-webhook")};
  }
  return std::nullopt;
}

bool HasWebhook(const Installation& installation) {
  return std::ranges::any_of(installation.parts,
                             [](const Part& part) { return part.name == "webhook"; });
}

void PrintProblems(const std::vector<Problem>& problems, Console& console) {
  for (const Problem& problem : problems) {
    console.Note(fmt::format("{}: {}\n  next: {}", problem.object, problem.why, problem.next));
  }
}

void PrintJson(const Installation& installation, const Kubectl& kubectl, Console& console) {
  JsonWriter out;
  out.Object().Key("namespace").String(kubectl.name_space());
  out.Key("ready").Bool(installation.ready() && installation.problems.empty());
  out.Key("simulated").Bool(installation.simulated).Key("parts").Array();
  for (const Part& part : installation.parts) {
    out.Object().Key("name").String(part.name).Key("available").Int(part.available);
    out.Key("wanted").Int(part.wanted).End();
  }
  out.End().Key("problems").Array();
  for (const Problem& problem : installation.problems) {
    out.Object().Key("object").String(problem.object).Key("why").String(problem.why);
    out.Key("next").String(problem.next).End();
  }
  out.End().End();
  console.Json(out);
}

// Says how far things are: one line redrawn on a terminal, a line a change elsewhere.
class Progress {
 public:
  explicit Progress(Console& console) : console_(console) {}
  void Show(const std::string& summary) {
    const auto passed = std::chrono::duration_cast<seconds>(Clock::now() - begun_).count();
    if (console_.ShowsProgress())
      console_.Progress(fmt::format("waiting: {} ({} s)", summary, passed));
    else if (summary != shown_) console_.Note(fmt::format("waiting: {}", summary));
    shown_ = summary;
  }

 private:
  Console& console_;
  const Clock::time_point begun_ = Clock::now();
  std::string shown_;
};

// One look. What is ready has no problems but a webhook that nobody can call.
Result<Installation> LookClosely(const Kubectl& kubectl) {
  ASSIGN_OR_RETURN(Installation installation, Look(kubectl));
  if (!installation.ready()) return installation;
  installation.problems.clear();
  if (!HasWebhook(installation)) return installation;
  if (auto problem = WebhookWithoutAuthority(kubectl))
    installation.problems.push_back(*std::move(problem));
  return installation;
}

// Looks once a second until everything is available, something is broken that waiting does not
// mend, or time is up; the last look.
Result<Installation> WaitUntilReady(const Kubectl& kubectl, seconds timeout, Console& console) {
  const Interrupt interrupt;
  Progress progress(console);
  const auto begun = Clock::now();
  auto whole = begun;  // when nothing was broken
  while (true) {
    RETURN_IF_ERROR(interrupt.Check());
    ASSIGN_OR_RETURN(Installation installation, LookClosely(kubectl));
    if (installation.parts.empty()) return installation;
    if (installation.ready() && installation.problems.empty()) return installation;
    const auto now = Clock::now();
    if (std::ranges::all_of(installation.problems, &Problem::heals)) whole = now;
    if (now - begun >= timeout || now - whole >= kPatience) return installation;
    progress.Show(installation.Summary());
    std::this_thread::sleep_for(seconds(1));
  }
}

Result<seconds> Timeout(const Arguments& arguments, int otherwise) {
  const std::string text = arguments.Or("timeout", std::to_string(otherwise));
  int value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 || value > 86'400)
    return Malformed(fmt::format("--timeout is \"{}\", wanted seconds, 0 to 86400", text));
  return seconds(value);
}

// The verdict on an installation that was waited for.
Result<Exit> Conclude(const Installation& installation, const Kubectl& kubectl, Console& console) {
  console.Progress("");
  PrintJson(installation, kubectl, console);
  if (!installation.parts.empty())
    console.Line(fmt::format("{}: {}", kubectl.name_space(), installation.Summary()));
  PrintProblems(installation.problems, console);
  if (installation.simulated) console.Line(kTestWarning);
  if (installation.parts.empty()) {
    console.Failure(
        Error(Code::kPrecondition,
              fmt::format("nothing of ours is installed in namespace {}", kubectl.name_space())),
        "strongroom install -n " + kubectl.name_space());
    return Exit::kFailed;
  }
  const bool fine = installation.ready() && installation.problems.empty();
  if (!fine && !console.json()) console.Note("strongroom: not everything is up");
  return fine ? Exit::kDone : Exit::kFailed;
}

Result<Exit> Check(const Arguments& arguments, Console& console) {
  const Kubectl kubectl = Kubectl::From(arguments);
  ASSIGN_OR_RETURN(const seconds timeout, Timeout(arguments, 60));
  ASSIGN_OR_RETURN(const Installation installation, WaitUntilReady(kubectl, timeout, console));
  return Conclude(installation, kubectl, console);
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

// The resource key to install with; empty where none is needed.
Result<std::string> ResourceKey(const Arguments& arguments, const Kubectl& kubectl) {
  if (arguments.Has("simulation") || arguments.Or("tee", "sgx") != "sgx") return std::string();
  if (const auto named = arguments.Optional("resource-key")) return *named;
  ASSIGN_OR_RETURN(const JsonDocument nodes, kubectl.Get({"nodes"}));
  ASSIGN_OR_RETURN(const SgxNodes sgx, FindSgx(nodes.root()));
  if (sgx.nodes > 0) return sgx.resource_key;
  return Precondition(fmt::format(
      "none of {} nodes offers SGX; {}, or name the resource that nodes yet to come will offer: "
      "--resource-key sgx.intel.com/epc",
      sgx.all_nodes, SgxAdvice(sgx)));
}

// A new namespace lets only pods in that pass Pod Security's "restricted", as all of ours do.
Status MakeNamespace(const Kubectl& kubectl, Console& console) {
  ASSIGN_OR_RETURN(const std::string found, kubectl.Run({"get", "namespace", kubectl.name_space(),
                                                         "--ignore-not-found", "-o", "name"}));
  if (!found.empty()) return {};
  RETURN_IF_ERROR(kubectl.Run({"create", "namespace", kubectl.name_space()}));
  RETURN_IF_ERROR(kubectl.Run({"label", "namespace", kubectl.name_space(),
                               "pod-security.kubernetes.io/enforce=restricted"}));
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

std::string HelmAdvice(const Error& error, const Kubectl& kubectl) {
  const std::string& said = error.message();
  const auto has = [&](std::string_view text) { return said.find(text) != std::string::npos; };
  if (has("another operation"))
    return fmt::format("helm -n {} rollback {}", kubectl.name_space(), kRelease);
  if (has("specifications of the schema")) return "helm show readme CHART (what values mean)";
  if (has("incompatible with Kubernetes"))
    return "kubectl version (Kubernetes 1.31 or later is wanted)";
  if (has("invalid ownership metadata") || has("exists and cannot be imported"))
    return "strongroom uninstall in the namespace that has it, or kubectl delete that object";
  if (error.code() == Code::kDenied) return kubectl.Typed("auth can-i --list");
  return "";
}

void PrintNextCommands(const Kubectl& kubectl, const std::string& identity, Console& console) {
  std::string place = " -n " + kubectl.name_space();
  if (!kubectl.context().empty()) place = " --kube-context " + kubectl.context() + place;
  console.Line("next:");
  console.Line(fmt::format("  strongroom verify{} --identity {}", place, identity));
  console.Line(fmt::format("  strongroom manifest set manifest.json{}", place));
}

Result<Exit> Install(const Arguments& arguments, Console& console) {
  const Kubectl kubectl = Kubectl::From(arguments);
  ASSIGN_OR_RETURN(const seconds timeout, Timeout(arguments, 300));
  ASSIGN_OR_RETURN(const auto charts, ChartFolder(arguments));
  ASSIGN_OR_RETURN(const std::string key, ResourceKey(arguments, kubectl));
  ASSIGN_OR_RETURN(const std::string values, ChartValues(arguments, key));
  ASSIGN_OR_RETURN(const TemporaryFolder folder, TemporaryFolder::Make("strongroom-install"));
  const std::string file = (folder.path() / "values.json").string();
  RETURN_IF_ERROR(WriteFileAtomic(file, AsBytes(values), 0600));
  RETURN_IF_ERROR(MakeNamespace(kubectl, console));
  console.Note(fmt::format("installing chart {} into namespace {}", (charts / kRelease).string(),
                           kubectl.name_space()));
  const auto installed = Helm(kubectl, HelmInstall(arguments, (charts / kRelease).string(), file));
  if (!installed.has_value()) {
    console.Failure(installed.error(), HelmAdvice(installed.error(), kubectl));
    return ExitFor(installed.error().code());
  }
  ASSIGN_OR_RETURN(const Installation installation, WaitUntilReady(kubectl, timeout, console));
  ASSIGN_OR_RETURN(const Exit verdict, Conclude(installation, kubectl, console));
  // In simulation everybody's coordinator has the one TEST signer, whom the chart names.
  const auto simulated = charts / kRelease / "files" / "simulated-coordinator.json";
  if (verdict == Exit::kDone) {
    PrintNextCommands(
        kubectl, arguments.Has("simulation") ? simulated.string() : "coordinator.json", console);
  }
  return verdict;
}

Result<Exit> Uninstall(const Arguments& arguments, Console& console) {
  const Kubectl kubectl = Kubectl::From(arguments);
  RETURN_IF_ERROR(Helm(kubectl, {"uninstall", std::string(kRelease), "--wait"}));
  console.Line(
      fmt::format("uninstalled from namespace {}; manifest, certificates and secrets of its "
                  "coordinator are gone",
                  kubectl.name_space()));
  if (arguments.Has("delete-namespace")) {
    RETURN_IF_ERROR(kubectl.Run({"delete", "namespace", kubectl.name_space(), "--wait=false"}));
    console.Line("deleting namespace " + kubectl.name_space());
  }
  console.Json(JsonWriter().Object().Key("namespace").String(kubectl.name_space()).End());
  return Exit::kDone;
}

std::vector<Flag> With(std::vector<Flag> flags, const std::vector<Flag>& more) {
  flags.insert(flags.end(), more.begin(), more.end());
  return flags;
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
