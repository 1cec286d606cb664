// MarbleRun's labels: the same environment, UUID volume, resources and tolerations as its injector
// gives, as docs/operate and its own documentation describe them, without the injector's slips.
#include "testing/result_matchers.h"
#include "webhook/testing/apply_patch.h"
#include "webhook/testing/reviews.h"

namespace strongroom::webhook {
namespace {

using nlohmann::json;
using namespace testing;  // NOLINT(google-build-using-namespace): this room's test helpers

json Labels(const char* type) { return {{"marblerun/marbletype", type}}; }

Configuration ConfigurationFor(const char* key) {
  Configuration out = FullConfiguration();
  out.coordinator_address = "coordinator-mesh-api.marblerun:2001";
  if (key != nullptr) out.resource_key = key;
  return out;
}

json Mutated(const json& pod, const Configuration& configuration) {
  const auto outcome = RunMutate(MakeReview(pod).dump(), configuration);
  EXPECT_OK(outcome);
  EXPECT_TRUE(outcome->allowed) << outcome->message;
  return ApplyPatch(pod, outcome->patch).value();
}

std::map<std::string, std::string> Environment(const json& container) {
  std::map<std::string, std::string> out;
  for (const json& variable : container.value("env", json::array()))
    out[variable["name"]] = variable["value"];
  return out;
}

TEST(InjectMarbleRun, GivesTheFourVariables) {
  const json pod = Mutated(MakePod(Labels("Frontend")), ConfigurationFor(nullptr));
  const std::map<std::string, std::string> wanted = {
      {"EDG_MARBLE_COORDINATOR_ADDR", "coordinator-mesh-api.marblerun:2001"},
      {"EDG_MARBLE_TYPE", "Frontend"},
      {"EDG_MARBLE_DNS_NAMES", "frontend,frontend.shop,frontend.shop.svc.cluster.local"},
      {"EDG_MARBLE_UUID_FILE", "/Frontend-uid/uuid-file"}};
  EXPECT_EQ(Environment(pod["spec"]["containers"][0]), wanted);
}

TEST(InjectMarbleRun, TheUuidIsThePods) {
  const json pod = Mutated(MakePod(Labels("a")), ConfigurationFor(nullptr));
  const json& volume = pod["spec"]["volumes"].at(0);
  EXPECT_EQ(
      volume["downwardAPI"],
      json::parse(R"({"items":[{"path":"uuid-file","fieldRef":{"fieldPath":"metadata.uid"}}]})"));
  const json mounts = pod["spec"]["containers"][0]["volumeMounts"];
  EXPECT_EQ(mounts, json::array({{{"name", volume["name"]}, {"mountPath", "/a-uid"}}}));
}

TEST(InjectMarbleRun, AsksForTheResourcesOfEachPlugin) {
  const struct {
    const char* name;
    const char* key;
    json limits;
  } rows[] = {
      {"Intel",
       "sgx.intel.com/epc",
       {{"sgx.intel.com/epc", "10Mi"},
        {"sgx.intel.com/enclave", "1"},
        {"sgx.intel.com/provision", "1"}}},
      {"Azure",
       "kubernetes.azure.com/sgx_epc_mem_in_MiB",
       {{"kubernetes.azure.com/sgx_epc_mem_in_MiB", "10"}}},
      {"Alibaba", "alibabacloud.com/sgx_epc_MiB", {{"alibabacloud.com/sgx_epc_MiB", "10"}}},
      {"custom", "example.com/epc", {{"example.com/epc", "10"}}},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const json pod = Mutated(MakePod(Labels("a")), ConfigurationFor(row.key));
    EXPECT_EQ(pod["spec"]["containers"][0]["resources"], json({{"limits", row.limits}}));
    EXPECT_EQ(pod["spec"]["tolerations"],
              json::array({{{"key", row.key}, {"operator", "Exists"}, {"effect", "NoSchedule"}}}));
  }
}

TEST(InjectMarbleRun, QuotesAreMadeInTheProgramWhateverOursAreToldToDo) {
  Configuration configuration = ConfigurationFor(nullptr);
  const json wanted = Mutated(MakePod(Labels("a")), configuration)["spec"];
  for (const char* provider : {"aesmd", "none"}) {
    SCOPED_TRACE(provider);
    configuration.quote_provider = ParseQuoteProvider(provider).value();
    json pod = MakePod(Labels("a"));
    EXPECT_EQ(Mutated(pod, configuration)["spec"], wanted);
    pod["metadata"]["annotations"]["strongroom.dev/quote-provider"] = provider;
    EXPECT_EQ(Mutated(pod, configuration)["spec"], wanted);
  }
}

TEST(InjectMarbleRun, DisabledResourcesLeaveTheEnvironment) {
  json labels = Labels("a");
  labels["marblerun/resource-injection"] = "disabled";
  const json pod = Mutated(MakePod(labels), ConfigurationFor(nullptr));
  EXPECT_EQ(pod["spec"]["containers"][0]["resources"], json::object());
  EXPECT_FALSE(pod["spec"].contains("tolerations"));
  EXPECT_EQ(Environment(pod["spec"]["containers"][0]).size(), 4U);
}

TEST(InjectMarbleRun, OnlyTheNamedContainerIsTouched) {
  json labels = Labels("a");
  labels["marblerun/marblecontainer"] = "marble";
  json pod = MakePod(labels);
  pod["spec"]["containers"].push_back({{"name", "marble"}, {"image", "m"}});
  const json mutated = Mutated(pod, ConfigurationFor(nullptr));
  EXPECT_EQ(mutated["spec"]["containers"][0], pod["spec"]["containers"][0]);
  EXPECT_EQ(Environment(mutated["spec"]["containers"][1]).size(), 4U);
}

TEST(InjectMarbleRun, ANamedContainerThatIsNotThereIsRefused) {
  json labels = Labels("a");
  labels["marblerun/marblecontainer"] = "marble";
  const auto outcome = RunMutate(MakeReview(MakePod(labels)).dump(), ConfigurationFor(nullptr));
  ASSERT_OK(outcome);
  EXPECT_FALSE(outcome->allowed);
  EXPECT_NE(outcome->message.find("names the container \"marble\", which the pod has not"),
            std::string::npos);
}

TEST(InjectMarbleRun, AnEmptyTypeIsRefused) {
  const auto outcome = RunMutate(MakeReview(MakePod(Labels(""))).dump(), ConfigurationFor(nullptr));
  ASSERT_OK(outcome);
  EXPECT_FALSE(outcome->allowed);
  EXPECT_EQ(outcome->code, 422);
}

TEST(InjectMarbleRun, ValuesOfTheContainerAreKept) {
  json pod = MakePod(Labels("a"));
  json& container = pod["spec"]["containers"][0];
  container["env"] = json::parse(R"([
    {"name":"EDG_MARBLE_COORDINATOR_ADDR","value":"other:42"},{"name":"EDG_MARBLE_TYPE","value":"b"},
    {"name":"EDG_MARBLE_DNS_NAMES","value":"x.example"},{"name":"EDG_MARBLE_UUID_FILE","value":"/u"}])");
  container["resources"] = {{"limits", {{"cpu", "1"}}}, {"requests", {{"cpu", "1"}}}};
  const auto outcome = RunMutate(MakeReview(pod).dump(),
                                 ConfigurationFor("kubernetes.azure.com/sgx_epc_mem_in_MiB"));
  ASSERT_OK(outcome);
  const json wanted = json::parse(R"([
    {"op":"add","path":"/spec/containers/0/resources/limits/kubernetes.azure.com~1sgx_epc_mem_in_MiB",
     "value":"10"},
    {"op":"add","path":"/spec/tolerations","value":
      [{"key":"kubernetes.azure.com/sgx_epc_mem_in_MiB","operator":"Exists","effect":"NoSchedule"}]}])");
  EXPECT_EQ(outcome->patch, wanted);
}

// Slips of the original that are not copied.

TEST(InjectMarbleRun, VariablesOfOneContainerDoNotLeakIntoTheNext) {
  json pod = MakePod(Labels("a"));
  pod["spec"]["containers"].push_back(
      {{"name", "own-uuid"},
       {"image", "m"},
       {"env", json::array({{{"name", "EDG_MARBLE_UUID_FILE"}, {"value", "/own"}}})}});
  const json mutated = Mutated(pod, ConfigurationFor(nullptr));
  EXPECT_EQ(Environment(mutated["spec"]["containers"][1])["EDG_MARBLE_UUID_FILE"], "/own");
  EXPECT_FALSE(mutated["spec"]["containers"][1].contains("volumeMounts"));
}

TEST(InjectMarbleRun, AMountOfTheLastContainerDoesNotCancelTheVolumeOfTheFirst) {
  json pod = MakePod(Labels("a"));
  pod["spec"]["volumes"] = json::array({{{"name", "mine"}, {"emptyDir", json::object()}}});
  pod["spec"]["containers"].push_back(
      {{"name", "last"},
       {"image", "m"},
       {"volumeMounts", json::array({{{"name", "mine"}, {"mountPath", "/a-uid"}}})}});
  const json mutated = Mutated(pod, ConfigurationFor(nullptr));
  ASSERT_EQ(mutated["spec"]["volumes"].size(), 2U);
  EXPECT_TRUE(mutated["spec"]["volumes"][1].contains("downwardAPI"));
  EXPECT_EQ(mutated["spec"]["containers"][1]["volumeMounts"].size(), 1U);
}

TEST(InjectMarbleRun, InitContainersAndNativeSidecarsAreMarblesToo) {
  json pod = MakePod(Labels("a"));
  pod["spec"]["initContainers"] =
      json::array({{{"name", "init"}, {"image", "i"}},
                   {{"name", "side"}, {"image", "s"}, {"restartPolicy", "Always"}}});
  const json mutated = Mutated(pod, ConfigurationFor(nullptr));
  for (const json& container : mutated["spec"]["initContainers"])
    EXPECT_EQ(Environment(container).size(), 4U);
}

TEST(InjectMarbleRun, ATolerationThatIsThereIsNotAddedAgain) {
  for (const char* toleration :
       {R"({"key":"sgx.intel.com/epc","operator":"Exists","effect":"NoSchedule"})",
        R"({"key":"sgx.intel.com/epc","operator":"Exists"})", R"({"operator":"Exists"})"}) {
    SCOPED_TRACE(toleration);
    json pod = MakePod(Labels("a"));
    pod["spec"]["tolerations"] = json::array({json::parse(toleration)});
    EXPECT_EQ(Mutated(pod, ConfigurationFor(nullptr))["spec"]["tolerations"].size(), 1U);
  }
  for (const char* toleration :
       {R"({"key":"sgx.intel.com/epc","operator":"Equal","value":"x"})",
        R"({"key":"sgx.intel.com/epc","operator":"Exists","effect":"NoExecute"})",
        R"({"key":"other","operator":"Exists"})"}) {
    SCOPED_TRACE(toleration);
    json pod = MakePod(Labels("a"));
    pod["spec"]["tolerations"] = json::array({json::parse(toleration)});
    EXPECT_EQ(Mutated(pod, ConfigurationFor(nullptr))["spec"]["tolerations"].size(), 2U);
  }
}

TEST(InjectMarbleRun, NamesDoNotDependOnTheRequest) {
  json review = MakeReview(MakePod(Labels("a")));
  const auto first = RunMutate(review.dump(), ConfigurationFor(nullptr));
  review["request"]["uid"] = "another";
  const auto second = RunMutate(review.dump(), ConfigurationFor(nullptr));
  EXPECT_EQ(first->patch, second->patch);
}

}  // namespace
}  // namespace strongroom::webhook
