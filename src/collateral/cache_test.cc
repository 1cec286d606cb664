#include "collateral/cache.h"

#include <atomic>
#include <functional>
#include <latch>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "attest/quote.h"
#include "attest/testing/test_platform.h"
#include "base/encoding.h"
#include "testing/mutations.h"
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

Result<CachedEndorsements> AskFor(EndorsementCache& cache, ByteView quote,
                                  const attest::TrustAnchors& anchors) {
  ASSIGN_OR_RETURN(const attest::Quote parsed, attest::ParseQuote(quote));
  return cache.For(parsed, anchors);
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
    return AskFor(cache, made_.quote, made_.anchors);
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
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(AskFor(cache, made_.quote, attest::TrustAnchors::Intel()),
                Fails(Code::kUntrusted, "wanted a trusted root"));
    EXPECT_OK(Ask(cache));
  }
  EXPECT_EQ(source_.fetches, 1);
  ASSERT_OK_AND_ASSIGN(const attest::Quote quote, attest::ParseQuote(made_.quote));
  ASSERT_OK_AND_ASSIGN(const auto subject, attest::UnverifiedEndorsementSubject(quote));
  EXPECT_THAT(cache.For(subject, attest::TrustAnchors::Intel()), Fails(Code::kUntrusted, ".root]"));
}

// What anyone can make without a machine of his own: none of it reaches the source.
TEST_F(Cache, StrangersCannotMakeItAskTheSource) {
  EndorsementCache cache(source_, clock_);
  ASSERT_OK_AND_ASSIGN(const attest::Quote parsed, attest::ParseQuote(made_.quote));
  const auto offset = [&](ByteView part) {
    return static_cast<std::size_t>(part.data() - made_.quote.data());
  };
  const struct {
    const char* name;
    std::size_t at;
  } rows[] = {{"body", offset(parsed.signed_bytes) + parsed.signed_bytes.size() - 1},
              {"quote signature", offset(parsed.signature)},
              {"attestation key", offset(parsed.attestation_key) + 40},
              {"quoting enclave's report", offset(parsed.qe_report_bytes) + 64},
              {"its signature", offset(parsed.qe_report_signature) + 9},
              {"authentication data", offset(parsed.qe_authentication_data)}};
  for (const auto& row : rows) {
    Bytes forged = made_.quote;
    forged[row.at] ^= 1;
    const auto found = AskFor(cache, forged, made_.anchors);
    ASSERT_FALSE(found.has_value()) << row.name;
    EXPECT_THAT(found.error().message(), ::testing::HasSubstr("evidence")) << row.name;
  }
  ASSERT_OK_AND_ASSIGN(const Keys foreign, Keys::Generate());
  ASSERT_OK_AND_ASSIGN(const Made other, attest::testing::Make(recipe_, foreign));
  EXPECT_THAT(AskFor(cache, other.quote, made_.anchors),
              Fails(Code::kUntrusted, "wanted a trusted root"));
  clock_.Set(recipe_.now + recipe_.leaf_ends + 1);
  EXPECT_THAT(Ask(cache), Fails(Code::kUntrusted, "PCK chain"));
  EXPECT_EQ(source_.fetches, 0);
}

attest::EndorsementSubject Family(std::uint8_t number) {
  attest::EndorsementSubject out = {.fmspc = attest::Fmspc(), .platform_ca = true};
  out.fmspc.writable()[5] = number;
  return out;
}

TEST_F(Cache, AsksTheSourceSoOftenAndNoMore) {
  EndorsementCache cache(source_, clock_,
                         {.max_age_seconds = 5, .fetch_burst = 3, .seconds_per_fetch = 10});
  ASSERT_OK(Ask(cache));
  EXPECT_FALSE(cache.For(Family(1), made_.anchors).has_value());
  EXPECT_FALSE(cache.For(Family(2), made_.anchors).has_value());
  EXPECT_EQ(source_.fetches, 3);
  EXPECT_THAT(cache.For(Family(3), made_.anchors), Fails(Code::kUnavailable, "too often"));
  clock_.Set(recipe_.now + 9);
  EXPECT_OK(Ask(cache)) << "old, and still valid";
  EXPECT_EQ(source_.fetches, 3);
  clock_.Set(recipe_.now + 10);
  EXPECT_FALSE(cache.For(Family(3), made_.anchors).has_value());
  EXPECT_THAT(cache.For(Family(4), made_.anchors), Fails(Code::kUnavailable, "too often"));
  EXPECT_EQ(source_.fetches, 4);
  clock_.Set(recipe_.now + -10);
  EXPECT_THAT(cache.For(Family(4), made_.anchors), Fails(Code::kUnavailable, "too often"))
      << "a clock that goes back earns nothing";
}

TEST_F(Cache, AsksTheSourceForSoManyAtOnceAndNoMore) {
  EndorsementCache cache(source_, clock_, {.max_fetches_at_once = 2});
  std::latch both_ask(2), answer(1);
  source_.answer = [&](const auto&) -> Result<attest::Endorsements> {
    both_ask.count_down();
    answer.wait();
    return made_.endorsements;
  };
  {
    std::jthread own([&] { EXPECT_OK(Ask(cache)); });
    std::jthread other([&] { EXPECT_FALSE(cache.For(Family(1), made_.anchors).has_value()); });
    both_ask.wait();
    EXPECT_THAT(cache.For(Family(2), made_.anchors), Fails(Code::kUnavailable, "too often"));
    answer.count_down();
  }
  EXPECT_EQ(source_.fetches, 2);
  EXPECT_FALSE(cache.For(Family(2), made_.anchors).has_value());
  EXPECT_EQ(source_.fetches, 3);
}

TEST_F(Cache, BelievesNoClockBeforeTheNewestCollateralOfTheRoot) {
  EndorsementCache cache(source_, clock_);
  ASSERT_OK_AND_ASSIGN(const CachedEndorsements found, Ask(cache));
  clock_.Set(recipe_.now + -100);
  EXPECT_OK(Ask(cache)) << "when it was issued";
  // Of another family, seen in an earlier life.
  const auto floors_of = [&](std::string_view root) {
    const auto floors = Floors::Parse(
        fmt::format(R"({{"{}/tcb-info/000000000001":{{"issued":{},"evaluationNumber":1}}}})", root,
                    ToInt(recipe_.now)));
    EXPECT_OK(floors);
    return *floors;
  };
  EndorsementCache next(source_, clock_, {}, floors_of(HexEncode(found.prepared.anchor().view())));
  EXPECT_THAT(Ask(next), Fails(Code::kUntrusted, "it was turned back"));
  clock_.Set(recipe_.now);
  EXPECT_OK(Ask(next));
  clock_.Set(recipe_.now + -1);
  EXPECT_THAT(Ask(next), Fails(Code::kUntrusted, "it was turned back")) << "cached, and valid then";
  EndorsementCache another(source_, clock_, {}, floors_of(std::string(64, '0')));
  EXPECT_OK(Ask(another)) << "roots do not bind each other";
}

TEST_F(Cache, RefusesTheAnswerToAnotherQuestion) {
  EndorsementCache cache(source_, clock_);
  const attest::EndorsementSubject other = {.fmspc = attest::Fmspc(), .platform_ca = true};
  EXPECT_THAT(cache.For(other, made_.anchors),
              Fails(Code::kUntrusted, "asked for collateral of FMSPC 000000000000"));
}

TEST_F(Cache, RefusesAQuoteThatCarriesNoCertificate) {
  EndorsementCache cache(source_, clock_);
  ASSERT_OK_AND_ASSIGN(attest::Quote quote, attest::ParseQuote(made_.quote));
  quote.certification_data = AsBytes("no certificate");
  EXPECT_THAT(cache.For(quote, made_.anchors), Fails(Code::kMalformed, "no PEM block"));
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
  EndorsementCache cache(source_, clock_,
                         {.retry_after_seconds = 1000, .max_entries = 4, .fetch_burst = 200});
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
  strongroom::testing::ForEachTruncation(AsBytes(text), [](ByteView cut, std::size_t size) {
    EXPECT_THAT(Floors::Parse(AsText(cut)), Fails(Code::kMalformed, "")) << size;
  });
  strongroom::testing::ForEachFlippedByte(AsBytes(text), [&](ByteView flipped, std::size_t offset) {
    const auto read = Floors::Parse(AsText(flipped));
    if (!read.has_value()) {
      EXPECT_EQ(read.error().code(), Code::kMalformed) << offset;
      return;
    }
    std::size_t same = 0;
    for (const auto& [name, subject] : again.subjects()) {
      const auto found = read->subjects().find(name);
      same += found != read->subjects().end() && found->second == subject ? 1U : 0U;
    }
    EXPECT_EQ(read->subjects().size(), 4U) << offset;
    EXPECT_EQ(same, 3U) << offset;
  });
}

}  // namespace
}  // namespace strongroom::collateral
