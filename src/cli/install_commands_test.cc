// install, by the built program on a fake cluster.

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/version.h"
#include "cli/testing/fake_cluster.h"

namespace strongroom::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using strongroom::testing::ProcessResult;
using testing::Coming;
using testing::DeploymentOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::InstallTest;
using testing::Labelled;
using testing::ListOf;
using ::testing::Not;
using testing::Registration;
using testing::Up;

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
            2);
}

TEST_F(InstallTest, FindsTheChartsOfItsOwnSource) {
  SayCluster({Up()});
  const ProcessResult result = Run({"install", "--simulation"});
  EXPECT_EQ(result.exit_status, 0) << result.err;
  EXPECT_THAT(Log(), HasSubstr("/deploy/charts/strongroom "));
}

}  // namespace
}  // namespace strongroom::cli
