#include "webhook/review.h"

#include "base/encoding.h"
#include "testing/result_matchers.h"
#include "webhook/testing/apply_patch.h"
#include "webhook/testing/reviews.h"

namespace strongroom::webhook {
namespace {

using nlohmann::json;
using strongroom::testing::Fails;
using namespace testing;  // NOLINT(google-build-using-namespace): this room's test helpers

json MarbleReview() { return MakeReview(MakePod({{"strongroom.dev/marble", "server"}})); }

TEST(Review, RefusesWhatIsNoReview) {
  const struct {
    const char* name;
    const char* pointer;
    json value;
    const char* message;
  } rows[] = {
      {"another kind", "/kind", "Pod", "wanted AdmissionReview"},
      {"v1beta1", "/apiVersion", "admission.k8s.io/v1beta1", "wanted admission.k8s.io/v1"},
      {"no version", "/apiVersion", nullptr, "wanted admission.k8s.io/v1"},
      {"no request", "/request", nullptr, "has no request"},
      {"a request that is none", "/request", "x", "wanted an object"},
      {"no uid", "/request/uid", "", "wanted 1 to 128"},
      {"a uid that is no text", "/request/uid", 7, "wanted 1 to 128"},
      {"a long uid", "/request/uid", std::string(129, 'u'), "wanted 1 to 128"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    json review = MarbleReview();
    review[json::json_pointer(row.pointer)] = row.value;
    EXPECT_THAT(Review::Parse(review.dump()), Fails(Code::kMalformed, row.message));
  }
  for (const char* text :
       {"", "{", "[]", "null", "{}x", "{\"kind\":\"a\",\"kind\":\"b\"}", "\xff"}) {
    SCOPED_TRACE(text);
    EXPECT_THAT(Review::Parse(text), Fails(Code::kMalformed, ""));
  }
}

TEST(Review, BoundsWhatItTakes) {
  EXPECT_THAT(Review::Parse(std::string(kMaxReviewBytes + 1, ' ')), Fails(Code::kExhausted, ""));
  EXPECT_THAT(Review::Parse(std::string(100, '[') + std::string(100, ']')),
              Fails(Code::kExhausted, "nested deeper"));
  json review = MarbleReview();
  review["request"]["object"]["x"] = std::vector<int>(100'001, 1);
  EXPECT_THAT(Review::Parse(review.dump()), Fails(Code::kExhausted, "more than"));
}

TEST(Review, EveryTruncationIsRefused) {
  const std::string review = MarbleReview().dump();
  for (std::size_t size = 0; size < review.size(); ++size)
    EXPECT_FALSE(Review::Parse(std::string_view(review).substr(0, size)).has_value()) << size;
}

TEST(Review, EveryFlippedByteGivesAVerdictOrARefusal) {
  const std::string review = MarbleReview().dump();
  const Configuration configuration = FullConfiguration();
  for (std::size_t i = 0; i < review.size(); ++i) {
    std::string changed = review;
    changed[i] = static_cast<char>(changed[i] ^ 0x01);
    const auto outcome = RunMutate(changed, configuration);
    if (!outcome.has_value() || outcome->allowed) continue;
    EXPECT_TRUE(outcome->patch.empty());
  }
}

TEST(Verdict, SaysOnlyWhatBelongsTogether) {
  const json allowed = json::parse(WriteVerdict("u", {}));
  EXPECT_EQ(allowed, json::parse(R"({"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview",
      "response":{"uid":"u","allowed":true}})"));
  const json patched = json::parse(WriteVerdict("u", {.patch = "[]"}))["response"];
  EXPECT_EQ(patched["patchType"], "JSONPatch");
  EXPECT_EQ(patched["patch"], Base64Encode(AsBytes("[]")));
  const json denied = json::parse(WriteVerdict(
      "u", {.denial = Error(Code::kDenied, "found x, wanted y"), .patch = "[1]"}))["response"];
  EXPECT_FALSE(denied.contains("patch"));
  EXPECT_FALSE(denied.contains("patchType"));
  EXPECT_EQ(denied["status"]["code"], 403);
  EXPECT_EQ(denied["status"]["message"], "strongroom: found x, wanted y");
}

TEST(Verdict, ShortensWarningsBetweenCharacters) {
  std::string long_text(254, 'a');
  long_text += "ü and more";
  const json response = json::parse(WriteVerdict("u", {.warnings = {long_text}}))["response"];
  EXPECT_EQ(response["warnings"][0], std::string(254, 'a'));
}

json Update(const json& before, const json& after) {
  json review = MakeReview(after);
  review["request"]["operation"] = "UPDATE";
  review["request"]["oldObject"] = before;
  return review;
}

TEST(Validate, EphemeralContainersAreRefusedBesideMarblesOfBothDialects) {
  for (const char* label : {"strongroom.dev/marble", "marblerun/marbletype", "app"}) {
    SCOPED_TRACE(label);
    json pod = MakePod({{label, "a"}});
    pod["spec"]["ephemeralContainers"] = json::array({{{"name", "debug"}, {"image", "i"}}});
    json review = Update(MakePod({{label, "a"}}), pod);
    review["request"]["subResource"] = "ephemeralcontainers";
    const bool is_marble = std::string_view(label) != "app";
    EXPECT_EQ(RunValidate(review.dump(), FullConfiguration())->allowed, !is_marble);
    EXPECT_EQ(RunMutate(review.dump(), FullConfiguration())->allowed, !is_marble);
  }
}

TEST(Validate, OtherOperationsAndSubresourcesPass) {
  json review = MarbleReview();
  review["request"]["operation"] = "DELETE";
  review["request"]["object"] = nullptr;
  EXPECT_TRUE(RunValidate(review.dump(), FullConfiguration())->allowed);
  const auto deletion = RunMutate(review.dump(), FullConfiguration());
  EXPECT_TRUE(deletion->allowed);
  EXPECT_TRUE(deletion->patch.empty()) << "a patch on DELETE is an error to the API server";
  review["request"]["operation"] = "CREATE";
  review["request"]["subResource"] = "binding";
  EXPECT_TRUE(RunValidate(review.dump(), FullConfiguration())->allowed);
}

TEST(Validate, OtherResourcesAreRefusedAsTooWideARule) {
  json review = MarbleReview();
  review["request"]["resource"]["resource"] = "deployments";
  for (const auto& outcome : {RunMutate(review.dump(), FullConfiguration()),
                              RunValidate(review.dump(), FullConfiguration())}) {
    EXPECT_FALSE(outcome->allowed);
    EXPECT_NE(outcome->message.find("wanted pods"), std::string::npos);
  }
}

TEST(Validate, NamesWhatAMarbleLacks) {
  const auto outcome = RunValidate(MarbleReview().dump(), FullConfiguration());
  EXPECT_EQ(outcome->code, 403);
  EXPECT_NE(outcome->message.find("/spec/containers/0/env"), std::string::npos);
}

}  // namespace
}  // namespace strongroom::webhook
