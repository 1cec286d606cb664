#include "agent/retry.h"

#include <gtest/gtest.h>

#include "testing/result_matchers.h"

namespace strongroom::agent {
namespace {

using std::chrono::milliseconds;
using Outcome = std::expected<Activation, ActivationError>;

class ConstantEntropy final : public Entropy {
 public:
  explicit ConstantEntropy(std::uint8_t byte) : byte_(byte) {}
  void Fill(std::span<std::uint8_t> out) override { std::ranges::fill(out, byte_); }

 private:
  std::uint8_t byte_;
};

Outcome Failure(Stage stage) {
  return std::unexpected(ActivationError{stage, Error(Code::kUnavailable, "x")});
}

Outcome Success() {
  return Activation{
      *crypto::PrivateKey::Generate(crypto::KeyType::kP256), {}, {}, {}, {}, {}, {}, {}, false};
}

struct Trial {
  int attempts = 0;
  std::vector<milliseconds> waits;
  Outcome outcome = Failure(Stage::kConnect);
};

// Outcomes in order, the last again and again.
Trial Try(std::vector<Stage> failures, bool succeed, milliseconds limit, bool interrupted = false) {
  Trial trial;
  ConstantEntropy entropy(0);
  BackOff back_off(entropy);
  trial.outcome = WithRetries(
      [&]() -> Outcome {
        const auto n = static_cast<std::size_t>(trial.attempts++);
        if (n < failures.size()) return Failure(failures[n]);
        return succeed ? Success() : Failure(failures.back());
      },
      limit, back_off,
      [&](milliseconds wait) {
        trial.waits.push_back(wait);
        return !interrupted;
      },
      [](const ActivationError&, milliseconds) {});
  return trial;
}

TEST(BackOff, DoublesUpToTenSecondsAndIsShortenedByUpToHalf) {
  ConstantEntropy none(0), all(0xff);
  BackOff longest(none), shortest(all);
  for (const int base : {250, 500, 1000, 2000, 4000, 8000, 10000, 10000}) {
    EXPECT_EQ(longest.Next(), milliseconds(base));
    const milliseconds wait = shortest.Next();
    EXPECT_GE(wait, milliseconds(base / 2));
    EXPECT_LE(wait, milliseconds(base / 2 + 2));
  }
}

TEST(WithRetries, GoesOnUntilTheCoordinatorIsThere) {
  const Trial trial =
      Try({Stage::kConnect, Stage::kConnect, Stage::kConnect}, true, milliseconds(60'000));
  EXPECT_TRUE(trial.outcome.has_value());
  EXPECT_EQ(trial.attempts, 4);
  EXPECT_THAT(trial.waits,
              ::testing::ElementsAre(milliseconds(250), milliseconds(500), milliseconds(1000)));
}

TEST(WithRetries, TriesOnceWhenRefused) {
  for (const Stage stage : {Stage::kTrust, Stage::kEvidence, Stage::kRefused}) {
    const Trial trial = Try({stage}, true, milliseconds(60'000));
    EXPECT_EQ(trial.attempts, 1);
    ASSERT_FALSE(trial.outcome.has_value());
    EXPECT_EQ(trial.outcome.error().stage, stage);
  }
}

TEST(WithRetries, EndsWithinTheLimit) {
  const Trial trial = Try({Stage::kConnect}, false, milliseconds(100));
  EXPECT_EQ(trial.attempts, 1) << "the first wait would be 250 ms";
  EXPECT_EQ(trial.outcome.error().stage, Stage::kConnect);
}

TEST(WithRetries, EndsWhenTheWaitIsInterrupted) {
  const Trial trial = Try({Stage::kConnect}, true, milliseconds(60'000), true);
  EXPECT_EQ(trial.attempts, 1);
  EXPECT_FALSE(trial.outcome.has_value());
}

}  // namespace
}  // namespace strongroom::agent
