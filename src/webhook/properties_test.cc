// What holds of every pod, over thousands of generated ones.
#include "testing/result_matchers.h"
#include "webhook/testing/apply_patch.h"
#include "webhook/testing/reviews.h"

namespace strongroom::webhook {
namespace {

using nlohmann::json;
using namespace testing;  // NOLINT(google-build-using-namespace): this room's test helpers

constexpr std::uint64_t kPods = 3000;

// Everything of `before` is still in `after`: objects keep their members, arrays their elements in
// their order.
bool Keeps(const json& before, const json& after) {
  if (before.is_null()) return true;  // absent and null mean the same to Kubernetes
  if (before.is_object()) {
    for (const auto& [name, value] : before.items()) {
      if (!value.is_null() && (!after.is_object() || !after.contains(name))) return false;
      if (after.contains(name) && !Keeps(value, after.at(name))) return false;
    }
    return after.is_object();
  }
  if (!before.is_array()) return before == after;
  if (!after.is_array()) return false;
  std::size_t at = 0;
  for (const json& item : before) {
    while (at < after.size() && !Keeps(item, after[at])) ++at;
    if (at++ == after.size()) return false;
  }
  return true;
}

std::size_t CountMutated() {
  std::size_t mutated = 0;
  const Configuration configuration = FullConfiguration();
  for (std::uint64_t seed = 0; seed < kPods; ++seed) {
    SCOPED_TRACE(seed);
    const json pod = RandomPod(seed);
    const auto first = RunMutate(MakeReview(pod).dump(), configuration);
    if (!first.has_value() || !first->allowed || first->patch.empty()) continue;
    ++mutated;
    const auto applied = ApplyPatch(pod, first->patch);
    EXPECT_OK(applied);
    if (!applied.has_value()) continue;
    const std::string again = MakeReview(*applied).dump();
    const auto second = RunMutate(again, configuration);
    EXPECT_OK(second);
    EXPECT_TRUE(second->allowed) << second->message;
    EXPECT_TRUE(second->patch.empty()) << second->patch.dump();
    const auto validated = RunValidate(again, configuration);
    EXPECT_TRUE(validated.has_value() && validated->allowed) << validated->message;
    EXPECT_TRUE(Keeps(pod, *applied)) << pod.dump() << "\n" << applied->dump();
  }
  return mutated;
}

TEST(Properties, APatchedPodNeedsNoPatchIsValidAndLostNothing) {
  EXPECT_GT(CountMutated(), kPods / 4) << "the generated pods must not all be refused";
}

TEST(Properties, UnpatchedPodsThatNeedAPatchAreNotValid) {
  const Configuration configuration = FullConfiguration();
  std::size_t refused = 0;
  for (std::uint64_t seed = 0; seed < kPods / 3; ++seed) {
    const std::string review = MakeReview(RandomPod(seed)).dump();
    const auto mutated = RunMutate(review, configuration);
    const auto validated = RunValidate(review, configuration);
    if (!mutated.has_value() || !validated.has_value()) continue;
    const bool final = mutated->allowed && mutated->patch.empty();
    EXPECT_EQ(validated->allowed, final) << seed;
    EXPECT_TRUE(validated->patch.empty());
    if (!validated->allowed) ++refused;
  }
  EXPECT_GT(refused, 0U);
}

TEST(Properties, PatchesOnlyAddAndTest) {
  const Configuration configuration = FullConfiguration();
  for (std::uint64_t seed = 0; seed < kPods / 3; ++seed) {
    const auto outcome = RunMutate(MakeReview(RandomPod(seed)).dump(), configuration);
    if (!outcome.has_value()) continue;
    for (const json& operation : outcome->patch)
      EXPECT_TRUE(operation["op"] == "add" || operation["op"] == "test") << operation.dump();
  }
}

TEST(Properties, TheTestSeesALostField) {
  EXPECT_FALSE(Keeps(json::parse(R"({"a":{"b":1}})"), json::parse(R"({"a":{}})")));
  EXPECT_FALSE(Keeps(json::parse("[1,2]"), json::parse("[2,1]")));
  EXPECT_TRUE(Keeps(json::parse("[1,2]"), json::parse("[0,1,3,2]")));
}

TEST(Properties, AHugePodIsPatchedWithinItsSize) {
  json pod = MakePod({{"strongroom.dev/marble", "server"}});
  json& env = pod["spec"]["containers"][0]["env"];
  for (int i = 0; i < 20'000; ++i)
    env.push_back({{"name", "V" + std::to_string(i)}, {"value", std::string(40, 'x')}});
  const std::string review = MakeReview(pod).dump();
  ASSERT_GT(review.size(), 1'000'000U);
  const auto outcome = RunMutate(review, FullConfiguration());
  ASSERT_OK(outcome);
  EXPECT_TRUE(outcome->allowed);
  EXPECT_LT(outcome->patch.dump().size(), 4'000U);
}

}  // namespace
}  // namespace strongroom::webhook
