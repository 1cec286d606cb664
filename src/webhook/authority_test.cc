#include "webhook/authority.h"

#include "crypto/chain.h"
#include "testing/result_matchers.h"

namespace strongroom::webhook {
namespace {

using strongroom::testing::Fails;

constexpr UnixSeconds kBegin{1'800'000'000};
constexpr std::int64_t kDay = 86'400;
const std::vector<std::string> kNames = {"strongroom-webhook.strongroom.svc"};

// Whether a client that trusts `bundle` accepts `leaf` at that time.
bool Trusts(const std::string& bundle, const crypto::Certificate& leaf, UnixSeconds now) {
  const auto roots = crypto::Certificate::ChainFromPem(bundle, 5).value();
  for (const crypto::Certificate& root : roots) {
    const auto report =
        crypto::VerifyChain({.leaf = leaf, .intermediates = {}, .root = root, .now = now},
                            {.require_crls = false, .purpose = crypto::ChainPurpose::kTlsServer});
    if (report.trusted()) return true;
  }
  return false;
}

ServingState Made() { return MakeServingState(kNames, kBegin).value(); }

TEST(Authority, ServesByACertificateThatItsBundleTrusts) {
  const ServingState state = Made();
  EXPECT_TRUE(Trusts(CaBundle(state), state.leaf, kBegin));
  EXPECT_EQ(state.leaf.fields().dns_names, kNames);
  EXPECT_FALSE(state.leaf.fields().is_ca());
  EXPECT_TRUE(state.current.certificate.fields().is_ca());
  EXPECT_FALSE(Trusts(CaBundle(Made()), state.leaf, kBegin)) << "another authority";
}

TEST(Authority, NothingIsDueBeforeTwoThirds) {
  const ServingState state = Made();
  for (const std::int64_t days : {0, 30, 59})
    EXPECT_FALSE(Renew(state, kNames, kBegin + days * kDay)->has_value()) << days;
}

TEST(Authority, TheLeafIsRenewedAtTwoThirdsOfItsLife) {
  const ServingState state = Made();
  const UnixSeconds later = kBegin + 61 * kDay;
  ASSERT_OK_AND_ASSIGN(const auto renewed, Renew(state, kNames, later));
  ASSERT_TRUE(renewed.has_value());
  EXPECT_FALSE(renewed->leaf == state.leaf);
  EXPECT_TRUE(renewed->current.certificate == state.current.certificate);
  EXPECT_TRUE(Trusts(CaBundle(state), renewed->leaf, later)) << "the published bundle goes on";
}

TEST(Authority, OtherNamesMakeANewLeaf) {
  const std::vector<std::string> names = {"other.strongroom.svc"};
  ASSERT_OK_AND_ASSIGN(const auto renewed, Renew(Made(), names, kBegin + 1));
  ASSERT_TRUE(renewed.has_value());
  EXPECT_EQ(renewed->leaf.fields().dns_names, names);
}

// Every leaf that is served is trusted by the bundle of this step and of the step before.
TEST(Authority, NoLeafIsServedThatYesterdaysBundleDoesNotTrust) {
  ServingState state = Made();
  std::string yesterdays = CaBundle(state);
  std::size_t authorities = 0;
  std::size_t leaves = 0;
  for (UnixSeconds now = kBegin; now < kBegin + 5 * 365 * kDay; now = now + kAnnouncedSeconds * 3) {
    ASSERT_OK_AND_ASSIGN(const auto renewed, Renew(state, kNames, now));
    if (renewed.has_value()) {
      if (!(renewed->current.certificate == state.current.certificate)) ++authorities;
      if (!(renewed->leaf == state.leaf)) ++leaves;
      ASSERT_TRUE(Trusts(yesterdays, renewed->leaf, now)) << FormatRfc3339(now);
      ASSERT_TRUE(Trusts(CaBundle(*renewed), renewed->leaf, now));
      ASSERT_TRUE(Trusts(CaBundle(*renewed), state.leaf, now)) << "other copies still show it";
      state = *renewed;
    }
    yesterdays = CaBundle(state);
  }
  EXPECT_GE(authorities, 6U);
  EXPECT_GE(leaves, 24U);
}

TEST(Authority, APromotedAuthorityWasAnnouncedLongEnough) {
  const ServingState state = Made();
  const UnixSeconds due = kBegin + kAuthoritySeconds / 3 * 2 + kDay;
  const ServingState announced = **Renew(state, kNames, due);
  ASSERT_TRUE(announced.next.has_value());
  EXPECT_TRUE(announced.current.certificate == state.current.certificate);
  EXPECT_FALSE(Renew(announced, kNames, due + (kAnnouncedSeconds - 1))->has_value());
  const ServingState promoted = **Renew(announced, kNames, due + kAnnouncedSeconds);
  EXPECT_TRUE(promoted.current.certificate == announced.next->certificate);
  EXPECT_TRUE(*promoted.previous == state.current.certificate);
  const UnixSeconds ended = kBegin + kAuthoritySeconds + 1;
  ASSERT_OK_AND_ASSIGN(const auto after, Renew(promoted, kNames, ended));
  EXPECT_FALSE(after->previous.has_value());
}

TEST(Authority, ASecretHoldsTheWholeState) {
  const UnixSeconds due = kBegin + kAuthoritySeconds / 3 * 2 + kDay;
  ServingState state = **Renew(Made(), kNames, due);
  state.previous = state.current.certificate;
  ASSERT_OK_AND_ASSIGN(const ServingState read, FromSecretData(ToSecretData(state)));
  EXPECT_TRUE(ToSecretData(read) == ToSecretData(state));
}

SecretData Copy(const SecretData& data) {
  SecretData out;
  for (const auto& [name, text] : data) out[name] = text.Clone();
  return out;
}

TEST(Authority, ABadSecretIsRefused) {
  const SecretData good = ToSecretData(Made());
  const SecretData other = ToSecretData(Made());
  for (const char* member : {"ca.crt", "ca.key", "tls.crt", "tls.key"}) {
    SCOPED_TRACE(member);
    SecretData data = Copy(good);
    data.erase(member);
    EXPECT_THAT(FromSecretData(data), Fails(Code::kMalformed, member));
    data[member] = SecretBytes(AsBytes("x"));
    EXPECT_THAT(FromSecretData(data), Fails(Code::kMalformed, member));
    data[member] = other.at(member).Clone();
    EXPECT_THAT(FromSecretData(data), Fails(Code::kUntrusted, ""));
  }
  SecretData data = Copy(good);
  data["next-ca.crt"] = other.at("ca.crt").Clone();
  EXPECT_FALSE(FromSecretData(data).has_value()) << "without its key";
}

}  // namespace
}  // namespace strongroom::webhook
