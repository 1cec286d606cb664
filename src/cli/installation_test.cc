#include "cli/installation.h"

#include <fmt/format.h>

#include "testing/result_matchers.h"

namespace strongroom::cli {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kOurs =
    R"("app.kubernetes.io/instance":"strongroom","app.kubernetes.io/part-of":"strongroom")";

std::string Deployment(std::string_view part, int wanted, int available, bool simulated = false) {
  return fmt::format(
      R"({{"kind":"Deployment","metadata":{{"name":"strongroom-{0}","generation":1,"labels":{{{1},"app.kubernetes.io/name":"{0}"}}}},)"
      R"("spec":{{"replicas":{2},"template":{{"metadata":{{"labels":{{{4}}}}}}}}},)"
      R"("status":{{"observedGeneration":1,"replicas":{2},"updatedReplicas":{2},"availableReplicas":{3}}}}})",
      part, kOurs, wanted, available, simulated ? R"("strongroom.dev/tee":"sim")" : "");
}

std::string Pod(std::string_view status) {
  return fmt::format(R"({{"kind":"Pod","metadata":{{"name":"p","labels":{{{}}}}},"status":{}}})",
                     kOurs, status);
}

std::string Event(std::string_view object, std::string_view reason, std::string_view message) {
  return fmt::format(
      R"({{"kind":"Event","type":"Warning","reason":"{}","message":"{}","involvedObject":{{"name":"{}"}}}})",
      reason, message, object);
}

std::string Failing(std::string_view message) {
  return fmt::format(
      R"({{"kind":"ReplicaSet","metadata":{{"name":"rs","labels":{{{}}}}},"spec":{{"replicas":1}},)"
      R"("status":{{"conditions":[{{"type":"ReplicaFailure","status":"True","message":"{}"}}]}}}})",
      kOurs, message);
}

Result<Installation> Read(const std::vector<std::string>& objects) {
  std::string text = R"({"items":[)";
  for (const std::string& object : objects) text += (text.ends_with('[') ? "" : ",") + object;
  const auto document = JsonDocument::Parse(text + "]}", {.max_depth = 64});
  if (!document.has_value()) return std::unexpected(document.error());
  return ReadInstallation(document->root(), Kubectl("", "ns"));
}

TEST(Installation, IsReadyWhenEveryPartHasWhatItWants) {
  ASSERT_OK_AND_ASSIGN(const Installation one,
                       Read({Deployment("webhook", 2, 2), Deployment("coordinator", 1, 1, true)}));
  EXPECT_TRUE(one.ready());
  EXPECT_TRUE(one.simulated);
  EXPECT_EQ(one.Summary(), "coordinator 1/1, webhook 2/2");
  ASSERT_OK_AND_ASSIGN(const Installation other,
                       Read({Deployment("webhook", 2, 1), Deployment("coordinator", 1, 1)}));
  EXPECT_FALSE(other.ready());
  EXPECT_FALSE(other.simulated);
}

TEST(Installation, IsNotReadyWhileOldPodsStandForNewOnes) {
  std::string replacing = Deployment("coordinator", 1, 1);
  replacing.replace(replacing.find(R"("updatedReplicas":1)"), 19, R"("updatedReplicas":0)");
  ASSERT_OK_AND_ASSIGN(const Installation one, Read({replacing}));
  EXPECT_FALSE(one.ready());
  std::string unseen = Deployment("coordinator", 1, 1);
  unseen.replace(unseen.find(R"("generation":1)"), 14, R"("generation":2)");
  ASSERT_OK_AND_ASSIGN(const Installation other, Read({unseen}));
  EXPECT_FALSE(other.ready());
}

std::string Service(std::string_view name, std::string_view part) {
  return fmt::format(
      R"({{"kind":"Service","metadata":{{"name":"{}","labels":{{{},"app.kubernetes.io/name":"{}"}}}}}})",
      name, kOurs, part);
}

std::vector<std::string> Whole() {
  return {Deployment("coordinator", 1, 1), Service("coordinator-client-api", "coordinator"),
          Service("coordinator-mesh-api", "coordinator"), Deployment("webhook", 2, 2),
          Service("strongroom-webhook", "webhook")};
}

TEST(Installation, IsFineWhenNothingIsMissing) {
  ASSERT_OK_AND_ASSIGN(const Installation one, Read(Whole()));
  EXPECT_TRUE(one.fine());
}

TEST(Installation, MissesEveryObjectOfItsOwn) {
  struct Row {
    const char* name;
    std::size_t without;
    const char* object;
    const char* why;
    bool ready;
  } rows[] = {
      {"coordinator", 0, "deployment of the coordinator",
       "is not there, though service coordinator-client-api leads to it", false},
      {"client API", 1, "service coordinator-client-api", "nobody reaches the coordinator", true},
      {"mesh API", 2, "service coordinator-mesh-api", "nobody reaches the coordinator", true},
      {"webhook", 3, "deployment of the webhook",
       "is not there, though service strongroom-webhook leads to it", false},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    std::vector<std::string> objects = Whole();
    objects.erase(objects.begin() + static_cast<std::ptrdiff_t>(row.without));
    ASSERT_OK_AND_ASSIGN(const Installation one, Read(objects));
    EXPECT_EQ(one.ready(), row.ready);
    EXPECT_FALSE(one.fine());
    ASSERT_FALSE(one.problems.empty());
    EXPECT_EQ(one.problems[0].object, row.object);
    EXPECT_THAT(one.problems[0].why, HasSubstr(row.why));
    EXPECT_EQ(one.problems[0].next, "strongroom install -n ns, with the flags of before");
    EXPECT_FALSE(one.problems[0].heals);
  }
}

TEST(Installation, ScaledToNothingIsNotReady) {
  std::vector<std::string> objects = Whole();
  objects[0] = Deployment("coordinator", 0, 0);
  ASSERT_OK_AND_ASSIGN(const Installation one, Read(objects));
  EXPECT_EQ(one.Summary(), "coordinator 0/1, webhook 2/2");
  ASSERT_EQ(one.problems.size(), 1U);
  EXPECT_EQ(one.problems[0].object, "deployment strongroom-coordinator");
  EXPECT_EQ(one.problems[0].next,
            "kubectl -n ns scale deployment strongroom-coordinator --replicas=1");
}

TEST(Installation, NextCommandsNameTheContext) {
  const auto document = JsonDocument::Parse(
      fmt::format(R"({{"items":[{}]}})", Failing("exceeded quota: small")), {.max_depth = 64});
  ASSERT_OK_AND_ASSIGN(const Installation one,
                       ReadInstallation(document->root(), Kubectl("other", "ns")));
  EXPECT_THAT(one.problems[0].next,
              ::testing::StartsWith("kubectl --context other -n ns describe resourcequota"));
}

TEST(Installation, IsNotReadyWhenThereIsNone) {
  ASSERT_OK_AND_ASSIGN(const Installation none, Read({}));
  EXPECT_FALSE(none.ready());
}

TEST(Installation, LeavesOthersObjectsAlone) {
  const std::string other =
      R"({"kind":"Pod","metadata":{"name":"other","labels":{}},"status":{"conditions":[]}})";
  ASSERT_OK_AND_ASSIGN(const Installation one, Read({other, Event("other", "Failed", "broken")}));
  EXPECT_TRUE(one.problems.empty());
}

TEST(Installation, RefusesWhatIsNoList) {
  const auto document = JsonDocument::Parse(R"({"kind":"Pod"})");
  EXPECT_FALSE(ReadInstallation(document->root(), Kubectl("", "ns")).has_value());
}

struct Case {
  const char* name;
  std::vector<std::string> objects;
  const char* object;
  const char* why;
  const char* next;
  bool heals = true;
};

void PrintTo(const Case& row, std::ostream* out) { *out << row.name; }

class Problems : public ::testing::TestWithParam<Case> {};

TEST_P(Problems, AreNamedWithTheNextCommand) {
  const Case& row = GetParam();
  ASSERT_OK_AND_ASSIGN(const Installation installation, Read(row.objects));
  ASSERT_EQ(installation.problems.size(), 1U);
  EXPECT_THAT(installation.problems[0].object, HasSubstr(row.object));
  EXPECT_THAT(installation.problems[0].why, HasSubstr(row.why));
  EXPECT_THAT(installation.problems[0].next, HasSubstr(row.next));
  EXPECT_EQ(installation.problems[0].heals, row.heals);
}

std::string Waiting(std::string_view reason, std::string_view message) {
  return Pod(fmt::format(
      R"({{"containerStatuses":[{{"name":"c","image":"strongroom/coordinator:1","restartCount":0,)"
      R"("state":{{"waiting":{{"reason":"{}","message":"{}"}}}}}}]}})",
      reason, message));
}

std::string Unscheduled(std::string_view message) {
  return Pod(fmt::format(
      R"({{"conditions":[{{"type":"PodScheduled","status":"False","message":"{}"}}]}})", message));
}

INSTANTIATE_TEST_SUITE_P(
    Installation, Problems,
    ::testing::Values(
        Case{"NoEnclaveMemory",
             {Unscheduled("0/1 nodes are available: 1 Insufficient sgx.intel.com/epc.")},
             "pod p",
             "no node takes it",
             "strongroom precheck",
             false},
        Case{"NoEnclaveMemoryOfAnUnknownPlugin",
             {Unscheduled("0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient "
                          "example.com/epc. no new claims to deallocate")},
             "pod p",
             "no node takes it",
             "strongroom precheck",
             false},
        Case{"RoomIsMadeByAnAutoscaler",
             {Unscheduled("0/1 nodes are available: 1 Insufficient sgx.intel.com/epc."),
              Event("p", "TriggeredScaleUp", "pod triggered scale-up")},
             "pod p",
             "no node takes it",
             "strongroom precheck"},
        Case{"NoProcessor",
             {Unscheduled("0/1 nodes are available: 1 Insufficient cpu.")},
             "pod p",
             "Insufficient cpu",
             "kubectl describe nodes",
             false},
        Case{"NoVolume",
             {Unscheduled("pod has unbound immediate PersistentVolumeClaims")},
             "pod p",
             "unbound",
             "kubectl get storageclass"},
        Case{"ImageBacksOff",
             {Waiting("ImagePullBackOff", "Back-off pulling image")},
             "container c",
             "image strongroom/coordinator:1 is not there",
             "--registry",
             false},
        Case{"ImageNeverPulled",
             {Waiting("ErrImageNeverPull", "is not present with pull policy of Never")},
             "container c",
             "image strongroom/coordinator:1 is not there: nobody loaded it into node",
             "load it into every node",
             false},
        Case{"ImageFailsOnce",
             {Waiting("ErrImagePull", "no such host")},
             "container c",
             "no such host",
             "--registry",
             false},
        Case{"Quota",
             {Failing("pods \\\"p\\\" is forbidden: exceeded quota: small")},
             "replicaset rs",
             "exceeded quota",
             "kubectl -n ns describe resourcequota",
             false},
        Case{"QuotaOfWhatNobodyNames",
             {Failing("forbidden: failed quota: q: must specify limits.cpu for: webhook")},
             "replicaset rs",
             "must specify limits.cpu",
             "kubectl -n ns describe resourcequota",
             false},
        Case{"PodSecurity",
             {Failing("violates PodSecurity \\\"restricted:latest\\\"")},
             "replicaset rs",
             "violates",
             "kubectl get namespace ns",
             false},
        Case{"OtherWebhook",
             {Failing("failed calling webhook \\\"x\\\"")},
             "replicaset rs",
             "x",
             "mutatingwebhookconfigurations",
             false},
        Case{"CertificateOfTheWebhook",
             {Pod("{}"),
              Event("p", "FailedMount", "secret \\\"strongroom-webhook-tls\\\" not found")},
             "pod p",
             "FailedMount",
             "describe certificate strongroom-webhook"},
        Case{"MissingSecretOfTheUsers",
             {Pod("{}"), Event("p", "FailedMount", "secret \\\"given\\\" not found")},
             "pod p",
             "secret \"given\" not found",
             "kubectl -n ns get secrets",
             false},
        Case{"FailedProbe",
             {Pod("{}"), Event("p", "Unhealthy", "Readiness probe failed: statuscode: 503")},
             "pod p",
             "503",
             "kubectl -n ns logs p"},
        Case{"NoRuntimeClass",
             {Pod("{}"), Event("p", "FailedCreatePodSandBox",
                               "no runtime for \\\"kata-qemu-tdx\\\" is configured")},
             "pod p",
             "no runtime",
             "kubectl get runtimeclass"},
        Case{
            "EndedOnce",
            {Pod(
                R"({"containerStatuses":[{"name":"c","restartCount":0,"state":{"terminated":{"exitCode":123,"reason":"Error"}}}]})")},
            "container c",
            "ended with 123 (Error)",
            "kubectl -n ns logs p -c c"},
        Case{
            "EndsAgainAndAgain",
            {Pod(
                R"({"initContainerStatuses":[{"name":"i","restartCount":3,"state":{"waiting":{"reason":"CrashLoopBackOff"}},)"
                R"("lastState":{"terminated":{"exitCode":125,"reason":"Error"}}}]})")},
            "container i",
            "ended with 125",
            "logs p -c i --previous",
            false},
        Case{"OnlySlow", {Pod("{}")}, "pod p", "not ready yet", "kubectl -n ns logs p"}),
    [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace strongroom::cli
