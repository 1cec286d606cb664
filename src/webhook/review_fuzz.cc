// From a review to its patch: whatever comes in, the answer is JSON, a patch applies to the pod it
// is for and leaves nothing to add, and a denial has none. The input is a review as text, or a seed
// for a generated pod with edits: eight bytes, then (offset, byte) three by three.
#include <cstdlib>
#include <functional>

#include "base/encoding.h"
#include "webhook/judge.h"
#include "webhook/testing/apply_patch.h"
#include "webhook/testing/reviews.h"

namespace strongroom::webhook {
namespace {

using nlohmann::json;

void Require(bool condition) {
  if (!condition) std::abort();
}

const Configuration& Config() {
  static const Configuration configuration = testing::FullConfiguration();
  return configuration;
}

constexpr std::size_t kGenerated = 128;

const std::vector<std::string>& Generated() {
  static const std::vector<std::string> reviews = [] {
    std::vector<std::string> out;
    for (std::uint64_t seed = 0; seed < kGenerated; ++seed)
      out.push_back(testing::MakeReview(testing::RandomPod(seed)).dump());
    return out;
  }();
  return reviews;
}

std::string ReviewFrom(ByteView data) {
  if (data.empty() || data[0] == '{') return std::string(AsText(data));
  std::string review = Generated()[data[0] % kGenerated];
  for (std::size_t i = 1; i + 2 < data.size(); i += 3) {
    const std::size_t offset = data[i] | static_cast<std::size_t>(data[i + 1]) << 8;
    review[offset % review.size()] = static_cast<char>(data[i + 2]);
  }
  return review;
}

// Whether this input is one of those whose patch is applied; always the same for one input.
bool IsChosen(std::string_view text) { return std::hash<std::string_view>()(text) % 32 == 0; }

// The patch applies, and the patched pod needs nothing and is valid.
void CheckPatch(std::string_view text, std::string_view patch) {
  json review = json::parse(text);
  json& pod = review["request"]["object"];
  const auto patched = testing::ApplyPatch(pod, json::parse(patch));
  Require(patched.has_value());
  pod = *patched;
  const auto again = testing::RunMutate(review.dump(), Config());
  Require(again.has_value() && again->allowed && again->patch.empty());
  const auto valid = testing::RunValidate(review.dump(), Config());
  Require(valid.has_value() && valid->allowed);
}

}  // namespace
}  // namespace strongroom::webhook

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strongroom;           // NOLINT(google-build-using-namespace): a fuzz target
  using namespace strongroom::webhook;  // NOLINT(google-build-using-namespace): the same
  const std::string text = ReviewFrom({data, size});
  const auto review = Review::Parse(text);
  if (!review.has_value()) return 0;
  const Verdict verdict = Mutate(*review, Config());
  Require(!verdict.denial.has_value() || verdict.patch.empty());
  Require(JsonDocument::Parse(WriteVerdict(review->uid(), verdict)).has_value());
  if (!verdict.patch.empty() && IsChosen(text)) CheckPatch(text, verdict.patch);
  Require(Validate(*review, Config()).patch.empty());
  return 0;
}
