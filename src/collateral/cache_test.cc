#include "collateral/cache.h"

#include <atomic>
#include <functional>
#include <latch>
#include <thread>

#include <gtest/gtest.h>

#include "attest/testing/test_platform.h"
#include "testing/result_matchers.h"

namespace strongroom::collateral {
namespace {

using attest::testing::Keys;
using attest::testing::Made;
using attest::testing::Recipe;
using strongroom::testing::Fails;

const Keys& TestKeys() {
  static const Keys keys = Keys::Generate().value();
  return keys;
}

// Answers what it is told to, and counts.
class FakeSource final : public EndorsementSource {
 public:
  Result<attest::Endorsements> Fetch(const attest::EndorsementSubject& subject) override {
    ++fetches;
    return answer(subject);
  }

  std::function<Result<attest::Endorsements>(const attest::EndorsementSubject&)> answer;
  std::atomic<int> fetches = 0;
};

class Cache : public ::testing::Test {
 protected:
  void SetUp() override { Publish(recipe_); }

  // What the source answers from now on.
  void Publish(const Recipe& recipe) {
    auto made = attest::testing::Make(recipe, TestKeys());
    ASSERT_OK(made);
    made_ = std::move(*made);
    source_.answer = [this](const auto&) -> Result<attest::Endorsements> {
      return made_.endorsements;
    };
  }
  void Break() {
    source_.answer = [](const auto&) -> Result<attest::Endorsements> {
      return Unavailable("no PCCS");
    };
  }

  Result<CachedEndorsements> Ask(EndorsementCache& cache) {
    return cache.For(made_.quote, made_.anchors);
  }

  Recipe recipe_;
  Made made_;
  FakeSource source_;
  FixedClock clock_{Recipe().now};
};

TEST_F(Cache, FetchesOnceForManyQuotes) {
  EndorsementCache cache(source_, clock_);
  for (int i = 0; i < 10; ++i) {
    ASSERT_OK_AND_ASSIGN(const CachedEndorsements found, Ask(cache));
    EXPECT_OK(attest::VerifySgxQuote(made_.quote, found.prepared, clock_.Now()).ToResult());
    EXPECT_EQ(found.raw->tcb_info, made_.endorsements.tcb_info);
  }
  EXPECT_EQ(source_.fetches, 1);
}

TEST_F(Cache, FetchesAgainWhenOldOrOver) {
  EndorsementCache cache(source_, clock_, {.max_age_seconds = 100});
  ASSERT_OK(Ask(cache));
  clock_.Set(recipe_.now + 99);
  ASSERT_OK(Ask(cache));
  EXPECT_EQ(source_.fetches, 1);
  clock_.Set(recipe_.now + 100);
  ASSERT_OK(Ask(cache));
  EXPECT_EQ(source_.fetches, 2);
  clock_.Set(recipe_.now + 1001);  // the documents ended at 1000
  EXPECT_THAT(Ask(cache), Fails(Code::kUntrusted, ".time]"));
  EXPECT_EQ(source_.fetches, 3);
  recipe_.documents_end = recipe_.lists_end = 5'000;
  recipe_.documents_issued = recipe_.lists_issued = 500;
  Publish(recipe_);
  clock_.Set(recipe_.now + 1'020);
  EXPECT_OK(Ask(cache));
}

TEST_F(Cache, GoesOnWithWhatIsValidWhenTheSourceFails) {
  EndorsementCache cache(source_, clock_, {.max_age_seconds = 100, .retry_after_seconds = 10});
  ASSERT_OK(Ask(cache));
  Break();
  clock_.Set(recipe_.now + 200);
  EXPECT_OK(Ask(cache));
  EXPECT_OK(Ask(cache));
  EXPECT_EQ(source_.fetches, 2);  // not asked for every quote
  clock_.Set(recipe_.now + 210);
  EXPECT_OK(Ask(cache));
  EXPECT_EQ(source_.fetches, 3);
  clock_.Set(recipe_.now + 1'001);
  EXPECT_THAT(Ask(cache), Fails(Code::kUnavailable, "no PCCS"));
}

TEST_F(Cache, RemembersAFailureForAWhile) {
  Break();
  EndorsementCache cache(source_, clock_, {.retry_after_seconds = 10});
  EXPECT_THAT(Ask(cache), Fails(Code::kUnavailable, "no PCCS"));
  EXPECT_THAT(Ask(cache), Fails(Code::kUnavailable, "no PCCS"));
  EXPECT_EQ(source_.fetches, 1);
  Publish(recipe_);
  clock_.Set(recipe_.now + 10);
  EXPECT_OK(Ask(cache));
}

TEST_F(Cache, WithoutAPauseAsksEveryTime) {
  Break();
  EndorsementCache cache(source_, clock_, {.retry_after_seconds = 0});
  EXPECT_THAT(Ask(cache), Fails(Code::kUnavailable, "no PCCS"));
  EXPECT_THAT(Ask(cache), Fails(Code::kUnavailable, "no PCCS"));
  EXPECT_EQ(source_.fetches, 2);
}

// Valid by their dates, but older than what was seen: someone hides what became known since.
TEST_F(Cache, RefusesReplayedOldCollateral) {
  EndorsementCache cache(source_, clock_, {.max_age_seconds = 100});
  ASSERT_OK(Ask(cache));
  const Recipe newer = recipe_;
  for (const char* part : {"issued", "lists", "tcb number", "qe number"}) {
    SCOPED_TRACE(part);
    EndorsementCache fresh(source_, clock_, {}, cache.floors());
    Recipe older = newer;
    if (std::string_view(part) == "issued") older.documents_issued = -101;
    if (std::string_view(part) == "lists") older.lists_issued = -101;
    if (std::string_view(part) == "tcb number") older.tcb_evaluation_number = 18;
    if (std::string_view(part) == "qe number") older.qe_evaluation_number = 18;
    Publish(older);
    EXPECT_THAT(Ask(fresh), Fails(Code::kUntrusted, "as seen before"));
    // The running cache keeps the newer, still valid one.
    clock_.Set(clock_.Now() + 100);
    ASSERT_OK_AND_ASSIGN(const CachedEndorsements kept, Ask(cache));
    EXPECT_EQ(kept.prepared.tcb_info_evaluation_number(), 19U);
    EXPECT_EQ(kept.prepared.tcb_info_issued(), recipe_.now + (-100));
  }
}

TEST_F(Cache, KeepsRootsApart) {
  EndorsementCache cache(source_, clock_);
  EXPECT_THAT(cache.For(made_.quote, attest::TrustAnchors::Intel()),
              Fails(Code::kUntrusted, ".root]"));
  EXPECT_OK(Ask(cache));
  EXPECT_THAT(cache.For(made_.quote, attest::TrustAnchors::Intel()),
              Fails(Code::kUntrusted, ".root]"));
}

TEST_F(Cache, RefusesTheAnswerToAnotherQuestion) {
  EndorsementCache cache(source_, clock_);
  const attest::EndorsementSubject other = {.fmspc = attest::Fmspc(), .platform_ca = true};
  EXPECT_THAT(cache.For(other, made_.anchors),
              Fails(Code::kUntrusted, "asked for collateral of FMSPC 000000000000"));
}

TEST_F(Cache, RefusesWhatIsNoQuote) {
  EndorsementCache cache(source_, clock_);
  EXPECT_THAT(cache.For(AsBytes("no quote"), made_.anchors),
              Fails(Code::kUnsupported, "quote version"));
  EXPECT_EQ(source_.fetches, 0);
}

TEST_F(Cache, FetchesOnceForManyThreads) {
  EndorsementCache cache(source_, clock_);
  constexpr int kThreads = 8;
  std::latch start(kThreads);
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        start.arrive_and_wait();
        if (Ask(cache)) ++good;
      });
    }
  }
  EXPECT_EQ(good, kThreads);
  EXPECT_EQ(source_.fetches, 1);
}

TEST_F(Cache, HasBoundedSizeWhateverStrangersAskFor) {
  EndorsementCache cache(source_, clock_, {.retry_after_seconds = 1000, .max_entries = 4});
  ASSERT_OK(Ask(cache));
  for (std::uint8_t i = 0; i < 100; ++i) {
    attest::EndorsementSubject other = {.fmspc = attest::Fmspc(), .platform_ca = true};
    other.fmspc.writable()[5] = i;
    EXPECT_FALSE(cache.For(other, made_.anchors).has_value());
  }
  EXPECT_EQ(source_.fetches, 101);
  ASSERT_OK(Ask(cache));  // failures went first
  EXPECT_EQ(source_.fetches, 101);
}

TEST_F(Cache, AsksAgainAfterTheClockWentBack) {
  EndorsementCache cache(source_, clock_);
  ASSERT_OK(Ask(cache));
  clock_.Set(recipe_.now + (-50));
  ASSERT_OK(Ask(cache));
  EXPECT_EQ(source_.fetches, 2);
}

TEST_F(Cache, FloorsSurviveAsText) {
  EndorsementCache cache(source_, clock_);
  ASSERT_OK(Ask(cache));
  const std::string text = cache.floors().Serialize();
  ASSERT_OK_AND_ASSIGN(const Floors again, Floors::Parse(text));
  EXPECT_EQ(again.subjects(), cache.floors().subjects());
  EXPECT_EQ(again.subjects().size(), 4U);
  for (const char* bad : {"", "[]", "{\"x\":{}}", "{\"x\":1}"}) {
    EXPECT_THAT(Floors::Parse(bad), Fails(Code::kMalformed, "")) << bad;
  }
  for (std::size_t i = 0; i < text.size(); ++i)
    EXPECT_FALSE(Floors::Parse(text.substr(0, i)).has_value()) << i;
}

}  // namespace
}  // namespace strongroom::collateral
