#include "manifest/access.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "manifest/testing_certificates.h"
#include "testing/result_matchers.h"

namespace strongroom::manifest {
namespace {

using strongroom::testing::Fails;
using ::testing::IsEmpty;

class Access : public ::testing::Test {
 protected:
  Access() {
    const std::string json = fmt::format(
        R"({{"Users": {{"alice": {{"Certificate": {}, "Roles": ["writer", "updater"]}},
                        "bob": {{"Certificate": {}, "Roles": ["reader", "askers", "gone"]}},
                        "carol": {{"Certificate": {}}}, "mallory": {{}}}},
            "Roles": {{"writer": {{"ResourceType": "Secrets", "ResourceNames": ["user", "made", "gone"], "Actions": ["WRITESECRET"]}},
                       "reader": {{"ResourceType": "Secrets", "ResourceNames": ["user", "shared", "made"], "Actions": ["ReadSecret"]}},
                       "updater": {{"ResourceType": "Packages", "ResourceNames": ["p"], "Actions": ["UpdateSecurityVersion"]}},
                       "editor": {{"ResourceType": "Manifest", "Actions": ["UpdateManifest"]}},
                       "askers": {{}}}},
            "Packages": {{"p": {{}}, "q": {{}}}},
            "Secrets": {{"user": {{"Type": "plain", "UserDefined": true}}, "made": {{"Type": "symmetric-key"}},
                         "shared": {{"Type": "symmetric-key", "Shared": true}}}},
            "Models": {{"m": {{"Clients": ["askers", "carol"]}}, "none": {{}}}}}})",
        testing::JsonPem(alice_), testing::JsonPem(bob_), testing::JsonPem(carol_));
    manifest_ = *ParseManifest(json);
  }

  const crypto::Certificate alice_ = testing::MakeCertificate("same name");
  const crypto::Certificate bob_ = testing::MakeCertificate("same name");
  const crypto::Certificate carol_ = testing::MakeCertificate("carol");
  Manifest manifest_;
};

TEST_F(Access, KnowsAUserByTheBytesOfTheCertificateOnly) {
  EXPECT_EQ(FindUser(manifest_, alice_.der()), "alice");
  EXPECT_EQ(FindUser(manifest_, bob_.der()), "bob");
  EXPECT_EQ(FindUser(manifest_, testing::MakeCertificate("same name").der()), std::nullopt);
  EXPECT_EQ(FindUser(manifest_, {}), std::nullopt) << "a user without certificate is nobody";
  Bytes changed = ToBytes(alice_.der());
  changed.back() ^= 1;
  EXPECT_EQ(FindUser(manifest_, changed), std::nullopt);
  changed = ToBytes(alice_.der());
  changed.push_back(0);
  EXPECT_EQ(FindUser(manifest_, changed), std::nullopt);
}

TEST_F(Access, AllowsWhatARoleSays) {
  EXPECT_OK(Authorize(manifest_, "alice", Action::kWriteSecret, "user"));
  EXPECT_OK(Authorize(manifest_, "bob", Action::kReadSecret, "user"));
  EXPECT_OK(Authorize(manifest_, "bob", Action::kReadSecret, "shared"));
  EXPECT_OK(Authorize(manifest_, "alice", Action::kUpdateSecurityVersion, "p"));
  EXPECT_OK(Authorize(manifest_, "bob", Action::kInfer, "m"));
  EXPECT_OK(Authorize(manifest_, "carol", Action::kInfer, "m"));
  manifest_.users.at("carol").roles = {"editor"};
  EXPECT_OK(Authorize(manifest_, "carol", Action::kUpdateManifest, ""));
}

TEST_F(Access, DeniesEverythingElse) {
  struct Row {
    const char* user;
    Action action;
    const char* resource;
  };
  constexpr Row rows[] = {
      {"alice", Action::kReadSecret, "user"},  {"bob", Action::kWriteSecret, "user"},
      {"bob", Action::kReadSecret, "User"},    {"bob", Action::kReadSecret, ""},
      {"carol", Action::kReadSecret, "user"},  {"nobody", Action::kReadSecret, "user"},
      {"", Action::kReadSecret, "user"},       {"alice", Action::kUpdateSecurityVersion, "q"},
      {"alice", Action::kUpdateManifest, ""},  {"alice", Action::kWriteSecret, "gone"},
      {"alice", Action::kWriteSecret, "made"}, {"bob", Action::kReadSecret, "made"},
      {"Alice", Action::kWriteSecret, "user"}, {"bob", Action::kUpdateSecurityVersion, "p"},
      {"alice", Action::kInfer, "m"},          {"bob", Action::kInfer, "none"},
      {"bob", Action::kInfer, "nope"},
  };
  for (const Row& row : rows) {
    const Status status = Authorize(manifest_, row.user, row.action, row.resource);
    ASSERT_FALSE(status.has_value())
        << row.user << " " << ActionName(row.action) << " " << row.resource;
    const bool gone = std::string_view(row.resource) == "gone";
    EXPECT_EQ(status.error().code(), gone ? Code::kNotFound : Code::kDenied)
        << status.error().ToString();
  }
  EXPECT_THAT(Authorize(manifest_, "carol", Action::kReadSecret, "user"),
              Fails(Code::kDenied, "\"carol\" has no role that allows ReadSecret on user"));
}

TEST_F(Access, ListsTheClientsOfAModelByUserAndByRole) {
  const std::vector<ByteView> clients =
      ModelClientCertificates(manifest_, manifest_.models.at("m"));
  ASSERT_EQ(clients.size(), 2U);
  EXPECT_TRUE(Equal(clients[0], bob_.der()));
  EXPECT_TRUE(Equal(clients[1], carol_.der()));
  EXPECT_THAT(ModelClientCertificates(manifest_, manifest_.models.at("none")), IsEmpty());
}

}  // namespace
}  // namespace strongroom::manifest
