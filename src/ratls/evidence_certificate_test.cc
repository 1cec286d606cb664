#include "ratls/evidence_certificate.h"

#include <gtest/gtest.h>

#include "attest/quote.h"
#include "attest/testing/test_platform.h"
#include "crypto/cert_builder.h"
#include "ratls/activation_binding.h"
#include "ratls/dialects.h"
#include "ratls/peer_check.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::ratls {
namespace {

using attest::testing::Keys;
using attest::testing::Recipe;
using strongroom::testing::Fails;

const Keys& TestKeys() {
  static const Keys keys = Keys::Generate().value();
  return keys;
}

// A TEE of our own, and who verifies it.
class Peer : public ::testing::Test {
 protected:
  void SetUp() override {
    auto key = crypto::PrivateKey::Generate(crypto::KeyType::kP256);
    ASSERT_OK(key);
    key_.emplace(std::move(*key));
  }

  Bytes QuoteOver(const attest::ReportData& report_data) const {
    Recipe recipe = recipe_;
    recipe.body.report_data = report_data;
    return attest::testing::Make(recipe, TestKeys())->quote;
  }

  QuoteFor Tee() const {
    return [this](const attest::ReportData& report_data) -> Result<Bytes> {
      return QuoteOver(report_data);
    };
  }

  EvidenceCertificateSpec Spec(std::set<Dialect> dialects) const {
    return {.dialects = std::move(dialects),
            .not_before = recipe_.now + (-10),
            .not_after = recipe_.now + 10};
  }

  Result<attest::VerifiedClaims> Check(const std::vector<Bytes>& chain,
                                       attest::AcceptancePolicy policy) const {
    const auto made = attest::testing::Make(recipe_, TestKeys());
    const auto endorsements = [&](ByteView) {
      return attest::PrepareEndorsements(made->endorsements, made->anchors, made->now).ToResult();
    };
    const FixedClock clock(recipe_.now);
    ASSIGN_OR_RETURN(
        const PeerCheck check,
        PeerCheck::Make({.policy = std::move(policy), .endorsements_for = endorsements}, clock));
    return check.Check(chain);
  }
  Result<attest::VerifiedClaims> Check(const crypto::Certificate& certificate) const {
    return Check({ToBytes(certificate.der())}, {.mrenclave = recipe_.body.mrenclave});
  }

  // A certificate over our key with any extensions.
  crypto::Certificate With(std::vector<crypto::Extension> extensions) const {
    crypto::CertificateSpec spec;
    spec.subject = {{"CN", "RATLS"}};
    spec.not_before = recipe_.now + (-10);
    spec.not_after = recipe_.now + 10;
    spec.extra_extensions = std::move(extensions);
    return crypto::SelfSign(spec, *key_).value();
  }

  Recipe recipe_;
  std::optional<crypto::PrivateKey> key_;
};

TEST_F(Peer, IsAcceptedInEveryDialect) {
  for (const Dialect dialect : {Dialect::kDice, Dialect::kGramineLegacy, Dialect::kOpenEnclave}) {
    SCOPED_TRACE(DialectName(dialect));
    ASSERT_OK_AND_ASSIGN(const auto certificate,
                         MakeEvidenceCertificate(Spec({dialect}), *key_, Tee()));
    ASSERT_OK_AND_ASSIGN(const CertificateEvidence evidence, ExtractEvidence(certificate.der()));
    EXPECT_EQ(evidence.dialect, dialect);
    EXPECT_OK(attest::ParseQuote(evidence.quote));
    ASSERT_OK_AND_ASSIGN(const attest::VerifiedClaims claims, Check(certificate));
    EXPECT_EQ(claims.report_data(), evidence.report_data);
  }
}

TEST_F(Peer, MayHaveAP384KeyAsGramineDoes) {
  ASSERT_OK_AND_ASSIGN(const auto key, crypto::PrivateKey::Generate(crypto::KeyType::kP384));
  ASSERT_OK_AND_ASSIGN(
      const auto certificate,
      MakeEvidenceCertificate(Spec({Dialect::kDice, Dialect::kGramineLegacy}), key, Tee()));
  EXPECT_OK(Check(certificate));
}

TEST_F(Peer, MayHaveTheLegacyExtensionInBothEncodings) {
  const Bytes quote = QuoteOver(KeyReportData(key_->public_key().SpkiDer()));
  for (const std::string_view oid : {kGramineOid, kGramineOidAsWritten}) {
    EXPECT_OK(Check(With({{std::string(oid), false, quote}}))) << oid;
  }
}

TEST_F(Peer, WithTheWrittenLegacyOidHasGraminesElevenBytes) {
  const auto certificate = With({{std::string(kGramineOidAsWritten), false, Bytes(3, 1)}});
  const Bytes oid = {0x06, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x8a, 0x39, 0x06};
  const ByteView der = certificate.der();
  EXPECT_NE(std::search(der.begin(), der.end(), oid.begin(), oid.end()), der.end());
}

// The DICE extension decides alone, even when it is broken and a good legacy one is beside it.
TEST_F(Peer, IsJudgedByTheDiceExtensionAlone) {
  ASSERT_OK_AND_ASSIGN(const crypto::Extension legacy, ToGramineLegacy(key_->public_key(), Tee()));
  ASSERT_OK_AND_ASSIGN(crypto::Extension dice, ToDice(key_->public_key(), Tee()));
  EXPECT_OK(Check(With({legacy, dice})));
  dice.value[2] ^= 1U;  // the tag
  EXPECT_THAT(ExtractEvidence(With({legacy, dice}).der()), Fails(Code::kUnsupported, "tag"));
}

TEST_F(Peer, WithACriticalEvidenceExtensionIsRefused) {
  ASSERT_OK_AND_ASSIGN(crypto::Extension dice, ToDice(key_->public_key(), Tee()));
  dice.critical = true;
  EXPECT_THAT(ExtractEvidence(With({dice}).der()), Fails(Code::kMalformed, "critical"));
}

TEST_F(Peer, WithoutEvidenceIsRefused) {
  EXPECT_THAT(ExtractEvidence(With({}).der()), Fails(Code::kNotFound, "carries no evidence"));
  EXPECT_THAT(ExtractEvidence({}), Fails(Code::kMalformed, "certificate"));
}

TEST_F(Peer, WithTheEvidenceOfAnotherKeyIsRefused) {
  ASSERT_OK_AND_ASSIGN(const auto other, crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  ASSERT_OK_AND_ASSIGN(const crypto::Extension dice, ToDice(other.public_key(), Tee()));
  EXPECT_THAT(Check(With({dice})), Fails(Code::kUntrusted, "pubkey-hash"));
  ASSERT_OK_AND_ASSIGN(const crypto::Extension legacy, ToGramineLegacy(other.public_key(), Tee()));
  EXPECT_THAT(Check(With({legacy})), Fails(Code::kUntrusted, "report data"));
  ASSERT_OK_AND_ASSIGN(const crypto::Extension open_enclave,
                       ToOpenEnclave(other.public_key(), Tee()));
  EXPECT_THAT(Check(With({open_enclave})), Fails(Code::kUntrusted, "report data"));
}

// Claims for this key around a quote that never saw them.
TEST_F(Peer, WithClaimsThatTheQuoteDoesNotCoverIsRefused) {
  const Bytes claims = EncodeDiceClaims(key_->public_key().SpkiDer());
  const Bytes value = EncodeDiceEvidence(QuoteOver(attest::ReportData()), claims);
  EXPECT_THAT(Check(With({{std::string(kDiceOid), false, value}})),
              Fails(Code::kUntrusted, "report data"));
}

// Gramine never looks at the second half of the report data.
TEST_F(Peer, WithMoreInTheReportDataThanTheBindingIsRefused) {
  const Bytes claims = EncodeDiceClaims(key_->public_key().SpkiDer());
  attest::ReportData report_data = DiceReportData(claims);
  report_data.writable()[63] = 1;
  const Bytes value = EncodeDiceEvidence(QuoteOver(report_data), claims);
  EXPECT_THAT(Check(With({{std::string(kDiceOid), false, value}})),
              Fails(Code::kUntrusted, "report data"));
}

TEST_F(Peer, WithAnOtherKindOfKeyIsRefused) {
  ASSERT_OK_AND_ASSIGN(const auto p521, crypto::PrivateKey::Generate(crypto::KeyType::kP521));
  EXPECT_THAT(MakeEvidenceCertificate(Spec({Dialect::kDice}), p521, Tee()),
              Fails(Code::kUnsupported, "P-521"));
  ASSERT_OK_AND_ASSIGN(const auto rsa, crypto::PrivateKey::GenerateRsa(2048));
  EXPECT_THAT(MakeEvidenceCertificate(Spec({Dialect::kGramineLegacy}), rsa, Tee()),
              Fails(Code::kUnsupported, "RSA"));
  ASSERT_OK_AND_ASSIGN(const auto open_enclave,
                       MakeEvidenceCertificate(Spec({Dialect::kOpenEnclave}), rsa, Tee()));
  EXPECT_OK(Check(open_enclave));
  // A stranger may still make one.
  ASSERT_OK_AND_ASSIGN(const crypto::Extension dice, ToDice(p521.public_key(), Tee()));
  crypto::CertificateSpec spec;
  spec.subject = {{"CN", "RATLS"}};
  spec.not_before = recipe_.now;
  spec.not_after = recipe_.now + 10;
  spec.extra_extensions = {dice};
  ASSERT_OK_AND_ASSIGN(const auto forged, crypto::SelfSign(spec, p521));
  EXPECT_THAT(ExtractEvidence(forged.der()), Fails(Code::kUnsupported, "P-521"));
}

TEST_F(Peer, IsRefusedByPolicy) {
  ASSERT_OK_AND_ASSIGN(const auto certificate,
                       MakeEvidenceCertificate(Spec({Dialect::kDice}), *key_, Tee()));
  const std::vector<Bytes> chain = {ToBytes(certificate.der())};
  attest::MrEnclave other;
  EXPECT_THAT(Check(chain, {.mrenclave = other}), Fails(Code::kDenied, "[policy.mrenclave]"));
  EXPECT_THAT(Check(chain, {}), Fails(Code::kMalformed, "names no enclave"));
  recipe_.body.attributes_flags |= attest::kSgxFlagDebug;
  ASSERT_OK_AND_ASSIGN(const auto debug,
                       MakeEvidenceCertificate(Spec({Dialect::kDice}), *key_, Tee()));
  EXPECT_THAT(Check(debug), Fails(Code::kUntrusted, "[sgx.debug-enclave]"));
  EXPECT_OK(Check({ToBytes(debug.der())},
                  {.mrenclave = recipe_.body.mrenclave, .insecure_accept_debug_enclaves = true}));
}

TEST_F(Peer, WithAChainOrNothingIsRefused) {
  ASSERT_OK_AND_ASSIGN(const auto certificate,
                       MakeEvidenceCertificate(Spec({Dialect::kDice}), *key_, Tee()));
  const Bytes der = ToBytes(certificate.der());
  EXPECT_THAT(Check({der, der}, {.mrenclave = recipe_.body.mrenclave}),
              Fails(Code::kUntrusted, "2 certificates"));
  EXPECT_THAT(Check({}, {.mrenclave = recipe_.body.mrenclave}),
              Fails(Code::kUntrusted, "0 certificates"));
}

TEST_F(Peer, WithoutEndorsementsIsRefused) {
  ASSERT_OK_AND_ASSIGN(const auto certificate,
                       MakeEvidenceCertificate(Spec({Dialect::kDice}), *key_, Tee()));
  const FixedClock clock(recipe_.now);
  const auto none = [](ByteView) -> Result<attest::PreparedEndorsements> {
    return Unavailable("no PCCS");
  };
  ASSERT_OK_AND_ASSIGN(
      const PeerCheck check,
      PeerCheck::Make({.policy = {.insecure_accept_any_enclave = true}, .endorsements_for = none},
                      clock));
  EXPECT_THAT(check("host", {ToBytes(certificate.der())}),
              Fails(Code::kUnavailable, "evidence of host: no PCCS"));
}

TEST_F(Peer, WithAnyByteOfTheExtensionChangedIsRefused) {
  ASSERT_OK_AND_ASSIGN(const crypto::Extension dice, ToDice(key_->public_key(), Tee()));
  const Bytes claims = EncodeDiceClaims(key_->public_key().SpkiDer());
  std::size_t accepted = 0;
  // Around the quote only: attest has its own test for the bytes of a quote.
  for (std::size_t i = 0; i < dice.value.size(); ++i) {
    if (i == 7) i = dice.value.size() - claims.size() - 2;
    crypto::Extension changed = dice;
    changed.value[i] ^= 1U;
    if (Check(With({changed}))) ++accepted;
  }
  EXPECT_EQ(accepted, 0U);
}

TEST_F(Peer, MakesNoCertificateWithoutAQuote) {
  const auto broken = [](const attest::ReportData&) -> Result<Bytes> {
    return Unavailable("no TEE");
  };
  EXPECT_THAT(MakeEvidenceCertificate(Spec({Dialect::kDice}), *key_, broken),
              Fails(Code::kUnavailable, "no TEE"));
  EXPECT_THAT(MakeEvidenceCertificate(Spec({}), *key_, Tee()),
              Fails(Code::kMalformed, "no dialect"));
}

}  // namespace
}  // namespace strongroom::ratls
