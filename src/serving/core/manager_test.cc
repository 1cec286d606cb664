#include "serving/core/manager.h"

#include <atomic>
#include <thread>

#include "serving/core/access.h"
#include "serving/core/fake_engine.h"
#include "testing/result_matchers.h"

namespace strongroom::serving {
namespace {

using strongroom::testing::Fails;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Versions = std::vector<std::int64_t>;

TEST(VersionPolicyTest, ChoosesFromWhatIsThere) {
  const Versions there = {3, 1, 7, 3};
  EXPECT_THAT(Aspired(LatestVersions{}, there), ElementsAre(7));
  EXPECT_THAT(Aspired(LatestVersions{2}, there), ElementsAre(3, 7));
  EXPECT_THAT(Aspired(LatestVersions{9}, there), ElementsAre(1, 3, 7));
  EXPECT_THAT(Aspired(LatestVersions{0}, there), IsEmpty());
  EXPECT_THAT(Aspired(AllVersions{}, there), ElementsAre(1, 3, 7));
  EXPECT_THAT(Aspired(SpecificVersions{{7, 2}}, there), ElementsAre(7));
  EXPECT_THAT(Aspired(LatestVersions{}, Versions{}), IsEmpty());
}

class ManagerTest : public ::testing::Test {
 protected:
  testing::EchoEngine engine_;
  testing::MemoryModels models_;
  Manager manager_{engine_};
};

TEST_F(ManagerTest, ServesTheLatestUnlessAnotherIsAskedFor) {
  models_.versions["m"] = {{1, "x:FP32:2"}, {2, "x:FP32:3"}};
  ASSERT_OK(manager_.Load("m", models_, AllVersions{}));
  EXPECT_EQ(manager_.Acquire("m", std::nullopt).value()->version, 2);
  EXPECT_EQ(manager_.Acquire("m", 1).value()->version, 1);
  EXPECT_THAT(manager_.Acquire("m", 3), Fails(Code::kNotFound, "no version 3"));
  EXPECT_THAT(manager_.Acquire("n", std::nullopt), Fails(Code::kNotFound, "model n"));
  EXPECT_TRUE(manager_.Ready());
}

TEST_F(ManagerTest, ANewVersionReplacesTheOldOneWithoutAGap) {
  models_.versions["m"] = {{1, "x:FP32:2"}};
  ASSERT_OK(manager_.Load("m", models_, LatestVersions{}));
  const Handle old = manager_.Acquire("m", std::nullopt).value();
  models_.versions["m"][2] = "x:FP32:3";
  ASSERT_OK(manager_.Load("m", models_, LatestVersions{}));
  EXPECT_EQ(manager_.Acquire("m", std::nullopt).value()->version, 2);
  EXPECT_THAT(manager_.Acquire("m", 1), Fails(Code::kNotFound, ""));
  EXPECT_EQ(old->loaded->signature().inputs.size(), 1u) << "who holds a handle computes on";
  const auto statuses = manager_.Statuses("m");
  ASSERT_EQ(statuses.size(), 2u);
  EXPECT_EQ(statuses[0].state, VersionState::kEnd);
  EXPECT_EQ(statuses[0].error, std::nullopt);
  EXPECT_EQ(statuses[1].state, VersionState::kAvailable);
}

TEST_F(ManagerTest, ABadVersionDoesNotTakeTheModelDown) {
  models_.versions["m"] = {{1, "x:FP32:2"}};
  ASSERT_OK(manager_.Load("m", models_, LatestVersions{}));
  models_.versions["m"][2] = "nonsense";
  EXPECT_THAT(manager_.Load("m", models_, LatestVersions{}),
              Fails(Code::kMalformed, "model m version 2"));
  EXPECT_EQ(manager_.Acquire("m", std::nullopt).value()->version, 1);
  const auto statuses = manager_.Statuses("m");
  ASSERT_EQ(statuses.size(), 2u);
  EXPECT_EQ(statuses[1].state, VersionState::kEnd);
  ASSERT_TRUE(statuses[1].error);
  EXPECT_EQ(statuses[1].error->code(), Code::kMalformed);
}

TEST_F(ManagerTest, IsNotReadyWhileItDrainsAndGoesOnAnswering) {
  models_.versions["m"] = {{1, "x:FP32:2"}};
  ASSERT_OK(manager_.Load("m", models_, LatestVersions{}));
  manager_.BeginDrain();
  EXPECT_FALSE(manager_.Ready());
  EXPECT_OK(manager_.Acquire("m", std::nullopt));
  ASSERT_OK(manager_.Load("m", models_, AllVersions{}));
  EXPECT_FALSE(manager_.Ready()) << "a new version does not bring it back";
}

TEST_F(ManagerTest, IsNotReadyWhileAModelHasNothingThatAnswers) {
  EXPECT_FALSE(manager_.Ready());
  models_.versions["m"] = {{1, "x:FP32:2"}};
  ASSERT_OK(manager_.Load("m", models_, LatestVersions{}));
  EXPECT_TRUE(manager_.Ready());
  EXPECT_THAT(manager_.Load("gone", models_, LatestVersions{}), Fails(Code::kNotFound, ""));
  EXPECT_FALSE(manager_.Ready());
  models_.versions["empty"] = {};
  EXPECT_THAT(manager_.Load("empty", models_, LatestVersions{}),
              Fails(Code::kNotFound, "wanted one that its policy"));
}

TEST_F(ManagerTest, UnloadEndsAVersionOnce) {
  models_.versions["m"] = {{1, "x:FP32:2"}};
  ASSERT_OK(manager_.Load("m", models_, LatestVersions{}));
  EXPECT_OK(manager_.Unload("m", 1));
  EXPECT_THAT(manager_.Unload("m", 1), Fails(Code::kNotFound, ""));
  EXPECT_THAT(manager_.Unload("n", 1), Fails(Code::kNotFound, ""));
  EXPECT_FALSE(manager_.Ready());
  EXPECT_OK(manager_.Load("m", models_, LatestVersions{}));
  EXPECT_TRUE(manager_.Ready());
}

TEST_F(ManagerTest, AnswersWhileVersionsComeAndGo) {
  models_.versions["m"] = {{1, "x:FP32:2"}};
  ASSERT_OK(manager_.Load("m", models_, LatestVersions{}));
  std::atomic<bool> stop = false;
  std::atomic<int> misses = 0;
  {
    std::vector<std::jthread> readers;
    for (int i = 0; i < 3; ++i) {
      readers.emplace_back([&] {
        while (!stop) {
          if (!manager_.Acquire("m", std::nullopt)) ++misses;
        }
      });
    }
    for (std::int64_t version = 2; version < 50; ++version) {
      models_.versions["m"][version] = "x:FP32:2";
      ASSERT_OK(manager_.Load("m", models_, LatestVersions{}));
    }
    stop = true;
  }
  EXPECT_EQ(misses, 0);
}

TEST(AccessListTest, OnlyListedCertificatesMayAskAModel) {
  const Bytes alice = {1, 2, 3};
  const Bytes bob = {4, 5, 6};
  const Bytes stranger = {1, 2, 4};
  const FixedClock clock(UnixSeconds{0});
  const auto client = [](const Bytes& certificate) {
    return Client{certificate, UnixSeconds{0}, UnixSeconds{1}};
  };
  const AccessList access(
      {{"digits", {client(alice), client(bob)}}, {"faces", {client(bob)}}, {"nobody", {}}}, clock);
  EXPECT_OK(access.Check("digits", &alice));
  EXPECT_OK(access.Check("faces", &bob));
  const struct {
    const char* name;
    const char* model;
    const Bytes* certificate;
  } rows[] = {
      {"another model's client", "faces", &alice},    {"a stranger", "digits", &stranger},
      {"no certificate", "digits", nullptr},          {"a model nobody may ask", "nobody", &alice},
      {"a stranger to no model", "other", &stranger},
  };
  for (const auto& row : rows) {
    EXPECT_THAT(access.Check(row.model, row.certificate),
                Fails(Code::kDenied, "client certificate"))
        << row.name;
  }
  EXPECT_OK(access.Check("other", &alice)) << "who is known may learn that a model is not there";
  const AccessList nobody({}, clock);
  EXPECT_THAT(nobody.Check("digits", &alice), Fails(Code::kDenied, ""));
  EXPECT_OK(AccessList::InsecureEveryone().Check("digits", nullptr));
}

TEST(AccessListTest, ACertificateServesWhileItIsValid) {
  const Bytes alice = {1, 2, 3};
  FixedClock clock(UnixSeconds{999});
  const AccessList access({{"digits", {{alice, UnixSeconds{1000}, UnixSeconds{2000}}}}}, clock);
  EXPECT_THAT(access.Check("digits", &alice),
              Fails(Code::kDenied, "valid from 1970-01-01T00:16:40Z"));
  for (const std::int64_t now : {1000, 2000}) {
    clock.Set(UnixSeconds{now});
    EXPECT_OK(access.Check("digits", &alice)) << now;
  }
  clock.Set(UnixSeconds{2001});
  EXPECT_THAT(access.Check("digits", &alice),
              Fails(Code::kDenied, "ended at 1970-01-01T00:33:20Z"));
  EXPECT_THAT(access.Check("other", &alice), Fails(Code::kDenied, "ended at"));
}

}  // namespace
}  // namespace strongroom::serving
