// check and precheck, by the built program on a fake cluster: what is up, and why something is not.

#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "cli/testing/fake_cluster.h"

namespace strongroom::cli {
namespace {

using nlohmann::json;
using strongroom::testing::ProcessResult;
using testing::Coming;
using testing::DeploymentOf;
using ::testing::HasSubstr;
using testing::InstallTest;
using testing::Labelled;
using testing::ListOf;
using ::testing::Not;
using testing::Registration;
using testing::Up;

// What the API server makes of a marble when it does not ask the webhook.
constexpr std::string_view kAsItCame = R"({"spec":{"containers":[{"name":"check"}]}})";

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
  const ProcessResult result = Run({"check", "--timeout", "0"});
  EXPECT_EQ(result.exit_status, 0);
  EXPECT_THAT(result.err, HasSubstr("not known: whether the API server calls the webhook: kubectl: "
                                    "Error from server (InternalError): failed calling webhook"));
}

// Its registration was narrowed, or Ignore put into it, by somebody else than the chart.
TEST_F(InstallTest, AWebhookWhosePodsThePolicyRefusesUnseenIsNotUp) {
  Say({"kubectl", "*create --dry-run=server *", "",
       "Error from server (Invalid): pods \"strongroom-check\" is invalid: "
       "ValidatingAdmissionPolicy 'strongroom-final-state' denied request: no container of the "
       "marble has EDG_MARBLE_TYPE: the webhook did not see this pod\n",
       "1"});
  SayCluster({Up()});
  const ProcessResult result = Run({"check", "--timeout", "0"});
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.err, HasSubstr("the API server does not call it and refuses labelled pods"));
}

// Somebody of one namespace may see its pods, but neither registrations nor other namespaces.
TEST_F(InstallTest, SaysWhatItMayNotAsk) {
  Say({"kubectl", "*get mutatingwebhookconfigurations *", "",
       "Error from server (Forbidden): mutatingwebhookconfigurations is forbidden\n", "1"});
  SayCluster({Up()});
  const ProcessResult result = Run({"check", "--timeout", "0"});
  EXPECT_EQ(result.exit_status, 0);
  EXPECT_THAT(result.err,
              HasSubstr("not known: whether the API server calls the webhook: kubectl: Error from "
                        "server (Forbidden): mutatingwebhookconfigurations is forbidden\n"));
  const json answer = json::parse(Run({"check", "--timeout", "0", "--json"}).out);
  EXPECT_EQ(answer["ready"], true);
  EXPECT_THAT(answer["unknown"][0].get<std::string>(), HasSubstr("(Forbidden)"));
}

TEST_F(InstallTest, SaysWhyItsQuestionWasNotAnswered) {
  Say({"kubectl", "*create --dry-run=server *", "",
       "Error from server (Forbidden): pods \"strongroom-check\" is forbidden: violates "
       "PodSecurity\n",
       "1"});
  SayCluster({Up()});
  const ProcessResult result = Run({"check", "--timeout", "0"});
  EXPECT_EQ(result.exit_status, 0);
  EXPECT_THAT(result.err, HasSubstr("not known: whether the API server calls the webhook: kubectl: "
                                    "Error from server (Forbidden): pods \"strongroom-check\""));
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

}  // namespace
}  // namespace strongroom::cli
