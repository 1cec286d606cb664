#include "agent/workload_identity.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "testing/result_matchers.h"

namespace strongroom::agent {
namespace {

using strongroom::testing::Fails;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

constexpr const char* kUuidForm =
    "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";

Result<WorkloadIdentity> Find(const std::string& measured,
                              std::map<std::string, std::string> host) {
  AgentConfig config;
  config.marble = measured;
  SystemEntropy entropy;
  return FindIdentity(
      config,
      [host = std::move(host)](const std::string& name) -> std::optional<std::string> {
        const auto found = host.find(name);
        if (found == host.end()) return std::nullopt;
        return found->second;
      },
      entropy);
}

TEST(FindIdentity, HasTheDefaultsOfPremain) {
  ASSERT_OK_AND_ASSIGN(const WorkloadIdentity identity, Find("server", {}));
  EXPECT_EQ(identity.coordinator, "localhost:2001");
  EXPECT_EQ(identity.marble, "server");
  EXPECT_THAT(identity.names, ElementsAre("localhost"));
  EXPECT_THAT(identity.uuid, MatchesRegex(kUuidForm));
}

TEST(FindIdentity, TakesWhatTheHostSays) {
  ASSERT_OK_AND_ASSIGN(const WorkloadIdentity identity,
                       Find("", {{"EDG_MARBLE_TYPE", "worker"},
                                 {"EDG_MARBLE_COORDINATOR_ADDR", "c:1"},
                                 {"EDG_MARBLE_DNS_NAMES", " a.example, ,10.0.0.1,"}}));
  EXPECT_EQ(identity.coordinator, "c:1");
  EXPECT_EQ(identity.marble, "worker");
  EXPECT_THAT(identity.names, ElementsAre("a.example", "10.0.0.1"));
}

TEST(FindIdentity, PrefersItsOwnVariableForTheCoordinator) {
  EXPECT_EQ(Find("m", {{"EDG_MARBLE_COORDINATOR_ADDR", "c:1"}, {"STRONGROOM_COORDINATOR", "d:2"}})
                ->coordinator,
            "d:2");
}

TEST(FindIdentity, LetsTheHostNotChangeAMeasuredRole) {
  EXPECT_EQ(Find("server", {{"EDG_MARBLE_TYPE", "server"}})->marble, "server");
  EXPECT_THAT(Find("server", {{"EDG_MARBLE_TYPE", "admin"}}),
              Fails(Code::kMalformed, "measured configuration says \"server\""));
  EXPECT_THAT(Find("", {}), Fails(Code::kMalformed, "no marble is named"));
  EXPECT_THAT(Find("", {{"EDG_MARBLE_TYPE", ""}}), Fails(Code::kMalformed, "no marble is named"));
}

TEST(FindIdentity, KeepsTheUuidOfAFileAndMakesItWhenMissing) {
  ASSERT_OK_AND_ASSIGN(const TemporaryFolder folder, TemporaryFolder::Make("agent"));
  const std::string file = folder.path() / "uuid";
  ASSERT_OK_AND_ASSIGN(const WorkloadIdentity first, Find("m", {{"EDG_MARBLE_UUID_FILE", file}}));
  ASSERT_OK_AND_ASSIGN(const WorkloadIdentity second, Find("m", {{"EDG_MARBLE_UUID_FILE", file}}));
  EXPECT_EQ(first.uuid, second.uuid);
  ASSERT_OK(WriteFileAtomic(file, AsBytes("6ba7b810-9dad-11d1-80b4-00c04fd430c8\n"), 0600));
  EXPECT_EQ(Find("m", {{"EDG_MARBLE_UUID_FILE", file}})->uuid,
            "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
  ASSERT_OK(WriteFileAtomic(file, AsBytes("{6BA7B810-9dad-11d1-80b4-00c04fd430c8}"), 0600));
  EXPECT_EQ(Find("m", {{"EDG_MARBLE_UUID_FILE", file}})->uuid,
            "6ba7b810-9dad-11d1-80b4-00c04fd430c8")
      << "in any form that the coordinator reads";
  for (const char* bad :
       {"", "x", "6ba7b810-9dad-11d1-80b4-00c04fd430c", "6ba7b810x9dad-11d1-80b4-00c04fd430c8",
        "6ba7b810-9dad-11d1-80b4-00c04fd430cg", "6ba7b8109dad11d180b400c04fd430c8"}) {
    ASSERT_OK(WriteFileAtomic(file, AsBytes(bad), 0600));
    EXPECT_THAT(Find("m", {{"EDG_MARBLE_UUID_FILE", file}}),
                Fails(Code::kMalformed, "holds no UUID"))
        << bad;
  }
}

TEST(FindIdentity, RepeatsNothingOfAFileThatTheHostNamed) {
  ASSERT_OK_AND_ASSIGN(const TemporaryFolder folder, TemporaryFolder::Make("agent"));
  const std::string file = folder.path() / "token";
  for (const char* secret : {"open sesame", "00112233445566778899aabbccddeeff"}) {
    ASSERT_OK(WriteFileAtomic(file, AsBytes(secret), 0600));
    const auto found = Find("m", {{"EDG_MARBLE_UUID_FILE", file}});
    ASSERT_FALSE(found.has_value()) << secret;
    EXPECT_THAT(found.error().ToString(), Not(HasSubstr(std::string(secret).substr(0, 4))));
  }
}

}  // namespace
}  // namespace strongroom::agent
