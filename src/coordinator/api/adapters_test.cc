#include "coordinator/api/adapters.h"

#include <functional>
#include <thread>

#include "coordinator/core/records.h"
#include "coordinator/core/testing/stage.h"
#include "testing/result_matchers.h"

namespace strongroom::coordinator {
namespace {

using strongroom::testing::Fails;
using testing::kStageTime;
using testing::MemoryStore;
using testing::TestWorld;

// Signs collateral of the test world when it is asked, as of a time of its own.
class SimSource final : public collateral::EndorsementSource {
 public:
  Result<attest::Endorsements> Fetch(const attest::EndorsementSubject& subject) override {
    ++fetches;
    const sim::Collateral collateral(TestWorld(), options);
    for (const sim::Platform& platform : TestWorld().platforms()) {
      if (platform.identity().fmspc == subject.fmspc) return collateral.For(platform, time);
    }
    return NotFound("no such family");
  }

  sim::CollateralOptions options;
  UnixSeconds time = kStageTime;
  int fetches = 0;
};

class CollateralPortTest : public ::testing::Test {
 protected:
  // One life of a coordinator over the same store.
  struct Life {
    explicit Life(CollateralPortTest& test)
        : cache(test.source_, test.clock_, {}, *RestoreFloors(test.store_)),
          port(cache, test.store_) {}
    collateral::EndorsementCache cache;
    CollateralPort port;
  };

  Status Ask(Life& life, const char* platform = "up-to-date") {
    auto issuer = testing::MakeServer(platform);
    ASSIGN_OR_RETURN(const Bytes quote, issuer.Quote({}));
    ASSIGN_OR_RETURN(const attest::Quote parsed, attest::ParseQuote(quote));
    RETURN_IF_ERROR(life.port.For(parsed, attest::TrustAnchors().Add(TestWorld().anchor())));
    return {};
  }
  void CreateState() { ASSERT_OK(store_.Create(manifest::SealMode::kProductKey, {})); }
  std::string Stored() {
    const auto record = ReadOne(store_, kFloorsName);
    return record.has_value() ? ToText(record->Reveal()) : "";
  }

  SimSource source_;
  FixedClock clock_{kStageTime};
  MemoryStore store_;
};

TEST_F(CollateralPortTest, FloorsAreStoredBeforeAnyoneDecidesByThem) {
  CreateState();
  Life life(*this);
  EXPECT_EQ(Stored(), "");
  ASSERT_OK(Ask(life));
  EXPECT_EQ(Stored(), life.cache.floors().Serialize());
  const int writes = store_.writes();
  ASSERT_OK(Ask(life));
  EXPECT_EQ(store_.writes(), writes) << "written when they rise only";
}

TEST_F(CollateralPortTest, ARestartDoesNotForgetThem) {
  CreateState();
  {
    Life first(*this);
    ASSERT_OK(Ask(first));
  }
  source_.options.evaluation_number = 20;
  {
    Life second(*this);
    EXPECT_THAT(Ask(second), Fails(Code::kUntrusted, "evaluation number 20, wanted at least 21"));
  }
  source_.options = {};
  source_.time = kStageTime + -60;
  Life third(*this);
  EXPECT_THAT(Ask(third), Fails(Code::kUntrusted, "as seen before"));
}

// Days back everything fits together again: the clock, and genuine collateral of that day, also of
// a family that was never asked for. Only what was seen since tells.
TEST_F(CollateralPortTest, ARestartWithTheClockTurnedBackIsNoticed) {
  constexpr std::int64_t ten_days = 10 * 86'400;
  CreateState();
  source_.time = kStageTime + ten_days;
  clock_.Set(source_.time);
  {
    Life first(*this);
    ASSERT_OK(Ask(first));
  }
  source_.time = kStageTime;
  clock_.Set(source_.time);
  Life second(*this);
  EXPECT_THAT(Ask(second), Fails(Code::kUntrusted, "it was turned back"));
  EXPECT_THAT(Ask(second, "out-of-date"), Fails(Code::kUntrusted, "it was turned back"));
  source_.time = kStageTime + ten_days + 3600;
  clock_.Set(source_.time);
  EXPECT_OK(Ask(second));
}

TEST_F(CollateralPortTest, NothingIsDecidedWhileTheyCannotBeStored) {
  CreateState();
  Life life(*this);
  store_.FailWith(Error(Code::kExhausted, "the disk is full"));
  EXPECT_THAT(Ask(life), Fails(Code::kExhausted, "the disk is full"));
  EXPECT_THAT(Ask(life), Fails(Code::kExhausted, "the disk is full"));
  store_.FailWith(std::nullopt);
  EXPECT_OK(Ask(life));
  EXPECT_EQ(Stored(), life.cache.floors().Serialize());
}

TEST_F(CollateralPortTest, BeforeThereIsStateNothingIsStored) {
  Life life(*this);
  ASSERT_OK(Ask(life));
  EXPECT_EQ(store_.writes(), 0);
  CreateState();
  ASSERT_OK(Ask(life));
  EXPECT_EQ(Stored(), life.cache.floors().Serialize());
}

TEST_F(CollateralPortTest, ARecordThatIsNoneIsAnError) {
  StateChange first;
  first.records.push_back({std::string(kFloorsName), SecretBytes(AsBytes("{"))});
  ASSERT_OK(store_.Create(manifest::SealMode::kProductKey, first));
  EXPECT_THAT(RestoreFloors(store_), Fails(Code::kMalformed, "floors"));
}

TEST_F(CollateralPortTest, ThreadsLeaveTheNewestInTheStore) {
  CreateState();
  Life life(*this);
  {
    std::vector<std::jthread> threads;
    for (const char* platform : {"up-to-date", "out-of-date", "up-to-date", "out-of-date"})
      threads.emplace_back([&, platform] { EXPECT_OK(Ask(life, platform)); });
  }
  EXPECT_EQ(Stored(), life.cache.floors().Serialize());
}

}  // namespace
}  // namespace strongroom::coordinator
