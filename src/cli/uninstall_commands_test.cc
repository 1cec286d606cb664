// uninstall, by the built program on a fake cluster.

#include <string>
#include <string_view>

#include <gmock/gmock.h>

#include "cli/testing/fake_cluster.h"

namespace strongroom::cli {
namespace {

using strongroom::testing::ProcessResult;
using ::testing::HasSubstr;
using testing::InstallTest;
using ::testing::Not;

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

}  // namespace
}  // namespace strongroom::cli
