// The built program with a kubectl and a helm on its PATH that write down how they are called and
// say what the real ones say.

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/version.h"
#include "testing/process.h"
#include "testing/result_matchers.h"

namespace strongroom::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using strongroom::testing::ProcessResult;
using strongroom::testing::ProgramPath;
using strongroom::testing::RunProcess;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// Says the first answer whose pattern fits the words; each answer is a folder with pattern, out,
// err and status. An answer with a file "once" is taken away after its use. Keeps the files that it
// is given by -f.
constexpr std::string_view kFake = R"(#!/bin/sh
name=${0##*/}
echo "$name $*" >>"$FAKE/log"
for answer in "$FAKE/$name".*; do
  [ -d "$answer" ] || continue
  pattern=$(cat "$answer/pattern")
  case "$*" in $pattern) ;; *) continue ;; esac
  while [ "$#" -gt 0 ]; do
    [ "$1" != -f ] || cp "$2" "$FAKE"
    [ "$1" != --values ] || { cat "$2" >>"$FAKE/values"; echo >>"$FAKE/values"; }
    shift
  done
  status=$(cat "$answer/status")
  if [ "$status" = stays ]; then
    sleep 60 >/dev/null 2>&1 &
    trap 'kill $!; echo "$name ended" >>"$FAKE/log"; exit 143' TERM
    echo "$name stays" >>"$FAKE/log"
    cat "$answer/out"
    wait
  fi
  cat "$answer/out"
  cat "$answer/err" >&2
  [ ! -e "$answer/once" ] || rm -r "$answer"
  exit "$status"
done
echo "$name: unexpected: $*" >&2
exit 99
)";

struct Answer {
  std::string program;
  std::string pattern;  // of sh's case
  std::string out = "";
  std::string err = "";
  std::string status = "0";
  bool once = false;
};

json Labelled(const std::string& kind, const std::string& name, const std::string& part) {
  return {{"kind", kind},
          {"metadata",
           {{"name", name},
            {"generation", 1},
            {"labels",
             {{"app.kubernetes.io/name", part},
              {"app.kubernetes.io/instance", "strongroom"},
              {"app.kubernetes.io/part-of", "strongroom"}}}}}};
}

json DeploymentOf(const std::string& part, int available) {
  json item = Labelled("Deployment", "strongroom-" + part, part);
  item["spec"] = {{"replicas", 1},
                  {"template", {{"metadata", {{"labels", {{"strongroom.dev/tee", "sim"}}}}}}}};
  item["status"] = {{"observedGeneration", 1},
                    {"replicas", 1},
                    {"updatedReplicas", 1},
                    {"availableReplicas", available}};
  return item;
}

json ServiceOf(const std::string& name, const std::string& part) {
  return Labelled("Service", name, part);
}

std::string ListOf(const std::vector<json>& items) { return json{{"items", items}}.dump(); }

// The webhook of `name_space` as the API server knows it.
std::string Registration(const std::string& name_space, const std::string& authority) {
  json client = {{"service", {{"name", "strongroom-webhook"}, {"namespace", name_space}}}};
  if (!authority.empty()) client["caBundle"] = authority;
  return json{{"items",
               {{{"metadata", {{"name", "strongroom-webhook-" + name_space}}},
                 {"webhooks", {{{"clientConfig", client}}}}}}}}
      .dump();
}

// The same, with other members of the webhook's entry.
std::string Registration(const std::string& name_space, const std::string& authority,
                         const json& members) {
  json list = json::parse(Registration(name_space, authority));
  list["items"][0]["webhooks"][0].update(members);
  return list.dump();
}

// What the API server makes of a marble when it asks the webhook, and when it does not.
constexpr std::string_view kInjected =
    R"({"spec":{"containers":[{"env":[{"name":"EDG_MARBLE_TYPE","value":"check"}]}]}})";
constexpr std::string_view kAsItCame = R"({"spec":{"containers":[{"name":"check"}]}})";

class InstallTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(Path("bin"));
    for (const auto* name : {"kubectl", "helm"}) PutProgram(std::string("bin/") + name);
    PutCharts("charts");
  }

  std::string Path(std::string_view name) const { return (folder_.path() / name).string(); }
  void PutProgram(const std::string& name) const {
    ASSERT_OK(WriteFileAtomic(Path(name), AsBytes(kFake), 0755));
  }
  void PutCharts(const std::string& name) const {
    fs::create_directories(fs::path(Path(name)) / "strongroom");
    ASSERT_OK(WriteFileAtomic(Path(name + "/strongroom/Chart.yaml"), AsBytes("name: strongroom\n"),
                              0644));
  }
  void Say(const Answer& answer) {
    const fs::path folder = Path(fmt::format("{}.{:02}", answer.program, ++answers_));
    fs::create_directories(folder);
    for (const auto& [name, text] : {std::pair{"pattern", answer.pattern},
                                     {"out", answer.out},
                                     {"err", answer.err},
                                     {"status", answer.status}}) {
      ASSERT_OK(WriteFileAtomic(folder / name, AsBytes(text), 0644));
    }
    if (answer.once) {
      ASSERT_OK(WriteFileAtomic(folder / "once", AsBytes(""), 0644));
    }
  }
  // A cluster that has the namespace, installs, and has `lists` one after the other, the last for
  // ever.
  void SayCluster(const std::vector<std::string>& lists) {
    Say({"kubectl", "*get namespace*", "namespace/strongroom\n"});
    Say({"helm", "status*", "", "Error: release: not found\n", "1"});
    Say({"helm", "upgrade --install*", "Release \"strongroom\" has been installed\n"});
    for (std::size_t i = 0; i < lists.size(); ++i)
      Say({"kubectl", "*get deployments,*", lists[i], "", "0", i + 1 < lists.size()});
    Say({"kubectl", "*get mutatingwebhookconfigurations *", Registration("strongroom", "QUFB")});
    Say({"kubectl", "*--namespace default create --dry-run=server -o json *",
         std::string(kInjected)});
  }

  ProcessResult Run(std::vector<std::string> arguments,
                    std::function<void(pid_t)> while_running = {}) const {
    arguments.insert(arguments.begin(), fs::absolute(ProgramPath("strongroom")));
    return RunProcess(arguments, {.environment = {"PATH=" + Path("bin") + ":/usr/bin:/bin",
                                                  "FAKE=" + folder_.path().string(),
                                                  "XDG_CONFIG_HOME=" + Path("config")},
                                  .folder = folder_.path(),
                                  .while_running = std::move(while_running)});
  }
  // Stops it while a program of its does not end.
  ProcessResult Stop(const std::vector<std::string>& arguments) const {
    return Run(arguments, [this](pid_t pid) {
      for (int i = 0; i < 20'000 && !Log().contains(" stays\n"); ++i) usleep(1000);
      kill(pid, SIGTERM);
    });
  }
  std::string Log() const { return ReadTextFile(Path("log"), 1 << 20).value_or(""); }
  json Values() const {
    return json::parse(ReadTextFile(Path("values"), 1 << 20).value_or("null"));
  }

  TemporaryFolder folder_ = TemporaryFolder::Make("strongroom-install").value();
  int answers_ = 0;
};

std::string With(int available) {
  return ListOf({DeploymentOf("coordinator", available), DeploymentOf("webhook", available),
                 ServiceOf("coordinator-client-api", "coordinator"),
                 ServiceOf("coordinator-mesh-api", "coordinator"),
                 ServiceOf("strongroom-webhook", "webhook")});
}
std::string Up() { return With(1); }
std::string Coming() { return With(0); }

TEST_F(InstallTest, InstallsWaitsAndNamesTheNextCommands) {
  SayCluster({Coming(), Up()});
  const ProcessResult result = Run({"install", "--simulation", "--chart-folder", "charts"});
  EXPECT_EQ(result.exit_status, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("waiting: coordinator 0/1, webhook 0/1"));
  EXPECT_THAT(result.out, HasSubstr("strongroom: coordinator 1/1, webhook 1/1"));
  EXPECT_THAT(result.out, HasSubstr("*** TEST ***"));
  EXPECT_THAT(result.out, HasSubstr("strongroom verify -n strongroom --identity"));
  EXPECT_THAT(Log(), HasSubstr("helm upgrade --install strongroom charts/strongroom --values "));
  EXPECT_THAT(Log(), HasSubstr("--namespace strongroom\n"));
  const json values = Values();
  EXPECT_EQ(values["simulation"]["enabled"], true);
  EXPECT_EQ(values["webhook"]["enabled"], true);
  EXPECT_TRUE(values["tee"].empty());
  std::string tag(Version());
  std::ranges::replace(tag, '+', '-');
  EXPECT_EQ(values["image"]["tag"], tag);
}

TEST_F(InstallTest, MakesTheNamespaceRestricted) {
  Say({"kubectl", "*get namespace*", ""});
  Say({"kubectl", "*create -f *", ""});
  Say({"kubectl", "*get mutatingwebhookconfigurations *", Registration("rooms", "QUFB")});
  SayCluster({Up()});
  EXPECT_EQ(Run({"install", "--simulation", "--chart-folder", "charts", "-n", "rooms"}).exit_status,
            0);
  const json made = json::parse(ReadTextFile(Path("namespace.json"), 4096).value_or("null"));
  EXPECT_EQ(made["kind"], "Namespace");
  EXPECT_EQ(made["metadata"], json({{"name", "rooms"},
                                    {"labels",
                                     {{"pod-security.kubernetes.io/enforce", "restricted"},
                                      {"app.kubernetes.io/managed-by", "strongroom"}}}}));
}

const std::vector<std::string> kInstall = {"install", "--simulation", "--chart-folder",
                                           "charts",  "-n",           "rooms"};

TEST_F(InstallTest, StoppedWhileTheNamespaceIsMadeSaysWhetherItStands) {
  Say({"kubectl", "*get namespace*", "", "", "0", true});
  Say({"kubectl", "*create -f *", "", "", "stays"});
  Say({"kubectl", "*get namespace*", "namespace/rooms\n", "", "0", true});
  Say({"kubectl", "*get namespace*", "", "", "1"});
  const ProcessResult result = Stop(kInstall);
  EXPECT_EQ(result.signal, SIGTERM);
  EXPECT_THAT(result.err, HasSubstr("strongroom: stopped; namespace rooms stands\n"
                                    "next: \"strongroom uninstall -n rooms --delete-namespace\" "
                                    "removes it\n"));
  EXPECT_THAT(Log(), Not(HasSubstr("helm")));
}

TEST_F(InstallTest, StoppedBeforeAnythingStandsSaysSo) {
  Say({"kubectl", "*get namespace*", ""});
  Say({"kubectl", "*create -f *", "", "", "stays"});
  EXPECT_THAT(Stop(kInstall).err, HasSubstr("strongroom: stopped; nothing was changed\n"));
}

TEST_F(InstallTest, StoppedWhereNobodyKnowsWhatStandsSaysWhy) {
  Say({"kubectl", "*get namespace*", "namespace/rooms\n"});
  Say({"helm", "status*", "", "Error: release: not found\n", "1", true});
  Say({"helm", "upgrade*", "", "", "stays"});
  Say({"helm", "status*", "", "Error: Kubernetes cluster unreachable\n", "1"});
  const ProcessResult result = Stop(kInstall);
  EXPECT_EQ(result.signal, SIGTERM);
  EXPECT_THAT(
      result.err,
      HasSubstr("strongroom: stopped; what stands in namespace rooms is not known: helm: "
                "Error: Kubernetes cluster unreachable\nnext: strongroom check -n rooms\n"));
  EXPECT_THAT(result.err, Not(HasSubstr("nothing was changed")));
}

TEST_F(InstallTest, EveryFlagIsAValue) {
  SayCluster({Up()});
  const ProcessResult result = Run({"install",
                                    "--chart-folder",
                                    "charts",
                                    "--domain",
                                    "a.example,b.example",
                                    "--domain",
                                    "192.0.2.1",
                                    "--resource-key",
                                    "example.com/epc",
                                    "--dcap-pccs-url",
                                    "https://pccs:8081",
                                    "--dcap-secure-cert",
                                    "FALSE",
                                    "--disable-auto-injection",
                                    "--mesh-server-port",
                                    "2002",
                                    "--client-server-port",
                                    "4434",
                                    "--registry",
                                    "registry.example",
                                    "--image-tag",
                                    "1.2",
                                    "--set",
                                    "a.b=c",
                                    "--kube-context",
                                    "other"});
  EXPECT_EQ(result.exit_status, 0) << result.err;
  const json values = Values();
  EXPECT_THAT(values["coordinator"]["hostnames"].get<std::vector<std::string>>(),
              ElementsAre("a.example", "b.example", "192.0.2.1"));
  EXPECT_EQ(values["coordinator"]["meshService"]["port"], 2002);
  EXPECT_EQ(values["coordinator"]["clientService"]["port"], 4434);
  EXPECT_EQ(values["tee"]["resourceKey"], "example.com/epc");
  EXPECT_EQ(values["dcap"], json({{"pccsUrl", "https://pccs:8081"}, {"useSecureCert", false}}));
  EXPECT_EQ(values["webhook"]["enabled"], false);
  EXPECT_EQ(values["image"], json({{"registry", "registry.example"}, {"tag", "1.2"}}));
  EXPECT_EQ(values["simulation"]["enabled"], false);
  EXPECT_THAT(Log(), HasSubstr("--set a.b=c"));
  EXPECT_THAT(Log(), HasSubstr("--kube-context other"));
  EXPECT_THAT(Log(), HasSubstr("kubectl --context other --namespace strongroom get deployments,"));
}

TEST_F(InstallTest, FindsTheNodesSgxAndRefusesNodesWithout) {
  Say({"kubectl", "*get nodes*",
       R"({"items":[{"metadata":{"name":"n"},"status":{"capacity":{"alibabacloud.com/sgx_epc_MiB":"64"}}}]})",
       "", "0", true});
  SayCluster({Up()});
  EXPECT_EQ(Run({"install", "--chart-folder", "charts"}).exit_status, 0);
  EXPECT_EQ(Values()["tee"]["resourceKey"], "alibabacloud.com/sgx_epc_MiB");
  Say({"kubectl", "*get nodes*",
       R"({"items":[{"metadata":{"name":"n"},"status":{"capacity":{}}}]})"});
  const ProcessResult refused = Run({"install", "--chart-folder", "charts"});
  EXPECT_EQ(refused.exit_status, 1);
  EXPECT_THAT(refused.err, HasSubstr("none of 1 nodes offers SGX"));
  EXPECT_THAT(refused.err, HasSubstr("strongroom install --simulation"));
}

TEST_F(InstallTest, ConfidentialMachinesNeedNoSgx) {
  SayCluster({Up()});
  EXPECT_EQ(Run({"install", "--chart-folder", "charts", "--tee", "tdx"}).exit_status, 0);
  EXPECT_EQ(Values()["tee"], json({{"class", "tdx"}}));
  EXPECT_THAT(Log(), Not(HasSubstr("get nodes")));
}

TEST_F(InstallTest, SaysWhichObjectIsBrokenWhyAndWhatToDo) {
  json pod = Labelled("Pod", "strongroom-coordinator-x", "coordinator");
  pod["status"] = {{"containerStatuses",
                    {{{"name", "coordinator"},
                      {"image", "strongroom/coordinator:1"},
                      {"restartCount", 0},
                      {"state", {{"waiting", {{"reason", "ErrImageNeverPull"}}}}}}}}};
  SayCluster({ListOf({DeploymentOf("coordinator", 0), pod})});
  const ProcessResult result =
      Run({"install", "--simulation", "--chart-folder", "charts", "--timeout", "0"});
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.err, HasSubstr("pod strongroom-coordinator-x, container coordinator: image "
                                    "strongroom/coordinator:1 is not there"));
  EXPECT_THAT(result.err, HasSubstr("next: tools/images --load"));
  EXPECT_THAT(result.out, Not(HasSubstr("manifest set")));
}

TEST_F(InstallTest, AWebhookThatCannotBeCalledIsNotUp) {
  Say({"kubectl", "*get mutatingwebhookconfigurations *", Registration("strongroom", "")});
  SayCluster({Up()});
  const ProcessResult result =
      Run({"install", "--simulation", "--chart-folder", "charts", "--timeout", "0"});
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.err, HasSubstr("certificate authority"));
  EXPECT_THAT(result.err, HasSubstr("logs deployment/strongroom-webhook"));
}

// With failurePolicy Ignore the API server takes a marble as it came, and says nothing.
TEST_F(InstallTest, AWebhookThatIsNotCalledIsNotUp) {
  const json by_name = {{"key", "kubernetes.io/metadata.name"},
                        {"operator", "NotIn"},
                        {"values", {"kube-system", "strongroom"}}};
  Say({"kubectl", "*get mutatingwebhookconfigurations *",
       Registration("strongroom", "QUFB",
                    {{"failurePolicy", "Ignore"},
                     {"namespaceSelector", {{"matchExpressions", {by_name}}}}})});
  Say({"kubectl", "*create --dry-run=server *", std::string(kAsItCame)});
  SayCluster({Up()});
  const ProcessResult result = Run({"check", "--timeout", "0"});
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.err,
              HasSubstr("mutatingwebhookconfiguration strongroom-webhook-strongroom: the API "
                        "server does not call it: labelled pods get no agent\n"
                        "  next: strongroom install -n strongroom, with the flags of before and "
                        "--set webhook.failurePolicy=Fail, says why (webhook.tls.caBundle is of "));
}

TEST_F(InstallTest, AWebhookOfChosenNamespacesNeedNotBeCalledForOthers) {
  Say({"kubectl", "*get mutatingwebhookconfigurations *",
       Registration("strongroom", "QUFB",
                    {{"namespaceSelector", {{"matchLabels", {{"marbles", "yes"}}}}}})});
  Say({"kubectl", "*create --dry-run=server *", std::string(kAsItCame)});
  SayCluster({Up()});
  EXPECT_EQ(Run({"check", "--timeout", "0"}).exit_status, 0);
}

TEST_F(InstallTest, WhatAMissingAuthorityMeansFollowsThePolicy) {
  Say({"kubectl", "*get mutatingwebhookconfigurations *",
       Registration("strongroom", "", {{"failurePolicy", "Ignore"}})});
  SayCluster({Up()});
  EXPECT_THAT(Run({"check", "--timeout", "0"}).err,
              HasSubstr("is not in it yet, so labelled pods get no agent\n"));
}

TEST_F(InstallTest, AWebhookThatIsRegisteredElsewhereOnlyIsMissing) {
  Say({"kubectl", "*get mutatingwebhookconfigurations *", Registration("rooms", "QUFB")});
  SayCluster({Up()});
  const ProcessResult result = Run({"check", "--timeout", "0"});
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.err, HasSubstr("the webhook's mutatingwebhookconfiguration: is not there: "
                                    "labelled pods get no agent"));
}

TEST_F(InstallTest, SaysWhyTheApiServerCannotCallTheWebhook) {
  Say({"kubectl", "*create --dry-run=server *", "",
       "Error from server (InternalError): error when creating \"pod.json\": Internal error "
       "occurred: failed calling webhook \"marble.strongroom.dev\": failed to call webhook: Post "
       "\"https://strongroom-webhook.strongroom.svc:443/mutate?timeout=5s\": tls: failed to verify "
       "certificate: x509: certificate signed by unknown authority\n",
       "1"});
  SayCluster({Up()});
  const ProcessResult result = Run({"check", "--timeout", "0"});
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(
      result.err,
      HasSubstr("mutatingwebhookconfiguration strongroom-webhook-strongroom: the API server "
                "cannot call the webhook, so it refuses labelled pods: failed calling"));
  EXPECT_THAT(result.err, HasSubstr("x509: certificate signed by unknown authority\n"));
  EXPECT_THAT(result.err, HasSubstr("  next: strongroom install -n strongroom with "
                                    "webhook.tls.caBundle of the authority that signed"));
}

TEST_F(InstallTest, AnotherInstallationsWebhookIsNotOurs) {
  Say({"kubectl", "*create --dry-run=server *", "",
       "Error from server (InternalError): failed calling webhook \"marble.strongroom.dev\": Post "
       "\"https://strongroom-webhook.rooms.svc:443/mutate?timeout=5s\": connection refused\n",
       "1"});
  SayCluster({Up()});
  EXPECT_EQ(Run({"check", "--timeout", "0"}).exit_status, 0);
}

TEST_F(InstallTest, ShowsTheEndOfTheLogThatTellsWhy) {
  json pod = Labelled("Pod", "strongroom-webhook-x", "webhook");
  json event = {{"kind", "Event"},
                {"type", "Warning"},
                {"reason", "Unhealthy"},
                {"message", "Readiness probe failed: HTTP probe failed with statuscode: 503"},
                {"involvedObject", {{"name", "strongroom-webhook-x"}}}};
  SayCluster({ListOf({DeploymentOf("webhook", 0), pod, event})});
  Say({"kubectl", "*logs --tail=5 strongroom-webhook-x", "first\nnot ready: it ended\n"});
  const ProcessResult result = Run({"check", "--timeout", "0"});
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.err, HasSubstr("statuscode: 503\n  log: first\n  log: not ready: it ended\n"
                                    "  next: kubectl -n strongroom logs strongroom-webhook-x\n"));
  const ProcessResult machine = Run({"check", "--timeout", "0", "--json"});
  EXPECT_EQ(json::parse(machine.out)["problems"][0]["log"], "first\nnot ready: it ended");
}

constexpr std::string_view kSteering =
    "\x1b[2J\a\xc2\x9b"
    "31m\nnext: forged\n";
constexpr std::string_view kHarmless = R"(\u001b[2J\u0007\u009b31m next: forged)";

TEST_F(InstallTest, WhatTheClusterSaysSteersNoTerminalAndForgesNoLine) {
  json pod = Labelled("Pod", "strongroom-webhook-x", "webhook");
  json event = {{"kind", "Event"},
                {"type", "Warning"},
                {"reason", "Unhealthy"},
                {"message", kSteering},
                {"involvedObject", {{"name", "strongroom-webhook-x"}}}};
  SayCluster({ListOf({DeploymentOf("webhook", 0), pod, event})});
  Say({"kubectl", "*logs --tail=5 strongroom-webhook-x", std::string(kSteering)});
  const std::string err = Run({"check", "--timeout", "0"}).err;
  EXPECT_THAT(err, HasSubstr(fmt::format("Unhealthy: {} \n", kHarmless)));
  EXPECT_THAT(err, HasSubstr("  log: \\u001b[2J\\u0007\\u009b31m\n  log: next: forged\n"));
  EXPECT_EQ(err.find_first_of("\x1b\a\x9b"), err.npos) << err;
}

TEST_F(InstallTest, WhatAToolSaysSteersNoTerminalAndForgesNoLine) {
  Say({"kubectl", "*", "", fmt::format("Error: {}", kSteering), "1"});
  const std::string err = Run({"check"}).err;
  EXPECT_EQ(err, fmt::format("strongroom: kubectl: Error: {}\n", kHarmless));
}

TEST_F(InstallTest, ASecondInstallSaysThatItUpgrades) {
  Say({"helm", "status strongroom *", R"({"version":3,"info":{"status":"deployed"}})"});
  SayCluster({Up()});
  const ProcessResult result = Run({"install", "--simulation", "--chart-folder", "charts"});
  EXPECT_EQ(result.exit_status, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("namespace strongroom has it already (revision 3, deployed): "
                                    "upgrading; what is not named now goes back to its default"));
}

TEST_F(InstallTest, AnOperationThatWasKilledIsNamedWithItsWayOut) {
  Say({"helm", "status strongroom *", R"({"version":1,"info":{"status":"pending-install"}})"});
  SayCluster({Up()});
  const ProcessResult result = Run({"install", "--simulation", "--chart-folder", "charts"});
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.err, HasSubstr("release strongroom in namespace strongroom is "
                                    "pending-install: another helm is at work, or was killed"));
  EXPECT_THAT(result.err, HasSubstr("next: strongroom uninstall -n strongroom"));
  EXPECT_THAT(Log(), Not(HasSubstr("upgrade")));
}

TEST_F(InstallTest, SaysWhatHelmSaid) {
  Say({"helm", "upgrade*", "", "Error: values don't meet the specifications of the schema(s)\n",
       "1"});
  SayCluster({Up()});
  const ProcessResult result = Run({"install", "--simulation", "--chart-folder", "charts"});
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.err, HasSubstr("don't meet the specifications"));
  EXPECT_THAT(result.err, HasSubstr("next: helm show readme"));
  EXPECT_THAT(Log(), Not(HasSubstr("get deployments")));
}

TEST_F(InstallTest, WithoutHelmKubectlOrChartsSaysSo) {
  SayCluster({Up()});
  EXPECT_THAT(Run({"install", "--simulation", "--chart-folder", "nowhere"}).err,
              HasSubstr("no chart strongroom in nowhere"));
  fs::remove(Path("bin/helm"));
  EXPECT_THAT(Run({"install", "--simulation", "--chart-folder", "charts"}).err,
              HasSubstr("no helm on the PATH"));
  EXPECT_EQ(Run({"install", "--simulation", "--mesh-server-port", "0", "--chart-folder", "charts"})
                .exit_status,
            1);
}

TEST_F(InstallTest, FindsTheChartsOfItsOwnSource) {
  SayCluster({Up()});
  const ProcessResult result = Run({"install", "--simulation"});
  EXPECT_EQ(result.exit_status, 0) << result.err;
  EXPECT_THAT(Log(), HasSubstr("/deploy/charts/strongroom "));
}

TEST_F(InstallTest, CheckWaitsAndAnswersForMachines) {
  SayCluster({Coming(), Up()});
  const ProcessResult result = Run({"check", "--json"});
  EXPECT_EQ(result.exit_status, 0) << result.err;
  const json answer = json::parse(result.out);
  EXPECT_EQ(answer["ready"], true);
  EXPECT_EQ(answer["simulated"], true);
  EXPECT_EQ(answer["parts"][0]["name"], "coordinator");
}

TEST_F(InstallTest, CheckOfNothingNamesInstall) {
  SayCluster({ListOf({})});
  const ProcessResult result = Run({"check", "-n", "empty"});
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.err, HasSubstr("next: strongroom install -n empty"));
}

TEST_F(InstallTest, AClusterThatDoesNotAnswerIsUnreachable) {
  Say({"kubectl", "*", "",
       "E1121 18:21:09.432627    9352 memcache.go:265] \"Unhandled Error\" connection refused\n"
       "The connection to the server localhost:8080 was refused - did you specify the right host "
       "or port?\n",
       "1"});
  const ProcessResult result = Run({"check"});
  EXPECT_EQ(result.exit_status, 5);
  EXPECT_THAT(result.err, HasSubstr("did you specify the right host"));
  EXPECT_THAT(result.err, HasSubstr("no cluster is configured: set KUBECONFIG"));
  EXPECT_THAT(result.err, Not(HasSubstr("memcache")));
}

TEST_F(InstallTest, PrecheckCountsNodesAndGivesAdvice) {
  Say({"kubectl", "*get nodes*",
       R"({"items":[{"metadata":{"name":"n"},"status":{"capacity":{"sgx.intel.com/epc":"1"}}}]})"});
  const ProcessResult result = Run({"precheck"});
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.out,
              HasSubstr("node n offers sgx.intel.com/epc, but not sgx.intel.com/enclave"));
  EXPECT_THAT(result.out, HasSubstr("none of 1 nodes offers SGX"));
  EXPECT_THAT(result.out, HasSubstr("next: the SGX device plugin must offer"));
}

TEST_F(InstallTest, UninstallRemovesTheReleaseAndTheNamespaceOnlyWhenAsked) {
  Say({"helm", "uninstall strongroom --wait*", "release \"strongroom\" uninstalled\n"});
  Say({"kubectl", "*wait pods --for=delete *", ""});
  Say({"kubectl", "*delete namespace strongroom*", ""});
  EXPECT_EQ(Run({"uninstall"}).exit_status, 0);
  EXPECT_THAT(Log(), Not(HasSubstr("delete namespace")));
  EXPECT_EQ(Run({"uninstall", "--delete-namespace"}).exit_status, 0);
  EXPECT_THAT(Log(), HasSubstr("delete namespace strongroom --wait=true"));
}

TEST_F(InstallTest, PodsThatDoNotEndDoNotKeepFromTheNamespace) {
  Say({"helm", "uninstall strongroom --wait*", "release \"strongroom\" uninstalled\n"});
  Say({"kubectl", "*wait pods --for=delete *", "",
       "error: timed out waiting for the condition on pods/strongroom-webhook-x\n", "1"});
  Say({"kubectl", "*get pods --selector *",
       "pod/strongroom-webhook-x\npod/strongroom-webhook-y\n"});
  Say({"kubectl", "*delete namespace strongroom*", ""});
  const ProcessResult result = Run({"uninstall", "--delete-namespace"});
  EXPECT_EQ(result.exit_status, 0);
  EXPECT_THAT(result.err, HasSubstr("these pods have not ended yet: pod/strongroom-webhook-x "
                                    "pod/strongroom-webhook-y\n"));
  EXPECT_THAT(result.out, HasSubstr("uninstalled from namespace strongroom; "));
  EXPECT_THAT(result.out, HasSubstr("namespace strongroom is gone too\n"));
}

TEST_F(InstallTest, UninstallSaysThatTheReleaseIsGoneWhateverComesThen) {
  Say({"helm", "uninstall strongroom --wait*", "release \"strongroom\" uninstalled\n"});
  Say({"kubectl", "*", "", "Error from server (Forbidden): no\n", "1"});
  const ProcessResult result = Run({"uninstall", "--delete-namespace"});
  EXPECT_NE(result.exit_status, 0);
  EXPECT_THAT(result.out, HasSubstr("uninstalled from namespace strongroom; "));
  EXPECT_THAT(result.err, HasSubstr("whether its pods have ended is not known: kubectl: Error"));
}

constexpr std::string_view kNoRelease =
    "Error: uninstall: Release not loaded: strongroom: release: not found\n";

TEST_F(InstallTest, UninstallOfNothingSaysSoAndDeletesNothing) {
  Say({"helm", "uninstall*", "", std::string(kNoRelease), "1"});
  Say({"kubectl", "*get namespace rooms *", "helm"});
  const ProcessResult result = Run({"uninstall", "-n", "rooms", "--delete-namespace"});
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.err, HasSubstr("nothing of ours is installed in namespace rooms"));
  EXPECT_THAT(Log(), Not(HasSubstr("delete")));
}

TEST_F(InstallTest, UninstallRemovesTheNamespaceThatAnInstallationLeft) {
  Say({"helm", "uninstall*", "", std::string(kNoRelease), "1"});
  Say({"kubectl", "*get namespace rooms *managed-by}", "strongroom"});
  Say({"kubectl", "*delete namespace rooms --wait=true*", ""});
  EXPECT_EQ(Run({"uninstall", "-n", "rooms"}).exit_status, 1);
  EXPECT_THAT(Log(), Not(HasSubstr("delete")));
  const ProcessResult result = Run({"uninstall", "-n", "rooms", "--delete-namespace"});
  EXPECT_EQ(result.exit_status, 0) << result.err;
  EXPECT_EQ(result.out, "namespace rooms is gone\n");
}

// A user who never verified the coordinator of this cluster is told what to type before anything is
// opened; one who wants to has a way made and closed.
TEST_F(InstallTest, CoordinatorsInClustersArePinnedByContextAndNamespace) {
  Say({"kubectl", "*config current-context", "kind-kind\n"});
  Say({"kubectl", "*get service/coordinator-client-api *", "service/coordinator-client-api\n"});
  const ProcessResult result = Run({"status", "-n", "rooms"});
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(
      result.err,
      HasSubstr("kubernetes:kind-kind/rooms was never verified; run \"strongroom verify -n rooms"));
  EXPECT_THAT(Log(), Not(HasSubstr("port-forward")));
}

TEST_F(InstallTest, AWayIntoTheClusterIsMadeAndClosed) {
  Say({"kubectl", "*config current-context", "kind-kind\n"});
  Say({"kubectl", "*port-forward --address 127.0.0.1 service/coordinator-client-api :https-client",
       "Forwarding from 127.0.0.1:1 -> 4433\n", "", "stays"});
  const ProcessResult result = Run({"verify", "--mrenclave", std::string(64, '0')});
  EXPECT_EQ(result.exit_status, 5);
  EXPECT_THAT(result.err, HasSubstr("kubernetes:kind-kind/strongroom"));
  EXPECT_THAT(Log(), HasSubstr("kubectl ended"));
}

TEST_F(InstallTest, AClusterWithoutACoordinatorSaysWhatKubectlSaid) {
  Say({"kubectl", "*config current-context", "kind-kind\n"});
  Say({"kubectl", "*port-forward*", "",
       "Error from server (NotFound): services \"coordinator-client-api\" not found\n", "1"});
  const ProcessResult result = Run({"verify", "--mrenclave", std::string(64, '0')});
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.err, HasSubstr("no way to kubernetes:kind-kind/strongroom: "));
  EXPECT_THAT(result.err, HasSubstr("services \"coordinator-client-api\" not found"));
  EXPECT_THAT(result.err, HasSubstr("run \"strongroom check -n strongroom\" to see why"));
}

TEST_F(InstallTest, ANamespaceWithoutACoordinatorIsNotOneThatWasNeverVerified) {
  Say({"kubectl", "*config current-context", "kind-kind\n"});
  Say({"kubectl", "*get service/coordinator-client-api --ignore-not-found*", ""});
  const ProcessResult result = Run({"status", "-n", "rooms"});
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.err, HasSubstr("no coordinator is installed in namespace rooms"));
  EXPECT_THAT(result.err, Not(HasSubstr("never verified")));
}

TEST_F(InstallTest, AContextThatIsNotThereIsNamed) {
  Say({"kubectl", "*config get-contexts other -o name", "", "error: context other not found\n",
       "1"});
  const ProcessResult result = Run({"status", "--kube-context", "other"});
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.err, HasSubstr("there is no context \"other\""));
}

TEST_F(InstallTest, WithoutAKubeconfigSaysWhatToSet) {
  Say({"kubectl", "*config current-context", "", "error: current-context is not set\n", "1"});
  const ProcessResult result = Run({"status"});
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.err, HasSubstr("kubectl has no current context: set KUBECONFIG"));
}

TEST_F(InstallTest, AnAddressAndAClusterTogetherAreRefused) {
  const ProcessResult result =
      Run({"verify", "localhost:4433", "-n", "rooms", "--mrenclave", std::string(64, '0')});
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.err, HasSubstr("both localhost:4433 and a cluster"));
}

}  // namespace
}  // namespace strongroom::cli
