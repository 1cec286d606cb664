// What prepared endorsements remember of platforms: it saves work and changes no verdict.
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "attest/dcap/verified_leaves.h"
#include "attest/quote.h"
#include "attest/testing/cases_of.h"
#include "attest/testing/test_platform.h"
#include "crypto/cert_builder.h"

namespace strongroom::attest {
namespace {

using testing::ErrorIds;
using testing::Made;
using testing::Recipe;
using testing::TestKeys;
using Ids = std::set<std::string>;

PreparedEndorsements Prepare(const Made& made) {
  return PrepareEndorsements(made.endorsements, made.anchors, made.now).ToResult().value();
}

Ids Errors(ByteView quote, const PreparedEndorsements& prepared, UnixSeconds now) {
  return ErrorIds(VerifySgxQuote(quote, prepared, now).findings);
}

TEST(KnownPlatforms, GetTheSameVerdictAgainAndAgain) {
  Recipe revoked, ended, wrong_name, other_family;
  revoked.revoke_leaf = true;
  ended.leaf_ends = -1;
  wrong_name.leaf_cn = "Somebody";
  other_family.fmspc = {1, 2, 3, 4, 5, 6};
  for (const Recipe& recipe : {Recipe(), revoked, ended, wrong_name, other_family}) {
    ASSERT_OK_AND_ASSIGN(const Made made, testing::Make(recipe, TestKeys()));
    const PreparedEndorsements prepared = Prepare(made);
    const Ids first = Errors(made.quote, prepared, made.now);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(Errors(made.quote, prepared, made.now), first);
    const auto anew = VerifySgxEvidence(made.quote, made.endorsements, made.anchors, made.now);
    EXPECT_EQ(first, ErrorIds(anew.findings));
  }
}

TEST(KnownPlatforms, AreRefusedOnceTheirCertificateHasEnded) {
  Recipe recipe;
  recipe.leaf_ends = 500;  // before the endorsements do
  ASSERT_OK_AND_ASSIGN(const Made made, testing::Make(recipe, TestKeys()));
  const PreparedEndorsements prepared = Prepare(made);
  EXPECT_EQ(Errors(made.quote, prepared, made.now), Ids{});
  EXPECT_EQ(Errors(made.quote, prepared, made.now + 501), Ids{"dcap.pck.time"});
  EXPECT_EQ(Errors(made.quote, prepared, made.now), Ids{});
}

// Every changed byte of the quote, certificates included, under endorsements that know the
// platform gives what it gives under endorsements that know none.
TEST(KnownPlatforms, AChangedQuoteIsJudgedAsIfItWereTheFirst) {
  ASSERT_OK_AND_ASSIGN(const Made made, testing::Make(Recipe(), TestKeys()));
  const PreparedEndorsements knowing = Prepare(made);
  ASSERT_EQ(Errors(made.quote, knowing, made.now), Ids{});
  constexpr std::size_t kStep = 7;  // every byte once in seven: two verifications each
  for (std::size_t at = 0; at < made.quote.size(); at += kStep) {
    Bytes changed = made.quote;
    changed[at] ^= 0x01;
    EXPECT_EQ(Errors(changed, knowing, made.now), Errors(changed, Prepare(made), made.now)) << at;
  }
}

TEST(KnownPlatforms, AreFoundFromManyThreads) {
  ASSERT_OK_AND_ASSIGN(const Made made, testing::Make(Recipe(), TestKeys()));
  const PreparedEndorsements prepared = Prepare(made);
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 20; ++i) {
          if (VerifySgxQuote(made.quote, prepared, made.now).claims) ++good;
        }
      });
    }
  }
  EXPECT_EQ(good, 80);
}

TEST(VerifiedLeaves, AreBoundedAndFoundByTheirBytesOnly) {
  ASSERT_OK_AND_ASSIGN(const auto key, crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  crypto::CertificateSpec spec;
  spec.subject = {{"CN", "leaf"}};
  std::uint16_t made = 0;
  const auto make = [&] {
    PlatformIdentity platform;
    platform.pce_svn = made++;
    return dcap::VerifiedLeaves::Leaf{crypto::SelfSign(spec, key).value(), platform};
  };
  dcap::VerifiedLeaves leaves;
  const auto first = make();
  leaves.Remember(first);
  leaves.Remember(first);
  EXPECT_EQ(leaves.size(), 1U);
  ASSERT_TRUE(leaves.Find(first.certificate.der()).has_value());
  EXPECT_EQ(leaves.Find(first.certificate.der())->certificate, first.certificate);
  EXPECT_EQ(leaves.Find(first.certificate.der())->platform.pce_svn, first.platform.pce_svn);
  EXPECT_FALSE(leaves.Find(make().certificate.der()).has_value());
  while (leaves.size() < dcap::VerifiedLeaves::kMax) leaves.Remember(make());
  leaves.Remember(first);
  EXPECT_EQ(leaves.size(), dcap::VerifiedLeaves::kMax);
  leaves.Remember(make());
  EXPECT_EQ(leaves.size(), 1U);
  EXPECT_FALSE(leaves.Find(first.certificate.der()).has_value());
}

}  // namespace
}  // namespace strongroom::attest
