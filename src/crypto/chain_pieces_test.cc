// Paths of wrong pieces: foreign roots, missing or doubled certificates, lists by others.

#include "crypto/chain_oracle.h"
#include "crypto/der.h"
#include "crypto/test_pki.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::crypto {
namespace {

class ChainOf : public ::testing::Test {
 protected:
  ChainReport Verify(const Certificate& leaf, const std::vector<Certificate>& intermediates,
                     const Certificate& root, const std::vector<Crl>& crls,
                     const ChainOptions& options = {.require_crls = true}) {
    const ChainInput input{
        .leaf = leaf, .intermediates = intermediates, .root = root, .crls = crls, .now = kNow};
    ChainReport report = VerifyChain(input, options);
    EXPECT_EQ(OpenSslTrusts(input, options), report.trusted()) << Describe(report);
    return report;
  }
  void ExpectFaults(const ChainReport& report, const std::vector<Expected>& expected) {
    EXPECT_EQ(FaultsOf(report) == expected, true) << Describe(report);
  }

  TestPki pki_;
  SignedPki good_{pki_};
  TestPki other_pki_;  // the same names, other keys: a sandbox beside production
  SignedPki other_{other_pki_};
};

TEST_F(ChainOf, APathEndsInThePinnedRootOnly) {
  ExpectFaults(Verify(other_.leaf, {other_.ca}, good_.root, {}, {.require_crls = false}),
               {{ChainFault::kIncomplete, 1}});
  ExpectFaults(
      Verify(other_.leaf, {other_.ca, other_.root}, good_.root, {}, {.require_crls = false}),
      {{ChainFault::kUntrustedRoot, 2}});
  ExpectFaults(Verify(other_.root, {}, good_.root, {}, {.require_crls = false}),
               {{ChainFault::kUntrustedRoot, 0}});
}

TEST_F(ChainOf, AMissingIntermediateIsIncomplete) {
  ExpectFaults(Verify(good_.leaf, {}, good_.root, {}, {.require_crls = false}),
               {{ChainFault::kIncomplete, 0}});
  ExpectFaults(Verify(good_.leaf, {other_.ca}, good_.root, {}, {.require_crls = false}),
               {{ChainFault::kIncomplete, 0}});
}

TEST_F(ChainOf, RootsAndStrangersAmongTheIntermediatesDoNoHarm) {
  ExpectFaults(Verify(good_.leaf, {other_.root, good_.root, other_.ca, good_.ca, good_.leaf},
                      good_.root, good_.crls),
               {});
}

TEST_F(ChainOf, ARootAloneIsItsOwnPath) {
  ExpectFaults(Verify(good_.root, {}, good_.root, {good_.crls[0]}), {});
  EXPECT_EQ(Verify(good_.root, {}, good_.root, {good_.crls[0]}).path.size(), 1U);
}

TEST_F(ChainOf, AnAnchorThatIsNoRootIsRefused) {
  const ChainOptions no_crls{.require_crls = false};
  ExpectFaults(Verify(good_.leaf, {}, good_.ca, {}, no_crls), {{ChainFault::kUntrustedRoot, 1}});
  ExpectFaults(Verify(good_.leaf, {}, good_.leaf, {}, no_crls), {{ChainFault::kUntrustedRoot, 0}});
}

TEST_F(ChainOf, SameNamesWithoutKeyIdsAreToldApartBySignatures) {
  TestPki bare;
  bare.ca_spec.subject_key_id = bare.root_spec.subject_key_id = false;
  const SignedPki mine(bare);
  TestPki twin = bare;
  twin.ca_key = other_pki_.ca_key;
  const SignedPki theirs(twin);
  const ChainOptions lenient{.require_crls = false, .strict = false};
  ExpectFaults(VerifyChain({.leaf = mine.leaf,
                            .intermediates = std::vector<Certificate>{theirs.ca, mine.ca},
                            .root = mine.root,
                            .now = kNow},
                           lenient),
               {});
  // Alone, the twin is the only candidate; then its signature does not fit.
  ExpectFaults(Verify(mine.leaf, {theirs.ca}, mine.root, {}, lenient),
               {{ChainFault::kBadSignature, 0}});
}

TEST_F(ChainOf, ASelfSignedRootMustBeSignedByItself) {
  Bytes der = ToBytes(good_.root.der());
  der.back() ^= 1;
  const auto forged = Certificate::FromDer(der);
  ASSERT_OK(forged);
  const ChainReport report = Verify(good_.leaf, {good_.ca}, *forged, good_.crls);
  ExpectFaults(report, {{ChainFault::kBadSignature, 2}});
}

TEST_F(ChainOf, EveryIssuerNeedsAList) {
  ExpectFaults(
      Verify(good_.leaf, {good_.ca}, good_.root, {}),
      {{ChainFault::kCrlMissing, 0}, {ChainFault::kCrlMissing, 1}, {ChainFault::kCrlMissing, 2}});
  ExpectFaults(Verify(good_.leaf, {good_.ca}, good_.root, {good_.crls[0]}),
               {{ChainFault::kCrlMissing, 0}});
  ExpectFaults(Verify(good_.leaf, {good_.ca}, good_.root, {good_.crls[1]}),
               {{ChainFault::kCrlMissing, 1}, {ChainFault::kCrlMissing, 2}});
}

TEST_F(ChainOf, AListByAnotherCaOfTheSameNameIsNone) {
  ExpectFaults(Verify(good_.leaf, {good_.ca}, good_.root, {good_.crls[0], other_.crls[1]}),
               {{ChainFault::kCrlBadSignature, 0}});
  ExpectFaults(Verify(good_.leaf, {good_.ca}, good_.root, {other_.crls[0], good_.crls[1]}),
               {{ChainFault::kCrlBadSignature, 1}});
}

TEST_F(ChainOf, AListByACaOfAnotherNameIsMissing) {
  TestPki renamed;
  renamed.ca_spec.subject = {{"CN", "processor ca"}};
  const SignedPki processor(renamed);
  ExpectFaults(Verify(good_.leaf, {good_.ca}, good_.root, {good_.crls[0], processor.crls[1]}),
               {{ChainFault::kCrlMissing, 0}});
}

TEST_F(ChainOf, EveryListThatIsGivenCounts) {
  // OpenSSL takes the newest good one; here an expired or revoking list beside a good one is still
  // a finding.
  TestPki stale = pki_;
  stale.ca_crl_spec.next_update = kNow + -1;
  const Crl old_list = SignCrl(stale.ca_crl_spec, {good_.ca, pki_.ca_key}).value();
  const std::vector<Crl> crls = {good_.crls[0], good_.crls[1], old_list};
  const std::vector<Certificate> intermediates = {good_.ca};
  const ChainReport report = VerifyChain({.leaf = good_.leaf,
                                          .intermediates = intermediates,
                                          .root = good_.root,
                                          .crls = crls,
                                          .now = kNow},
                                         {.require_crls = true});
  ExpectFaults(report, {{ChainFault::kCrlExpired, 0}});
}

// A list with one more extension, signed by `key`.
Crl ListWith(const Crl& list, const Extension& extra, const PrivateKey& key) {
  DerReader outer(list.der());
  DerReader signed_list = outer.Sequence().value();
  DerReader body = signed_list.Sequence().value();
  Bytes content;
  while (!body.empty() && !body.NextIs(der::ContextConstructed(0))) {
    const ByteView element = body.Next().value().whole;
    content.insert(content.end(), element.begin(), element.end());
  }
  std::vector<Bytes> extensions;
  for (const Extension& extension : list.fields().extensions) {
    extensions.push_back(DerSequence({DerOid(extension.oid), DerOctetString(extension.value)}));
  }
  extensions.push_back(DerSequence({DerOid(extra.oid), extra.critical ? DerBoolean(true) : Bytes(),
                                    DerOctetString(extra.value)}));
  const Bytes body_der =
      DerSequence({content, DerElementOf(der::ContextConstructed(0), {DerSequence(extensions)})});
  const Bytes algorithm = ToBytes(signed_list.Next().value().whole);
  const Bytes signature = key.Sign(SignatureScheme::kEcdsaSha256, body_der).value();
  return Crl::FromDer(DerSequence({body_der, algorithm, DerBitString(signature)})).value();
}

TEST_F(ChainOf, ListsOfNarrowScopeAreRefused) {
  const Extension cases[] = {
      {"1.2.3.4", true, {5, 0}},                                  // unknown, critical
      {"2.5.29.27", true, DerUnsigned(1)},                        // delta
      {"2.5.29.28", true, DerSequence({Bytes{0x82, 1, 0xff}})},   // only CA certificates
      {"2.5.29.28", false, DerSequence({Bytes{0x81, 1, 0xff}})},  // only users', not critical
  };
  for (const Extension& extension : cases) {
    const Crl list = ListWith(good_.crls[1], extension, pki_.ca_key);
    const std::vector<Crl> crls = {good_.crls[0], list};
    const std::vector<Certificate> intermediates = {good_.ca};
    const ChainReport report = VerifyChain({.leaf = good_.leaf,
                                            .intermediates = intermediates,
                                            .root = good_.root,
                                            .crls = crls,
                                            .now = kNow},
                                           {.require_crls = true});
    ExpectFaults(report, {{ChainFault::kCrlNonconforming, 0}});
  }
}

TEST_F(ChainOf, AFlippedByteAnywhereIsNeverTrusted) {
  const std::vector<Certificate> intermediates = {good_.ca};
  const auto verify = [&](const Certificate& leaf, const Certificate& ca, const Crl& list) {
    const std::vector<Certificate> cas = {ca};
    const std::vector<Crl> crls = {good_.crls[0], list};
    return VerifyChain(
        {.leaf = leaf, .intermediates = cas, .root = good_.root, .crls = crls, .now = kNow},
        {.require_crls = true});
  };
  testing::ForEachFlippedByte(good_.leaf.der(), [&](ByteView der, std::size_t at) {
    const auto leaf = Certificate::FromDer(der);
    if (leaf) {
      EXPECT_FALSE(verify(*leaf, good_.ca, good_.crls[1]).trusted()) << at;
    }
  });
  testing::ForEachFlippedByte(good_.ca.der(), [&](ByteView der, std::size_t at) {
    const auto ca = Certificate::FromDer(der);
    if (ca) {
      EXPECT_FALSE(verify(good_.leaf, *ca, good_.crls[1]).trusted()) << at;
    }
  });
  testing::ForEachFlippedByte(good_.crls[1].der(), [&](ByteView der, std::size_t at) {
    const auto list = Crl::FromDer(der);
    if (list) {
      EXPECT_FALSE(verify(good_.leaf, good_.ca, *list).trusted()) << at;
    }
  });
}

TEST_F(ChainOf, SeveralIntermediatesUpToTheLimit) {
  std::vector<Certificate> chain = {good_.root};
  std::vector<PrivateKey> keys = {pki_.root_key};
  for (int i = 0; i < 6; ++i) {
    keys.push_back(PrivateKey::Generate(KeyType::kP256).value());
    CertificateSpec spec = CaSpec("ca " + std::to_string(i));
    chain.push_back(
        SignCertificate(spec, keys.back().public_key(), {chain.back(), keys[keys.size() - 2]})
            .value());
  }
  for (int allowed = 1; allowed <= 8; ++allowed) {
    const ChainReport report = Verify(chain.back(), chain, good_.root, {},
                                      {.require_crls = false, .max_certificates = allowed});
    EXPECT_EQ(report.trusted(), allowed >= 7) << allowed;
    if (allowed < 7) ExpectFaults(report, {{ChainFault::kTooLong, allowed - 1}});
  }
}

TEST_F(ChainOf, ALoopOfIntermediatesEnds) {
  // a certifies b and b certifies a: names form a circle without a root.
  const PrivateKey a = PrivateKey::Generate(KeyType::kP256).value();
  const PrivateKey b = PrivateKey::Generate(KeyType::kP256).value();
  const Certificate root_a = SelfSign(CaSpec("a"), a).value();
  const Certificate b_by_a = SignCertificate(CaSpec("b"), b.public_key(), {root_a, a}).value();
  const Certificate a_by_b = SignCertificate(CaSpec("a"), a.public_key(), {b_by_a, b}).value();
  const ChainReport report = Verify(b_by_a, {a_by_b, b_by_a}, good_.root, {},
                                    {.require_crls = false, .max_certificates = 10});
  ExpectFaults(report, {{ChainFault::kIncomplete, 1}});
}

}  // namespace
}  // namespace strongroom::crypto
