// The way of any command to a coordinator inside a cluster, by the built program on a fake one.

#include <string>

#include <gmock/gmock.h>

#include "cli/testing/fake_cluster.h"

namespace strongroom::cli {
namespace {

using strongroom::testing::ProcessResult;
using ::testing::HasSubstr;
using testing::InstallTest;
using ::testing::Not;

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
  EXPECT_EQ(result.exit_status, 2);
  EXPECT_THAT(result.err, HasSubstr("both localhost:4433 and a cluster"));
}

}  // namespace
}  // namespace strongroom::cli
