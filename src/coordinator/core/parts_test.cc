// The small parts of the core, each by itself.
#include <limits>
#include <thread>

#include "base/encoding.h"
#include "coordinator/core/challenges.h"
#include "coordinator/core/journal.h"
#include "coordinator/core/quote_budget.h"
#include "coordinator/core/records.h"
#include "coordinator/core/refusals.h"
#include "coordinator/core/secrets.h"
#include "coordinator/core/testing/fakes.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::coordinator {
namespace {

using strongroom::testing::Fails;
using testing::MemoryStore;

constexpr UnixSeconds kNow{1'800'000'000};

ChallengeNonce Nonce(std::uint32_t n) {
  ChallengeNonce out{};
  for (std::size_t i = 0; i < 4; ++i) out[i] = static_cast<std::uint8_t>(n >> (8 * i));
  return out;
}

TEST(ChallengeTableTest, TakesEachNonceOnce) {
  ChallengeTable table;
  ASSERT_OK(table.Add(Nonce(1), 5, kNow));
  EXPECT_OK(table.Take(Nonce(1), 5, kNow + kChallengeSeconds));
  EXPECT_THAT(table.Take(Nonce(1), 5, kNow), Fails(Code::kUntrusted, "used before"));
}

TEST(ChallengeTableTest, TakesANonceAwayFromWhoeverPresentsItWrongly) {
  ChallengeTable table;
  ASSERT_OK(table.Add(Nonce(1), 5, kNow));
  EXPECT_THAT(table.Take(Nonce(1), 6, kNow), Fails(Code::kUntrusted, "on this connection"));
  EXPECT_THAT(table.Take(Nonce(1), 5, kNow), Fails(Code::kUntrusted, "used before"));
  EXPECT_THAT(table.Take(Bytes(31), 5, kNow), Fails(Code::kMalformed, "31 bytes, wanted 32"));
}

TEST(ChallengeTableTest, ForgetsAfterAMinuteAndWhenTheClockGoesBack) {
  ChallengeTable table;
  ASSERT_OK(table.Add(Nonce(1), 5, kNow));
  EXPECT_THAT(table.Take(Nonce(1), 5, kNow + kChallengeSeconds + 1), Fails(Code::kUntrusted, ""));
  ASSERT_OK(table.Add(Nonce(2), 5, kNow));
  EXPECT_THAT(table.Take(Nonce(2), 5, kNow + -1), Fails(Code::kUntrusted, ""));
}

TEST(ChallengeTableTest, GivesAConnectionItsShareAndNoMore) {
  ChallengeTable table;
  for (std::uint32_t i = 0; i < kMaxChallengesPerConnection; ++i)
    ASSERT_OK(table.Add(Nonce(i), 5, kNow));
  EXPECT_THAT(table.Add(Nonce(99), 5, kNow), Fails(Code::kExhausted, "the most it may"));
  EXPECT_OK(table.Add(Nonce(99), 6, kNow));
  EXPECT_OK(table.Take(Nonce(0), 5, kNow));
  EXPECT_OK(table.Add(Nonce(100), 5, kNow));
  EXPECT_OK(table.Add(Nonce(101), 5, kNow + kChallengeSeconds + 1)) << "expired ones do not count";
}

TEST(ChallengeTableTest, AFullTableRefusesNewcomersAndTakesNothingFromOthers) {
  ChallengeTable table;
  for (std::uint32_t i = 0; i < kMaxChallenges; ++i) ASSERT_OK(table.Add(Nonce(i), i, kNow));
  EXPECT_THAT(table.Add(Nonce(kMaxChallenges), kMaxChallenges, kNow),
              Fails(Code::kExhausted, "try again in a minute"));
  EXPECT_EQ(table.size(), kMaxChallenges);
  EXPECT_OK(table.Take(Nonce(0), 0, kNow)) << "the oldest is still good";
  EXPECT_OK(table.Add(Nonce(kMaxChallenges), kMaxChallenges, kNow)) << "a place was freed";
  EXPECT_OK(table.Add(Nonce(0), 0, kNow + kChallengeSeconds + 1)) << "all others expired";
  EXPECT_EQ(table.size(), 1U);
}

TEST(ChallengeTableTest, ForgetsTheNoncesOfAConnectionThatIsGone) {
  ChallengeTable table;
  for (std::uint32_t i = 0; i < kMaxChallengesPerConnection; ++i)
    ASSERT_OK(table.Add(Nonce(i), 5, kNow));
  ASSERT_OK(table.Add(Nonce(99), 6, kNow));
  table.ForgetConnection(5);
  table.ForgetConnection(7);
  EXPECT_EQ(table.size(), 1U);
  EXPECT_THAT(table.Take(Nonce(0), 5, kNow), Fails(Code::kUntrusted, ""));
  EXPECT_OK(table.Take(Nonce(99), 6, kNow));
}

TEST(ChallengeTableTest, NoncesFromBeforeTheClockWentBackFreeTheirPlaces) {
  ChallengeTable table;
  for (std::uint32_t i = 0; i < kMaxChallenges; ++i) ASSERT_OK(table.Add(Nonce(i), i, kNow));
  EXPECT_OK(table.Add(Nonce(kMaxChallenges), 1, kNow + -3600));
  EXPECT_EQ(table.size(), 1U);
}

TEST(QuoteBudgetTest, GivesABurstThenSoManyASecond) {
  QuoteBudget budget({.quote_burst = 3, .quotes_per_second = 2});
  const auto take_all = [&budget](UnixSeconds now) {
    int taken = 0;
    while (taken < 100 && budget.Take(now).has_value()) ++taken;
    return taken;
  };
  constexpr UnixSeconds now{1000};
  EXPECT_EQ(take_all(now), 3);
  EXPECT_THAT(budget.Take(now), Fails(Code::kExhausted, "wanted at most 3 at once and 2 a second"));
  EXPECT_EQ(take_all(now + 1), 2);
  EXPECT_EQ(take_all(now + 100), 3) << "no more than a burst is saved";
  EXPECT_EQ(take_all(now + -500), 0) << "a clock that goes back gives nothing";
  EXPECT_EQ(take_all(now + -499), 2) << "and does not stop it for good";
  EXPECT_EQ(take_all(UnixSeconds{std::numeric_limits<std::int64_t>::max()}), 3);
}

TEST(RefusalMeterTest, LetsABurstThroughThenAFewAMinute) {
  RefusalMeter meter;
  int written = 0;
  for (int i = 0; i < 250; ++i) written += meter.Admit(kNow).has_value() ? 1 : 0;
  EXPECT_EQ(written, 100);
  EXPECT_EQ(meter.Admit(kNow + 6), 150U);
  EXPECT_EQ(meter.Admit(kNow + 6), std::nullopt);
  EXPECT_EQ(meter.Admit(kNow + 12), 1U);
}

// RFC 5869 applied to given values; computed with Python's hmac over
// ikm 32 x 0x0b, salt uuid || "own", info "server", then nothing, then a name too long to be stored
// in a string object itself.
TEST(DerivedSecretTest, IsHkdfOfInstanceAndName) {
  const manifest::Secret secret{.type = manifest::SecretType::kSymmetricKey, .size = 128};
  const MarbleInstance instance{.marble = "server", .uuid = "123e4567-e89b-12d3-a456-426614174000"};
  const Bytes root(32, 0x0b);
  ASSERT_OK_AND_ASSIGN(const auto bound, DeriveSymmetricSecret(secret, "own", instance, root));
  EXPECT_EQ(HexEncode(bound.private_part.Reveal()), "1b5b9c17ebb3c8a26b013f3ef5d98230");
  MarbleInstance unbound = instance;
  unbound.disable_secret_binding = true;
  ASSERT_OK_AND_ASSIGN(const auto free, DeriveSymmetricSecret(secret, "own", unbound, root));
  EXPECT_EQ(HexEncode(free.private_part.Reveal()), "4b609981b90b684209cdecf7464f397c");
  MarbleInstance long_name = instance;
  long_name.marble = "inference-server-of-the-second-ward";
  ASSERT_OK_AND_ASSIGN(const auto other, DeriveSymmetricSecret(secret, "own", long_name, root));
  EXPECT_EQ(HexEncode(other.private_part.Reveal()), "a33e0709865528b40ac3f1d1d9a04902");
}

TEST(RecordsTest, ComeBackAndAreRefusedWhenCutOrLonger) {
  ASSERT_OK_AND_ASSIGN(const Hierarchy authorities, MakeHierarchy({{"a.example"}, {}}, kNow));
  const SecretBytes bytes = EncodeHierarchy(authorities);
  ASSERT_OK_AND_ASSIGN(const Hierarchy again, DecodeHierarchy(bytes.Reveal()));
  EXPECT_EQ(again.marble_root, authorities.marble_root);
  EXPECT_EQ(again.mesh_key.public_key(), authorities.mesh_key.public_key());
  const Bytes longer = Concat({bytes.Reveal(), Bytes{0}});
  EXPECT_THAT(DecodeHierarchy(longer), Fails(Code::kMalformed, ""));
  strongroom::testing::ForEachTruncation(bytes.Reveal(), [](ByteView cut, std::size_t offset) {
    EXPECT_FALSE(DecodeHierarchy(cut).has_value()) << offset;
  });

  const manifest::Secret definition{.type = manifest::SecretType::kPlain};
  const manifest::SecretValue value{.definition = definition,
                                    .certificate = {1, 2},
                                    .public_part = SecretBytes(AsBytes("abc")),
                                    .private_part = SecretBytes(AsBytes(""))};
  const Record record = EncodeSecret("name", value);
  EXPECT_EQ(record.name, "secret/name");
  ASSERT_OK_AND_ASSIGN(const auto read, DecodeSecret(definition, record.value.Reveal()));
  EXPECT_EQ(read.public_part, value.public_part);
  EXPECT_EQ(read.certificate, value.certificate);
  strongroom::testing::ForEachTruncation(
      record.value.Reveal(), [&](ByteView cut, std::size_t offset) {
        EXPECT_FALSE(DecodeSecret(definition, cut).has_value()) << offset;
      });
  const SecretBytes head = EncodeAuditHead({.sequence = 7, .digest = crypto::Sha256(Bytes())});
  ASSERT_OK_AND_ASSIGN(const AuditHead read_head, DecodeAuditHead(head.Reveal()));
  EXPECT_EQ(read_head.sequence, 7U);
  strongroom::testing::ForEachTruncation(head.Reveal(), [](ByteView cut, std::size_t offset) {
    EXPECT_FALSE(DecodeAuditHead(cut).has_value()) << offset;
  });
}

TEST(RecordsTest, AreOthersOrNoneWithAFlippedByte) {
  ASSERT_OK_AND_ASSIGN(const Hierarchy authorities, MakeHierarchy({{"a.example"}, {}}, kNow));
  const SecretBytes bytes = EncodeHierarchy(authorities);
  // Not always others: PKCS#8 has a version and unused bits that change nothing of a key.
  strongroom::testing::ForEachFlippedByte(
      bytes.Reveal(), [&](ByteView flipped, std::size_t offset) {
        const Result<Hierarchy> read = DecodeHierarchy(flipped);
        if (!read.has_value()) return;
        const SecretBytes written = EncodeHierarchy(*read);
        ASSERT_OK_AND_ASSIGN(const Hierarchy again, DecodeHierarchy(written.Reveal()));
        EXPECT_EQ(EncodeHierarchy(again), written) << offset;
      });
  const manifest::Secret definition{.type = manifest::SecretType::kPlain};
  const Record record = EncodeSecret("name", {.definition = definition,
                                              .certificate = {1, 2},
                                              .public_part = SecretBytes(AsBytes("abc")),
                                              .private_part = SecretBytes(AsBytes("d"))});
  strongroom::testing::ForEachFlip(record.value.Reveal(), [&](ByteView flipped,
                                                              std::size_t offset) {
    const auto read = DecodeSecret(definition, flipped);
    EXPECT_FALSE(read.has_value() && EncodeSecret("name", *read).value == record.value) << offset;
  });
  const SecretBytes head = EncodeAuditHead({.sequence = 7, .digest = crypto::Sha256(Bytes())});
  strongroom::testing::ForEachFlip(head.Reveal(), [&](ByteView flipped, std::size_t offset) {
    const auto read = DecodeAuditHead(flipped);
    EXPECT_FALSE(read.has_value() && EncodeAuditHead(*read) == head) << offset;
  });
}

Commit Entry(const std::string& name, std::vector<int>* order = nullptr, int n = 0) {
  Commit out;
  out.records.push_back({name, SecretBytes(AsBytes(name))});
  out.events.push_back({"test", {{"name", name}}});
  if (order != nullptr) out.publish = [order, n] { order->push_back(n); };
  return out;
}

TEST(JournalTest, WritesWhatWaitsTogether) {
  MemoryStore store;
  const FixedClock clock(kNow);
  Journal journal(store, clock);
  ASSERT_OK(journal.Create(manifest::SealMode::kProductKey, Entry("first")));
  store.hold = true;
  std::vector<int> order;
  {
    std::vector<std::jthread> threads;
    threads.emplace_back([&] { EXPECT_OK(journal.Write(Entry("a", &order, 0))); });
    while (store.writes() == 0) std::this_thread::yield();
    for (int i = 1; i <= 20; ++i)
      threads.emplace_back([&, i] { EXPECT_OK(journal.Write(Entry("b", &order, i))); });
    while (journal.waiting() < 20) std::this_thread::yield();
    store.hold = false;
    store.hold.notify_all();
  }
  EXPECT_EQ(store.writes(), 2) << "one for the first, one for all that waited behind it";
  EXPECT_EQ(order.size(), 21U);
  EXPECT_EQ(journal.head().sequence, 22U);
}

TEST(JournalTest, LeavesTheChainAndCountersAloneWhenWritingFails) {
  MemoryStore store;
  const FixedClock clock(kNow);
  Journal journal(store, clock);
  ASSERT_OK(journal.Create(manifest::SealMode::kProductKey, Entry("first")));
  const AuditHead before = journal.head();
  std::vector<int> order;
  store.FailWith(Error(Code::kExhausted, "disk full"));
  Commit counted = Entry("x", &order, 1);
  counted.counter = "marble";
  EXPECT_THAT(journal.Write(std::move(counted)), Fails(Code::kExhausted, "disk full"));
  EXPECT_TRUE(order.empty());
  EXPECT_EQ(journal.head().digest, before.digest);
  store.FailWith(std::nullopt);
  Commit again = Entry("x", &order, 2);
  again.counter = "marble";
  EXPECT_OK(journal.Write(std::move(again)));
  Journal reopened(store, clock);
  ASSERT_OK(reopened.Resume());
  EXPECT_EQ(reopened.CounterAtStart("marble"), 1U);
  EXPECT_EQ(reopened.head().digest, journal.head().digest);
  EXPECT_EQ(reopened.head().sequence, 2U);
}

}  // namespace
}  // namespace strongroom::coordinator
