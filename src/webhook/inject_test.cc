// Our labels: TEE classes, modes, sizes, runtime classes, GPUs, quote providers.
#include "webhook/inject.h"

#include "testing/result_matchers.h"
#include "webhook/testing/apply_patch.h"
#include "webhook/testing/reviews.h"

namespace strongroom::webhook {
namespace {

using nlohmann::json;
using namespace testing;  // NOLINT(google-build-using-namespace): this room's test helpers

json PodFor(const char* tee, const char* mode = "launcher") {
  return MakePod({{"strongroom.dev/marble", "server"},
                  {"strongroom.dev/tee", tee},
                  {"strongroom.dev/mode", mode}});
}

Outcome Judged(const json& pod, const Configuration& configuration = FullConfiguration()) {
  const auto outcome = RunMutate(MakeReview(pod).dump(), configuration);
  EXPECT_OK(outcome);
  return outcome.value_or(Outcome{});
}

json Mutated(const json& pod, const Configuration& configuration = FullConfiguration()) {
  const Outcome outcome = Judged(pod, configuration);
  EXPECT_TRUE(outcome.allowed) << outcome.message;
  auto applied = ApplyPatch(pod, outcome.patch);
  EXPECT_OK(applied);
  return applied.value_or(json());
}

const json& Main(const json& pod) { return pod["spec"]["containers"][0]; }

json Named(const json& list, const std::string& name) {
  for (const json& item : list) {
    if (item["name"] == name) return item;
  }
  return nullptr;
}

json Variable(const json& container, const std::string& name) {
  return Named(container.value("env", json::array()), name).value("value", json());
}

TEST(Inject, APodWithoutOurLabelsStaysAsItIs) {
  const Outcome outcome = Judged(MakePod({{"app", "shop"}}));
  EXPECT_TRUE(outcome.allowed);
  EXPECT_TRUE(outcome.patch.empty());
}

TEST(Inject, SgxGetsEnvironmentDevicesAndTheWayToItsNodes) {
  const json pod = Mutated(PodFor("sgx"));
  EXPECT_EQ(Variable(Main(pod), "EDG_MARBLE_TYPE"), "server");
  EXPECT_EQ(Variable(Main(pod), "EDG_MARBLE_COORDINATOR_ADDR"),
            "coordinator-mesh-api.strongroom:2001");
  EXPECT_EQ(Main(pod)["resources"]["limits"], json::parse(R"({"sgx.intel.com/epc":"10Mi",
      "sgx.intel.com/enclave":"1","sgx.intel.com/provision":"1"})"));
  EXPECT_EQ(pod["spec"]["tolerations"][0]["key"], "sgx.intel.com/epc");
  EXPECT_EQ(Main(pod)["command"], json::array({"/bin/serve"})) << "a Gramine image starts itself";
  EXPECT_EQ(pod["metadata"]["labels"]["strongroom.dev/container"], "main");
}

TEST(Inject, TheSizeOfEnclaveMemoryIsTheWorkloads) {
  json pod = PodFor("sgx");
  pod["metadata"]["labels"]["strongroom.dev/epc"] = "1Gi";
  EXPECT_EQ(Main(Mutated(pod))["resources"]["limits"]["sgx.intel.com/epc"], "1Gi");
  Configuration azure = FullConfiguration();
  azure.resource_key = "kubernetes.azure.com/sgx_epc_mem_in_MiB";
  EXPECT_EQ(Main(Mutated(pod, azure))["resources"]["limits"][azure.resource_key], "1024");
  pod["metadata"]["labels"]["strongroom.dev/epc"] = "1.5Ki";
  EXPECT_EQ(Main(Mutated(pod))["resources"]["limits"]["sgx.intel.com/epc"], "1536")
      << "plugins' resources are whole numbers";
}

TEST(Inject, WhatIntelsWebhookDidIsNotDoneAgain) {
  json pod = PodFor("sgx");
  json& container = pod["spec"]["containers"][0];
  container["resources"]["limits"] = {{"sgx.intel.com/epc", "64Mi"},
                                      {"sgx.intel.com/enclave", "1"},
                                      {"sgx.intel.com/provision", "1"}};
  EXPECT_EQ(Main(Mutated(pod))["resources"], container["resources"]);
}

TEST(Inject, AesmIsReachedOverTheNodesSocketOrThePods) {
  json pod = PodFor("sgx");
  pod["metadata"]["annotations"]["strongroom.dev/quote-provider"] = "aesmd";
  json mutated = Mutated(pod);
  EXPECT_EQ(Variable(Main(mutated), "SGX_AESM_ADDR"), "1");
  EXPECT_FALSE(Main(mutated)["resources"]["limits"].contains("sgx.intel.com/provision"));
  const json mount = {
      {"name", "aesmd-socket"}, {"mountPath", "/var/run/aesmd"}, {"readOnly", true}};
  EXPECT_EQ(Named(Main(mutated)["volumeMounts"], "aesmd-socket"), mount);
  // A node without the daemon gets no empty folder.
  EXPECT_EQ(Named(mutated["spec"]["volumes"], "aesmd-socket")["hostPath"],
            json({{"path", "/var/run/aesmd"}, {"type", "Directory"}}));
  pod["spec"]["containers"].push_back({{"name", "aesmd"}, {"image", "aesmd"}});
  pod["metadata"]["labels"]["strongroom.dev/container"] = "main";
  mutated = Mutated(pod);
  EXPECT_TRUE(Named(mutated["spec"]["volumes"], "aesmd-socket").contains("emptyDir"));
  EXPECT_EQ(Named(Main(mutated)["volumeMounts"], "aesmd-socket"), mount);
}

TEST(Inject, IntelsAnnotationNamesAesmToo) {
  json pod = PodFor("sgx");
  pod["metadata"]["annotations"]["sgx.intel.com/quote-provider"] = "aesmd";
  EXPECT_EQ(Variable(Main(Mutated(pod)), "SGX_AESM_ADDR"), "1");
}

TEST(Inject, ConfidentialVmsGetTheirRuntimeClassAndTheAgentInFront) {
  for (const auto& [tee, runtime_class] :
       std::map<const char*, std::string>{{"tdx", "kata-qemu-tdx"}, {"snp", "kata-qemu-snp"}}) {
    SCOPED_TRACE(tee);
    const json pod = Mutated(PodFor(tee));
    EXPECT_EQ(pod["spec"]["runtimeClassName"], runtime_class);
    EXPECT_EQ(Main(pod)["command"],
              json::array({"/strongroom-agent/strongroom-agent", "run", "--config",
                           "/etc/strongroom/agent.json", "--", "/bin/serve"}));
    const json copy = Named(pod["spec"]["initContainers"], "strongroom-agent-copy");
    EXPECT_EQ(copy["image"], "strongroom/agent:1");
    EXPECT_EQ(Named(Main(pod)["volumeMounts"], "strongroom-agent")["readOnly"], true);
    EXPECT_EQ(Named(pod["spec"]["volumes"], "strongroom-files")["emptyDir"]["medium"], "Memory");
    EXPECT_FALSE(pod["spec"].contains("tolerations"));
  }
}

TEST(Inject, ARuntimeClassOfThePodIsKept) {
  json pod = PodFor("tdx");
  pod["metadata"]["annotations"]["strongroom.dev/runtime-class"] = "mine";
  EXPECT_EQ(Mutated(pod)["spec"]["runtimeClassName"], "mine");
  pod["spec"]["runtimeClassName"] = "older";
  EXPECT_EQ(Mutated(pod)["spec"]["runtimeClassName"], "older");
}

TEST(Inject, GpusChooseTheirRuntimeClass) {
  json pod = PodFor("snp");
  pod["metadata"]["annotations"]["strongroom.dev/gpus"] = "2";
  const json mutated = Mutated(pod);
  EXPECT_EQ(mutated["spec"]["runtimeClassName"], "kata-qemu-nvidia-gpu-snp");
  EXPECT_EQ(Main(mutated)["resources"]["limits"]["nvidia.com/gpu"], "2");
}

TEST(Inject, NodesAreSelectedAsTheInstallationSays) {
  Configuration configuration = FullConfiguration();
  configuration.tees[Tee::kSnp].node_selector = {{"pool", "snp"}, {"zone", "b"}};
  json pod = PodFor("snp");
  pod["spec"]["nodeSelector"] = {{"zone", "a"}};
  EXPECT_EQ(Mutated(pod, configuration)["spec"]["nodeSelector"],
            json({{"zone", "a"}, {"pool", "snp"}}));
}

TEST(Inject, SimulationWrapsTheCommandAndSaysThatItProtectsNothing) {
  json pod = PodFor("sim");
  pod["spec"]["containers"][0].erase("command");
  pod["metadata"]["annotations"]["strongroom.dev/launch-arguments"] = "--mount /models=/models";
  const Outcome outcome = Judged(pod);
  EXPECT_NE(outcome.warnings.dump().find("protects nothing"), std::string::npos);
  const json mutated = ApplyPatch(pod, outcome.patch).value();
  EXPECT_EQ(Main(mutated)["command"],
            json::array({"/strongroom-sim/strongroom-simtee", "run", "--root=container",
                         "--well-known-world", "--launch",
                         "/etc/strongroom/launch/modelserver.json", "--mount", "/models=/models"}));
  EXPECT_EQ(Main(mutated)["securityContext"]["readOnlyRootFilesystem"], true);
  EXPECT_EQ(Named(Main(mutated)["volumeMounts"], "strongroom-sim")["readOnly"], true);
  const json copy = Named(mutated["spec"]["initContainers"], "strongroom-simtee");
  EXPECT_EQ(copy["command"],
            json::array({"/usr/bin/strongroom-simtee", "copy", "/strongroom-sim"}));
  EXPECT_FALSE(mutated["spec"].contains("runtimeClassName"));
  EXPECT_FALSE(Main(mutated)["resources"].contains("limits"));
}

TEST(Inject, ACommandIsPutBehindTheLauncherNotReplaced) {
  json pod = PodFor("sim");
  pod["metadata"]["annotations"]["strongroom.dev/launch"] = "/launch.json";
  pod["spec"]["containers"][0]["args"] = {"--fast"};
  const Outcome outcome = Judged(pod);
  const json command = Main(ApplyPatch(pod, outcome.patch).value())["command"];
  EXPECT_EQ(command[5], "/launch.json");
  EXPECT_EQ(command[6], "--");
  EXPECT_EQ(command[7], "/bin/serve");
  EXPECT_EQ(outcome.patch.at(1)["op"], "test") << "the rewriting is guarded";
}

TEST(Inject, AddedContainersPassTheRestrictedPodSecurityStandard) {
  for (const char* tee : {"sim", "tdx"}) {
    for (const char* mode : {"launcher", "init", "sidecar"}) {
      const json pod = Mutated(PodFor(tee, mode));
      for (const json& container : pod["spec"]["initContainers"]) {
        SCOPED_TRACE(container.dump());
        const json& security = container["securityContext"];
        EXPECT_EQ(security["allowPrivilegeEscalation"], false);
        EXPECT_EQ(security["runAsNonRoot"], true);
        EXPECT_EQ(security["capabilities"]["drop"], json::array({"ALL"}));
        EXPECT_EQ(security["seccompProfile"]["type"], "RuntimeDefault");
        EXPECT_EQ(security["readOnlyRootFilesystem"], true);
        EXPECT_TRUE(container["resources"]["limits"].contains("memory"));
      }
    }
  }
}

TEST(Inject, ModeInitPutsTheAgentBeforeTheWorkload) {
  const json pod = Mutated(PodFor("tdx", "init"));
  const json agent = Named(pod["spec"]["initContainers"], "strongroom-agent");
  EXPECT_EQ(agent["command"], json::array({"/usr/bin/strongroom-agent", "init", "--config",
                                           "/etc/strongroom/agent.json"}));
  EXPECT_EQ(Variable(agent, "EDG_MARBLE_TYPE"), "server");
  EXPECT_EQ(Variable(agent, "EDG_MARBLE_UUID_FILE"), "/server-uid/uuid-file");
  EXPECT_FALSE(agent.contains("restartPolicy"));
  EXPECT_EQ(Main(pod)["command"], json::array({"/bin/serve"}));
  const json mount = Named(Main(pod)["volumeMounts"], "strongroom-files");
  EXPECT_EQ(mount["mountPath"], "/run/strongroom");
  EXPECT_EQ(mount["readOnly"], true);
}

TEST(Inject, TheAgentRunsAsTheWorkloadSoThatItsFilesCanBeRead) {
  json pod = PodFor("tdx", "init");
  const auto user = [&] {
    return Named(Mutated(pod)["spec"]["initContainers"],
                 "strongroom-agent")["securityContext"]["runAsUser"];
  };
  EXPECT_EQ(user(), 65532);
  pod["spec"]["securityContext"]["runAsUser"] = 1000;
  EXPECT_EQ(user(), 1000);
  pod["spec"]["containers"][0]["securityContext"]["runAsUser"] = 2000;
  EXPECT_EQ(user(), 2000);
}

TEST(Inject, ModeSidecarKeepsTheAgentRunningAndTheOthersWaiting) {
  const json pod = Mutated(PodFor("snp", "sidecar"));
  const json agent = Named(pod["spec"]["initContainers"], "strongroom-agent");
  EXPECT_EQ(agent["restartPolicy"], "Always");
  EXPECT_EQ(agent["command"][1], "sidecar");
  EXPECT_TRUE(agent["startupProbe"].contains("exec"));
}

TEST(Inject, ASimulatedAgentContainerStandsBehindTheLauncherToo) {
  const json pod = Mutated(PodFor("sim", "init"));
  ASSERT_EQ(pod["spec"]["initContainers"].size(), 2U);
  EXPECT_EQ(pod["spec"]["initContainers"][0]["name"], "strongroom-simtee");
  const json& agent = pod["spec"]["initContainers"][1];
  EXPECT_EQ(agent["command"].back(), "/etc/strongroom/launch/agent-init.json");
  EXPECT_EQ(Named(agent["volumeMounts"], "strongroom-sim")["readOnly"], true);
}

TEST(Inject, ASimulatedSidecarIsProbedByTheConfigurationThatItsLaunchNames) {
  const json agent =
      Named(Mutated(PodFor("sim", "sidecar"))["spec"]["initContainers"], "strongroom-agent");
  EXPECT_EQ(agent["command"].back(), "/etc/strongroom/launch/agent-sidecar.json");
  EXPECT_EQ(agent["startupProbe"]["exec"]["command"],
            json::array({"/usr/bin/strongroom-agent", "ready", "--config",
                         "/etc/strongroom/launch/agent.json"}));
}

TEST(Inject, AddedInitContainersComeBeforeThePodsOwn) {
  json pod = PodFor("sim");
  pod["spec"]["initContainers"] = json::array({{{"name", "own"}, {"image", "i"}}});
  const json mutated = Mutated(pod);
  EXPECT_EQ(mutated["spec"]["initContainers"][0]["name"], "strongroom-simtee");
  EXPECT_EQ(mutated["spec"]["initContainers"][1], pod["spec"]["initContainers"][0]);
}

TEST(Inject, SeveralContainersAreNamedByAnnotation) {
  json pod = PodFor("sgx");
  pod["metadata"]["annotations"]["strongroom.dev/containers"] = "main,side";
  pod["spec"]["initContainers"] =
      json::array({{{"name", "side"}, {"image", "s"}, {"restartPolicy", "Always"}}});
  const json mutated = Mutated(pod);
  EXPECT_EQ(Variable(mutated["spec"]["initContainers"][0], "EDG_MARBLE_TYPE"), "server");
  EXPECT_EQ(Variable(Main(mutated), "EDG_MARBLE_TYPE"), "server");
}

TEST(Inject, ResourceClaimsPassThrough) {
  json pod = PodFor("sgx");
  const json claims = json::array({{{"name", "sgx"}}});
  pod["spec"]["containers"][0]["resources"] = {{"claims", claims}};
  EXPECT_EQ(Main(Mutated(pod))["resources"]["claims"], claims);
}

struct Refusal {
  const char* name;
  const char* pointer;
  json value;
  int code;
  const char* message;
};

TEST(Inject, RefusesWhatItCannotMakeGood) {
  const std::vector<Refusal> rows = {
      {"an empty marble", "/metadata/labels/strongroom.dev~1marble", "", 422, "is empty"},
      {"a path as marble", "/metadata/labels/strongroom.dev~1marble", "../x", 422,
       "no name of a marble"},
      {"an unknown TEE", "/metadata/labels/strongroom.dev~1tee", "sev", 422, "wanted one of sgx"},
      {"an unknown mode", "/metadata/labels/strongroom.dev~1mode", "x", 422, "wanted one of"},
      {"no size", "/metadata/labels/strongroom.dev~1epc", "big", 422, "wanted a quantity"},
      {"both dialects", "/metadata/labels/marblerun~1marbletype", "a", 422, "wanted one of them"},
      {"a container that is not there", "/metadata/labels/strongroom.dev~1container", "x", 422,
       "which the pod has not"},
      {"no number of GPUs", "/metadata/annotations/strongroom.dev~1gpus", "many", 422, "wanted 1"},
      {"no GPUs", "/metadata/annotations/strongroom.dev~1gpus", "0", 422, "wanted 1"},
      {"an unknown provider", "/metadata/annotations/strongroom.dev~1quote-provider", "x", 422,
       "wanted one of in-process"},
      {"a relative launch", "/metadata/annotations/strongroom.dev~1launch", "l.json", 422,
       "wanted an absolute path"},
      {"no container named", "/metadata/annotations/strongroom.dev~1containers", ",", 422,
       "names no container"},
      {"an empty runtime class", "/metadata/annotations/strongroom.dev~1runtime-class", "", 422,
       "is empty"},
      {"a writable root",
       "/spec/containers/0/securityContext",
       {{"readOnlyRootFilesystem", false}},
       422,
       "wanted read-only"},
      {"a volume of our name", "/spec/volumes",
       json::array({{{"name", "strongroom-sim"}, {"hostPath", {{"path", "/"}}}}}), 422,
       "is no emptyDir"},
      {"another mount at our place", "/spec/containers/0/volumeMounts",
       json::array({{{"name", "x"}, {"mountPath", "/strongroom-sim"}}}), 422, "mounts the volume"},
      {"our mount writable", "/spec/containers/0/volumeMounts",
       json::array({{{"name", "strongroom-sim"}, {"mountPath", "/strongroom-sim"}}}), 422,
       "wanted read-only"},
      {"arguments for what nobody sees",
       "/spec/containers/0",
       {{"name", "main"}, {"image", "i"}, {"args", {"-x"}}},
       422,
       "has args and no command"},
      {"a command of numbers", "/spec/containers/0/command", json::array({1}), 422, "a string"},
      {"ephemeral containers", "/spec/ephemeralContainers", json::array({{{"name", "debug"}}}), 403,
       "ephemeral"},
      {"a spec that is none", "/spec", "x", 422, "wanted an object"},
      {"containers that are none", "/spec/containers", "x", 422, "wanted an array"},
      {"a container that is none", "/spec/containers/0", 1, 422, "wanted an object"},
      {"a container without a name", "/spec/containers/0/name", "", 422, "has no name"},
      {"an environment that is none", "/spec/containers/0/env", "x", 422, "wanted an array"},
      {"limits that are none",
       "/spec/containers/0/resources",
       {{"limits", 1}},
       422,
       "wanted an object"},
      {"a label that is no text", "/metadata/labels/app", 1, 422, "wanted a string"},
  };
  for (const Refusal& row : rows) {
    SCOPED_TRACE(row.name);
    json pod = PodFor("sim");
    pod[json::json_pointer(row.pointer)] = row.value;
    const Outcome outcome = Judged(pod);
    EXPECT_FALSE(outcome.allowed);
    EXPECT_EQ(outcome.code, row.code);
    EXPECT_NE(outcome.message.find(row.message), std::string::npos) << outcome.message;
    EXPECT_TRUE(outcome.patch.empty());
  }
}

TEST(Inject, AnInstallationWithoutSimulationRefusesIt) {
  Configuration configuration = FullConfiguration();
  configuration.simulation.image.image.clear();
  const Outcome outcome = Judged(PodFor("sim"), configuration);
  EXPECT_EQ(outcome.code, 403);
  EXPECT_NE(outcome.message.find("has no simulation"), std::string::npos) << outcome.message;
}

TEST(Inject, AnInstallationWithoutTheAgentsImageRefusesWhatNeedsIt) {
  Configuration configuration = FullConfiguration();
  configuration.agent.image.image.clear();
  EXPECT_EQ(Judged(PodFor("tdx"), configuration).code, 403);
  EXPECT_EQ(Judged(PodFor("sgx", "init"), configuration).code, 403);
  EXPECT_TRUE(Judged(PodFor("sgx"), configuration).allowed);
}

TEST(Inject, ASimulatedAgentContainerNeedsALaunchDescription) {
  Configuration configuration = FullConfiguration();
  configuration.simulation.launch_agent.clear();
  const Outcome outcome = Judged(PodFor("sim", "sidecar"), configuration);
  EXPECT_EQ(outcome.code, 403);
  EXPECT_NE(outcome.message.find("simulation.launch_agent"), std::string::npos);
  EXPECT_TRUE(Judged(PodFor("sim"), configuration).allowed);
}

TEST(Inject, TwoContainersWantANameForTheMarble) {
  json pod = PodFor("sgx");
  pod["spec"]["containers"].push_back({{"name", "second"}, {"image", "i"}});
  EXPECT_NE(Judged(pod).message.find("the pod has 2 containers"), std::string::npos);
  pod["metadata"]["annotations"]["kubectl.kubernetes.io/default-container"] = "second";
  EXPECT_EQ(Mutated(pod)["metadata"]["labels"]["strongroom.dev/container"], "second");
}

TEST(Inject, AContainerWithANameOfOursIsRefused) {
  json pod = PodFor("sim");
  pod["metadata"]["labels"]["strongroom.dev/container"] = "main";
  pod["spec"]["containers"].push_back({{"name", "strongroom-simtee"}, {"image", "i"}});
  EXPECT_NE(Judged(pod).message.find("wanted another"), std::string::npos);
}

}  // namespace
}  // namespace strongroom::webhook
