#include "crypto/chain.h"

#include <functional>
#include <set>

#include "crypto/chain_oracle.h"
#include "crypto/der.h"
#include "crypto/oid.h"
#include "crypto/test_pki.h"

namespace strongroom::crypto {
namespace {

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

TEST(ChainFaultName, IsDistinctForEveryFault) {
  std::set<std::string_view> names;
  for (int fault = 0; fault <= static_cast<int>(ChainFault::kCrlNonconforming); ++fault) {
    names.insert(ChainFaultName(static_cast<ChainFault>(fault)));
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(ChainFault::kCrlNonconforming) + 1);
}

}  // namespace
}  // namespace strongroom::crypto
