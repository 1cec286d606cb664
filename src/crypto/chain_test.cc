#include "crypto/chain.h"

#include <functional>
#include <set>

#include <gtest/gtest.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "base/encoding.h"
#include "base/files.h"
#include "crypto/der.h"
#include "crypto/oid.h"
#include "crypto/openssl_internal.h"
#include "crypto/test_pki.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"
#include "testing/testdata.h"

namespace strongroom::crypto {
namespace {

// --- OpenSSL's own validation, to hold ours against ---

using X509CrlPtr = OpenSslPtr<X509_CRL, X509_CRL_free>;

void AddList(X509_STORE* store, const Crl& crl) {
  const std::uint8_t* at = crl.der().data();
  const X509CrlPtr native(d2i_X509_CRL(nullptr, &at, static_cast<long>(crl.der().size())));
  ASSERT_NE(native, nullptr);
  ASSERT_EQ(X509_STORE_add_crl(store, native.get()), 1);
}

bool OpenSslTrusts(const ChainInput& input, const ChainOptions& options) {
  const OpenSslPtr<X509_STORE, X509_STORE_free> store(X509_STORE_new());
  const OpenSslPtr<X509_STORE_CTX, X509_STORE_CTX_free> context(X509_STORE_CTX_new());
  X509_STORE_add_cert(store.get(), Native(input.root));
  for (const Crl& crl : input.crls) AddList(store.get(), crl);
  STACK_OF(X509)* untrusted = sk_X509_new_null();
  for (const Certificate& certificate : input.intermediates) {
    sk_X509_push(untrusted, Native(certificate));
  }
  X509_STORE_CTX_init(context.get(), store.get(), Native(input.leaf), untrusted);
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
  unsigned long flags = X509_V_FLAG_CHECK_SS_SIGNATURE;
  if (options.require_crls) flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
  if (options.strict) flags |= X509_V_FLAG_X509_STRICT;
  X509_VERIFY_PARAM_set_flags(parameters, flags);
  X509_VERIFY_PARAM_set_time(parameters, ToInt(input.now));
  X509_VERIFY_PARAM_set_depth(parameters, options.max_certificates - 2);
  if (options.purpose == ChainPurpose::kTlsServer) {
    X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_SERVER);
  } else if (options.purpose == ChainPurpose::kTlsClient) {
    X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_CLIENT);
  }
  const bool trusted = X509_verify_cert(context.get()) == 1;
  sk_X509_free(untrusted);
  ClearOpenSslErrors();
  return trusted;
}

// --- what a row expects ---

struct Expected {
  ChainFault fault;
  int depth;
  bool operator==(const Expected&) const = default;
};

std::string Describe(const ChainReport& report) {
  const Status status = report.ToStatus();
  return status.has_value() ? "trusted" : status.error().message();
}

std::vector<Expected> FaultsOf(const ChainReport& report) {
  std::vector<Expected> out;
  for (const ChainFinding& finding : report.findings) out.push_back({finding.fault, finding.depth});
  return out;
}

struct Row {
  const char* name;
  std::function<void(TestPki&)> change;
  std::vector<Expected> expected;  // all findings, in order; empty: trusted
  UnixSeconds now = kNow;
  ChainOptions options = {.require_crls = true};
  bool openssl_agrees = true;  // false with a reason beside it
};

void Check(const Row& row) {
  SCOPED_TRACE(row.name);
  TestPki pki;
  row.change(pki);
  const SignedPki made(pki);
  const std::vector<Certificate> intermediates = {made.ca};
  const ChainInput input{.leaf = made.leaf,
                         .intermediates = intermediates,
                         .root = made.root,
                         .crls = made.crls,
                         .now = row.now};
  const ChainReport report = VerifyChain(input, row.options);
  EXPECT_EQ(FaultsOf(report) == row.expected, true) << Describe(report);
  EXPECT_EQ(report.trusted(), report.ToStatus().has_value());
  if (row.openssl_agrees) {
    EXPECT_EQ(OpenSslTrusts(input, row.options), report.trusted()) << Describe(report);
  }
}

RevokedSerial RevokedCa() { return {.serial_hex = "0a01", .revoked_at = kStart}; }
RevokedSerial RevokedLeaf() { return {.serial_hex = "0b02", .revoked_at = kStart}; }

void Unchanged(TestPki&) {}

TEST(Chain, IsTrustedWhenAllIsGood) {
  const ChainOptions no_crls{.require_crls = false};
  const Row rows[] = {
      {"with lists", Unchanged, {}},
      {"without asking for lists",
       [](TestPki& pki) { pki.ca_crl_spec.revoked = {RevokedLeaf()}; },
       {},
       kNow,
       no_crls},
      {"at the first second", Unchanged, {}, kStart},
      {"at the last second",
       Unchanged,
       {},
       kEnd,
       {.require_crls = true},
       false /* OpenSSL takes the upper bound for exclusive */},
      {"others are revoked",
       [](TestPki& pki) {
         pki.root_crl_spec.revoked = {RevokedLeaf()};
         pki.ca_crl_spec.revoked = {RevokedCa()};
       },
       {}},
      {"path length just long enough",
       [](TestPki& pki) { pki.root_spec.basic_constraints->path_length = 1; },
       {}},
      {"intermediate of path length 0",
       [](TestPki& pki) { pki.ca_spec.basic_constraints->path_length = 0; },
       {}},
      {"three certificates allowed",
       Unchanged,
       {},
       kNow,
       {.require_crls = true, .max_certificates = 3}},
      {"for a TLS server",
       [](TestPki& pki) { pki.leaf_spec.extended_key_usage = {std::string(oid::kServerAuth)}; },
       {},
       kNow,
       {.require_crls = true, .purpose = ChainPurpose::kTlsServer}},
      {"for TLS without extended key usage",
       Unchanged,
       {},
       kNow,
       {.require_crls = true, .purpose = ChainPurpose::kTlsClient}},
      {"an unknown extension that is not critical",
       [](TestPki& pki) {
         pki.leaf_spec.extra_extensions = {{"1.2.3.4", false, DerSequence(std::vector<Bytes>{})}};
       },
       {}},
      {"a leaf that is a CA",
       [](TestPki& pki) {
         pki.leaf_spec.basic_constraints->is_ca = true;
         pki.leaf_spec.key_usage = kKeyCertSign;
       },
       {}},
  };
  for (const Row& row : rows) Check(row);
}

TEST(Chain, TimesAreCheckedAtEveryPosition) {
  const UnixSeconds before = kStart + -1, after = kEnd + 1;
  const Row rows[] = {
      {"leaf expired",
       [](TestPki& pki) { pki.leaf_spec.not_after = kNow + -1; },
       {{ChainFault::kExpired, 0}}},
      {"intermediate expired",
       [](TestPki& pki) { pki.ca_spec.not_after = kNow + -1; },
       {{ChainFault::kExpired, 1}}},
      {"root expired",
       [](TestPki& pki) { pki.root_spec.not_after = kNow + -1; },
       {{ChainFault::kExpired, 2}}},
      {"leaf not yet valid",
       [](TestPki& pki) { pki.leaf_spec.not_before = kNow + 1; },
       {{ChainFault::kNotYetValid, 0}}},
      {"intermediate not yet valid",
       [](TestPki& pki) { pki.ca_spec.not_before = kNow + 1; },
       {{ChainFault::kNotYetValid, 1}}},
      {"root not yet valid",
       [](TestPki& pki) { pki.root_spec.not_before = kNow + 1; },
       {{ChainFault::kNotYetValid, 2}}},
      {"root's list expired",
       [](TestPki& pki) { pki.root_crl_spec.next_update = kNow + -1; },
       {{ChainFault::kCrlExpired, 1}}},
      {"intermediate's list expired",
       [](TestPki& pki) { pki.ca_crl_spec.next_update = kNow + -1; },
       {{ChainFault::kCrlExpired, 0}}},
      {"root's list from the future",
       [](TestPki& pki) { pki.root_crl_spec.this_update = kNow + 1; },
       {{ChainFault::kCrlNotYetValid, 1}}},
      {"intermediate's list from the future",
       [](TestPki& pki) { pki.ca_crl_spec.this_update = kNow + 1; },
       {{ChainFault::kCrlNotYetValid, 0}}},
      {"everything expired",
       Unchanged,
       {{ChainFault::kExpired, 0},
        {ChainFault::kExpired, 1},
        {ChainFault::kExpired, 2},
        {ChainFault::kCrlExpired, 1},
        {ChainFault::kCrlExpired, 0}},
       after},
      {"nothing valid yet",
       Unchanged,
       {{ChainFault::kNotYetValid, 0},
        {ChainFault::kNotYetValid, 1},
        {ChainFault::kNotYetValid, 2},
        {ChainFault::kCrlNotYetValid, 1},
        {ChainFault::kCrlNotYetValid, 0}},
       before},
      {"absurd years",
       [](TestPki& pki) {
         pki.leaf_spec.not_before = UnixSeconds{-631152000};   // 1950
         pki.leaf_spec.not_after = UnixSeconds{253402300799};  // 9999
       },
       {}},
      {"epoch",
       Unchanged,
       {{ChainFault::kNotYetValid, 0},
        {ChainFault::kNotYetValid, 1},
        {ChainFault::kNotYetValid, 2},
        {ChainFault::kCrlNotYetValid, 1},
        {ChainFault::kCrlNotYetValid, 0}},
       UnixSeconds{0}},
  };
  for (const Row& row : rows) Check(row);
}

TEST(Chain, RevocationIsFoundAtEveryPosition) {
  const auto give_serials = [](TestPki& pki) {
    pki.root_spec.serial = {0x0c, 0x03};
    pki.ca_spec.serial = {0x0a, 0x01};
    pki.leaf_spec.serial = {0x0b, 0x02};
  };
  const Row rows[] = {
      {"leaf",
       [&](TestPki& pki) {
         give_serials(pki);
         pki.ca_crl_spec.revoked = {RevokedLeaf()};
       },
       {{ChainFault::kRevoked, 0}}},
      {"intermediate",
       [&](TestPki& pki) {
         give_serials(pki);
         pki.root_crl_spec.revoked = {RevokedCa()};
       },
       {{ChainFault::kRevoked, 1}}},
      {"root by itself",
       [&](TestPki& pki) {
         give_serials(pki);
         pki.root_crl_spec.revoked = {{.serial_hex = "0c03", .revoked_at = kStart}};
       },
       {{ChainFault::kRevoked, 2}}},
      {"even when revoked in the future",
       [&](TestPki& pki) {
         give_serials(pki);
         pki.ca_crl_spec.revoked = {{.serial_hex = "0b02", .revoked_at = kEnd}};
       },
       {{ChainFault::kRevoked, 0}}},
      {"revoked and expired are both told",
       [&](TestPki& pki) {
         give_serials(pki);
         pki.ca_crl_spec.revoked = {RevokedLeaf()};
         pki.leaf_spec.not_after = kNow + -1;
       },
       {{ChainFault::kExpired, 0}, {ChainFault::kRevoked, 0}}},
  };
  for (const Row& row : rows) Check(row);
}

TEST(Chain, IssuersMustBeAllowedToIssue) {
  const auto with_critical_ca = [](bool critical) {
    return Extension{std::string(oid::kBasicConstraints), critical,
                     DerSequence({DerBoolean(true)})};
  };
  const Row rows[] = {
      {"intermediate without the CA flag",
       [](TestPki& pki) {
         pki.ca_spec.basic_constraints->is_ca = false;
         pki.ca_spec.key_usage = kDigitalSignature | kCrlSign;
       },
       {{ChainFault::kNotCa, 1}}},
      {"intermediate without basic constraints",
       [](TestPki& pki) {
         pki.ca_spec.basic_constraints.reset();
         pki.ca_spec.key_usage = kCrlSign;
       },
       {{ChainFault::kNotCa, 1}}},
      {"the same, lenient: OpenSSL would take keyCertSign for the flag",
       [](TestPki& pki) { pki.ca_spec.basic_constraints.reset(); },
       {{ChainFault::kNotCa, 1}},
       kNow,
       {.require_crls = true, .strict = false},
       false},
      {"intermediate without keyCertSign",
       [](TestPki& pki) { pki.ca_spec.key_usage = kCrlSign | kDigitalSignature; },
       {{ChainFault::kNotCa, 1}}},
      {"root without keyCertSign",
       [](TestPki& pki) { pki.root_spec.key_usage = kCrlSign; },
       {{ChainFault::kNotCa, 2}}},
      {"intermediate without cRLSign",
       [](TestPki& pki) { pki.ca_spec.key_usage = kKeyCertSign; },
       {{ChainFault::kCrlBadSignature, 0}}},
      {"root without cRLSign",
       [](TestPki& pki) { pki.root_spec.key_usage = kKeyCertSign; },
       {{ChainFault::kCrlBadSignature, 1}}},
      {"root's path length too short",
       [](TestPki& pki) { pki.root_spec.basic_constraints->path_length = 0; },
       {{ChainFault::kTooLong, 2}}},
      {"more certificates than the caller allows",
       Unchanged,
       {{ChainFault::kTooLong, 1}},
       kNow,
       {.require_crls = true, .max_certificates = 2},
       true},
      {"constraints that are not critical",
       [&](TestPki& pki) {
         pki.ca_spec.basic_constraints.reset();
         pki.ca_spec.extra_extensions = {with_critical_ca(false)};
       },
       {{ChainFault::kNonconforming, 1}}},
      {"the same, lenient",
       [&](TestPki& pki) {
         pki.ca_spec.basic_constraints.reset();
         pki.ca_spec.extra_extensions = {with_critical_ca(false)};
       },
       {},
       kNow,
       {.require_crls = true, .strict = false}},
  };
  for (const Row& row : rows) Check(row);
}

TEST(Chain, ExtensionsAndPurposesAreHeld) {
  const auto extension = [](const char* oid, bool critical, Bytes value) {
    return std::vector<Extension>{{oid, critical, std::move(value)}};
  };
  const Bytes excluded_localhost = DerSequence(
      {DerElementOf(der::ContextConstructed(1),
                    {DerSequence({DerElementOf(der::Context(2), {AsBytes("localhost")})})})});
  const ChainOptions server{.require_crls = true, .purpose = ChainPurpose::kTlsServer};
  const ChainOptions client{.require_crls = true, .purpose = ChainPurpose::kTlsClient};
  const Row rows[] = {
      {"unknown critical extension in the leaf",
       [&](TestPki& pki) { pki.leaf_spec.extra_extensions = extension("1.2.3.4", true, {5, 0}); },
       {{ChainFault::kNonconforming, 0}}},
      {"unknown critical extension in the root",
       [&](TestPki& pki) { pki.root_spec.extra_extensions = extension("1.2.3.4", true, {5, 0}); },
       {{ChainFault::kNonconforming, 2}},
       kNow,
       {.require_crls = true}},
      {"name constraints",
       [&](TestPki& pki) {
         pki.ca_spec.extra_extensions = extension("2.5.29.30", true, excluded_localhost);
       },
       {{ChainFault::kNonconforming, 1}}},
      {"client certificate as a server",
       [](TestPki& pki) { pki.leaf_spec.extended_key_usage = {std::string(oid::kClientAuth)}; },
       {{ChainFault::kPurpose, 0}},
       kNow,
       server},
      {"server certificate as a client",
       [](TestPki& pki) { pki.leaf_spec.extended_key_usage = {std::string(oid::kServerAuth)}; },
       {{ChainFault::kPurpose, 0}},
       kNow,
       client},
      {"intermediate for clients only",
       [](TestPki& pki) { pki.ca_spec.extended_key_usage = {std::string(oid::kClientAuth)}; },
       {{ChainFault::kPurpose, 1}},
       kNow,
       server},
      {"leaf that may sign lists only",
       [](TestPki& pki) { pki.leaf_spec.key_usage = kCrlSign; },
       {{ChainFault::kPurpose, 0}},
       kNow,
       client},
      {"leaf without authority key id",
       [](TestPki& pki) { pki.leaf_spec.authority_key_id = false; },
       {{ChainFault::kNonconforming, 0}}},
      {"the same, lenient",
       [](TestPki& pki) { pki.leaf_spec.authority_key_id = false; },
       {},
       kNow,
       {.require_crls = true, .strict = false}},
      {"intermediate without subject key id",
       [](TestPki& pki) { pki.ca_spec.subject_key_id = false; },
       {{ChainFault::kNonconforming, 0}, {ChainFault::kNonconforming, 1}}},
      {"leaf without the CA flag that may sign certificates",
       [](TestPki& pki) { pki.leaf_spec.key_usage = kKeyCertSign; },
       {{ChainFault::kNonconforming, 0}}},
  };
  for (const Row& row : rows) Check(row);
}

// --- wrong pieces ---

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

// --- real chains ---

Result<std::vector<Certificate>> ReadChain(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path, 1 << 20));
  return Certificate::ChainFromPem(text, 5);
}

UnixSeconds VerifyAt(const std::filesystem::path& folder) {
  const std::string text = ReadTextFile(folder / "expected.json", 1 << 20).value();
  const std::size_t at = text.find("\"verify_at_unix\":");
  EXPECT_NE(at, std::string::npos) << folder;
  return UnixSeconds{std::stoll(text.substr(at + 17))};
}

TEST(RealChain, IntelsCollateralChainsVerifyAtTheirTimeOnly) {
  if (testing::SkippedWithoutTestdata("real DCAP chains")) return;
  int cases = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(*testing::SharedTestdata() / "evidence/dcap")) {
    const auto& folder = entry.path();
    SCOPED_TRACE(folder.filename().string());
    ASSERT_OK_AND_ASSIGN(const auto ca_chain, ReadChain(folder / "pck_crl_issuer_chain.pem"));
    ASSERT_OK_AND_ASSIGN(const auto tcb_chain, ReadChain(folder / "tcb_signing_chain.pem"));
    ASSERT_OK_AND_ASSIGN(const Bytes root_list, ReadFile(folder / "root_ca_crl.der", 1 << 20));
    ASSERT_OK_AND_ASSIGN(const Bytes pck_list, ReadFile(folder / "pck_crl.der", 1 << 20));
    ASSERT_OK_AND_ASSIGN(const Crl root_crl, Crl::FromAny(root_list));
    ASSERT_OK_AND_ASSIGN(const Crl pck_crl, Crl::FromAny(pck_list));
    EXPECT_OK(pck_crl.VerifySignature(ca_chain[0].public_key().value()));
    const std::vector<Crl> crls = {root_crl, pck_crl};
    const UnixSeconds now = VerifyAt(folder);
    for (const auto& chain : {ca_chain, tcb_chain}) {
      ChainInput input{
          .leaf = chain[0], .intermediates = chain, .root = chain.back(), .crls = crls, .now = now};
      const ChainReport report = VerifyChain(input, {.require_crls = true});
      EXPECT_TRUE(report.trusted()) << Describe(report);
      EXPECT_TRUE(OpenSslTrusts(input, {.require_crls = true}));
      EXPECT_EQ(HexEncode(report.path.back().public_key().value().SpkiSha256().view()),
                "a0af031289f5d5d4132f9186068a7fc13628633ba235777472e29b6b6c67a49e");
      for (const std::int64_t years : {-20, 40}) {
        input.now = now + years * 365 * 86400;
        EXPECT_FALSE(VerifyChain(input, {.require_crls = true}).trusted());
        EXPECT_FALSE(OpenSslTrusts(input, {.require_crls = true}));
      }
    }
    ++cases;
  }
  EXPECT_EQ(cases, 20);
}

TEST(RealChain, AmdsLeavesVerifyLenientlyUnderTheirProductsRoot) {
  if (testing::SkippedWithoutTestdata("real SEV-SNP chains")) return;
  const auto snp = *testing::SharedTestdata() / "evidence/snp";
  const auto read = [&](const std::string& file) {
    return Certificate::FromPem(ReadTextFile(snp / "trust" / file, 1 << 20).value()).value();
  };
  const struct {
    const char* folder;
    const char* product;
    bool vlek;
  } rows[] = {
      {"genoa-v5-oak-containers", "genoa", false}, {"milan-v2-azure-aci", "milan", false},
      {"milan-v3-azure-vtpm", "milan", false},     {"milan-vlek-v3-vmpl1", "milan", true},
      {"milan-v2-trustee", "milan", false},        {"genoa-v3-veraison-tsm", "genoa", false},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.folder);
    const Bytes der = ReadFile(snp / row.folder / "vek.der", 1 << 20).value();
    ASSERT_OK_AND_ASSIGN(const Certificate leaf, Certificate::FromDer(der));
    const std::string product = row.product;
    const std::vector<Certificate> signer = {read(product + (row.vlek ? "_asvk.pem" : "_ask.pem"))};
    const Certificate root = read(product + "_ark.pem");
    const ChainInput input{
        .leaf = leaf, .intermediates = signer, .root = root, .now = VerifyAt(snp / row.folder)};
    const ChainOptions lenient{.require_crls = false, .strict = false};
    const ChainReport report = VerifyChain(input, lenient);
    EXPECT_TRUE(report.trusted()) << Describe(report);
    EXPECT_TRUE(OpenSslTrusts(input, lenient));
    EXPECT_FALSE(VerifyChain(input, {.require_crls = false}).trusted());
    const Certificate other_root = read(product == "milan" ? "genoa_ark.pem" : "milan_ark.pem");
    EXPECT_FALSE(
        VerifyChain({.leaf = leaf, .intermediates = signer, .root = other_root, .now = input.now},
                    lenient)
            .trusted());
  }
}

TEST(ChainFaultName, IsDistinctForEveryFault) {
  std::set<std::string_view> names;
  for (int fault = 0; fault <= static_cast<int>(ChainFault::kCrlNonconforming); ++fault) {
    names.insert(ChainFaultName(static_cast<ChainFault>(fault)));
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(ChainFault::kCrlNonconforming) + 1);
}

}  // namespace
}  // namespace strongroom::crypto
