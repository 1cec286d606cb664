// Flaws that verifiers of others had (each row names one), replayed against ours over a platform of
// our own making.
#include <functional>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "attest/policy.h"
#include "attest/testing/cases_of.h"
#include "attest/testing/test_platform.h"
#include "crypto/der.h"

namespace strongroom::attest {
namespace {

using testing::ErrorIds;
using testing::LevelSpec;
using testing::Made;
using testing::Recipe;
using testing::TestKeys;
using Ids = std::set<std::string>;

Appraisal Verify(const Made& made, const VerifierOptions& options = {}) {
  return VerifySgxEvidence(made.quote, made.endorsements, made.anchors, made.now, options);
}

Appraisal VerifyRecipe(const Recipe& recipe) {
  const auto made = testing::Make(recipe, TestKeys());
  if (!made) throw std::runtime_error(made.error().ToString());
  return Verify(*made);
}

TEST(OwnPlatform, IsUpToDateAndAcceptedByTheDefaultPolicy) {
  ASSERT_OK_AND_ASSIGN(const VerifiedClaims claims, VerifyRecipe(Recipe()).ToResult());
  EXPECT_EQ(claims.tcb().status, TcbStatus::kUpToDate);
  EXPECT_EQ(claims.isv_prod_id(), 2);
  EXPECT_EQ(claims.isv_svn(), 3);
  EXPECT_EQ(claims.tcb().evaluation_number(), 19U);
  EXPECT_EQ(claims.platform().smt_enabled, true);
  EXPECT_EQ(claims.platform().cached_keys, false);
  EXPECT_TRUE(Appraise(claims, {.mrenclave = claims.mrenclave()}).empty());
}

TEST(OwnPlatform, IsNotTrustedUnderIntelsRoot) {
  ASSERT_OK_AND_ASSIGN(const Made made, testing::Make(Recipe(), TestKeys()));
  const Appraisal appraisal =
      VerifySgxEvidence(made.quote, made.endorsements, TrustAnchors::Intel(), made.now);
  EXPECT_EQ(ErrorIds(appraisal.findings),
            (Ids{"dcap.pck-ca.root", "dcap.qe-identity.root", "dcap.tcb-info.root"}));
}

struct Row {
  const char* name;
  std::function<void(Recipe&)> change;
  Ids findings;
};

TEST(OwnPlatform, IsRefusedForTheRightReason) {
  const std::vector<Row> rows = {
      {"debug enclave accepted (taiko #21824, go-tdx-guest)",
       [](Recipe& r) { r.body.attributes_flags |= kSgxFlagDebug; },
       {"sgx.debug-enclave"}},
      {"PCEID not compared with TCB info (dcap-qvl)",
       [](Recipe& r) { r.tcb_pce_id = "0100"; },
       {"dcap.tcb-info.other-pceid"}},
      {"TCB info of another family",
       [](Recipe& r) { r.tcb_fmspc = "00606A000001"; },
       {"dcap.tcb-info.other-fmspc"}},
      {"no level reached", [](Recipe& r) { r.components[15] = 9; }, {"dcap.tcb.not-supported"}},
      {"no level reached by PCE SVN only",
       [](Recipe& r) { r.pce_svn = 9; },
       {"dcap.tcb.not-supported"}},
      {"revoked platform passed on with success (automata #144, #132)",
       [](Recipe& r) { r.levels = {{.status = "Revoked"}}; },
       {"dcap.tcb.revoked"}},
      {"revoked only when platform and QE both say so (automata #155)",
       [](Recipe& r) { r.qe_levels = {{.status = "Revoked"}}; },
       {"dcap.tcb.revoked"}},
      {"QE below all levels",
       [](Recipe& r) { r.qe_report.isv_svn = 7; },
       {"dcap.qe-identity.not-supported"}},
      {"QE of another signer, correctly signed by the PCK (CVE-2026-22696)",
       [](Recipe& r) { r.qe_report.mrsigner.writable()[31] ^= 1U; },
       {"dcap.qe-identity.mismatch"}},
      {"QE of another product",
       [](Recipe& r) { r.qe_report.isv_prod_id = 2; },
       {"dcap.qe-identity.mismatch"}},
      {"debug QE, correctly signed",
       [](Recipe& r) { r.qe_report.attributes_flags |= kSgxFlagDebug; },
       {"dcap.qe-identity.mismatch"}},
      {"QE with other MISCSELECT",
       [](Recipe& r) { r.qe_report.miscselect = 1; },
       {"dcap.qe-identity.mismatch"}},
      {"PCK certificate revoked", [](Recipe& r) { r.revoke_leaf = true; }, {"dcap.pck.revoked"}},
      {"PCK CA revoked", [](Recipe& r) { r.revoke_ca = true; }, {"dcap.pck-ca.revoked"}},
      {"TCB signing revoked",
       [](Recipe& r) { r.revoke_tcb_signing = true; },
       {"dcap.qe-identity.revoked", "dcap.tcb-info.revoked"}},
      {"PCK certificate not yet valid", [](Recipe& r) { r.leaf_starts = 1; }, {"dcap.pck.time"}},
      {"PCK certificate expired", [](Recipe& r) { r.leaf_ends = -1; }, {"dcap.pck.time"}},
      {"documents issued in the future (QVL checks no lower bound)",
       [](Recipe& r) { r.documents_issued = 1; },
       {"dcap.qe-identity.time", "dcap.tcb-info.time"}},
      {"documents expired",
       [](Recipe& r) { r.documents_end = -1; },
       {"dcap.qe-identity.time", "dcap.tcb-info.time"}},
      {"lists of the future",
       [](Recipe& r) { r.lists_issued = 1; },
       {"dcap.pck-crl.time", "dcap.root-crl.time"}},
      {"lists expired",
       [](Recipe& r) { r.lists_end = -1; },
       {"dcap.pck-crl.time", "dcap.root-crl.time"}},
      {"empty key identifiers (automata #141)",
       [](Recipe& r) { r.leaf_key_ids = false; },
       {"dcap.pck.chain"}},
      {"leaf that is a CA", [](Recipe& r) { r.leaf_is_ca = true; }, {"dcap.pck.chain"}},
      {"leaf of another kind of certificate",
       [](Recipe& r) { r.leaf_cn = "Intel SGX TCB Signing"; },
       {"dcap.pck.chain"}},
      {"CA of no known name",
       [](Recipe& r) { r.ca_cn = "Intel SGX PCK Pretender CA"; },
       {"dcap.pck-ca.chain"}},
      {"Processor CA over a platform with instance id",
       [](Recipe& r) { r.ca_cn = "Intel SGX PCK Processor CA"; },
       {"dcap.pck.extension"}},
      {"CA that may not sign lists",
       [](Recipe& r) { r.ca_key_usage = crypto::kKeyCertSign; },
       {"dcap.pck-crl.signature"}},
      {"CA that may not sign certificates",
       [](Recipe& r) { r.ca_key_usage = crypto::kCrlSign; },
       {"dcap.pck-ca.chain"}},
      {"no SGX extension worth the name",
       [](Recipe& r) { r.sgx_extension = crypto::DerSequence({}); },
       {"dcap.pck.extension"}},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    Recipe recipe;
    row.change(recipe);
    const Appraisal appraisal = VerifyRecipe(recipe);
    EXPECT_EQ(ErrorIds(appraisal.findings), row.findings);
    EXPECT_FALSE(appraisal.claims.has_value());
  }
}

TEST(OwnPlatform, ThatIsRevokedStillHasItsSignaturesChecked) {
  // Status before signatures (automata #144): both must be found.
  Recipe recipe;
  recipe.levels = {{.status = "Revoked"}};
  ASSERT_OK_AND_ASSIGN(Made made, testing::Make(recipe, TestKeys()));
  made.quote.at(48 + 320) ^= 1U;
  EXPECT_EQ(ErrorIds(Verify(made).findings), (Ids{"dcap.quote.signature", "dcap.tcb.revoked"}));
}

TEST(TcbLevels, AreMatchedNewestFirstWhateverTheOrderOfTheDocument) {
  // First match of an unsorted list (dcap-qvl #126).
  const LevelSpec newest = {
      .svn = 10, .pce_svn = 10, .status = "UpToDate", .date = "2025-01-01T00:00:00Z"};
  const LevelSpec older = {
      .svn = 8, .pce_svn = 10, .status = "OutOfDate", .date = "2023-01-01T00:00:00Z"};
  const LevelSpec oldest = {
      .svn = 1, .pce_svn = 1, .status = "Revoked", .date = "2020-01-01T00:00:00Z"};
  for (const auto& order : {std::vector{newest, older, oldest}, std::vector{oldest, older, newest},
                            std::vector{older, newest, oldest}}) {
    Recipe recipe;
    recipe.levels = order;
    ASSERT_OK_AND_ASSIGN(const VerifiedClaims up_to_date, VerifyRecipe(recipe).ToResult());
    EXPECT_EQ(up_to_date.tcb().status, TcbStatus::kUpToDate);
    recipe.components[3] = 9;
    ASSERT_OK_AND_ASSIGN(const VerifiedClaims out_of_date, VerifyRecipe(recipe).ToResult());
    EXPECT_EQ(out_of_date.tcb().status, TcbStatus::kOutOfDate);
    recipe.components[3] = 7;
    EXPECT_EQ(ErrorIds(VerifyRecipe(recipe).findings), Ids{"dcap.tcb.revoked"});
  }
}

TEST(TcbLevels, OfTheQuotingEnclaveAreSortedToo) {
  Recipe recipe;
  recipe.qe_levels = {
      {.isv_svn = 1, .status = "Revoked"}, {.isv_svn = 5, .status = "OutOfDate"}, {.isv_svn = 8}};
  ASSERT_OK_AND_ASSIGN(const VerifiedClaims claims, VerifyRecipe(recipe).ToResult());
  EXPECT_EQ(claims.tcb().status, TcbStatus::kUpToDate);
  recipe.qe_report.isv_svn = 7;
  ASSERT_OK_AND_ASSIGN(const VerifiedClaims older, VerifyRecipe(recipe).ToResult());
  EXPECT_EQ(older.tcb().status, TcbStatus::kOutOfDate);
}

TEST(TcbVerdict, JoinsPlatformAndQuotingEnclave) {
  Recipe recipe;
  recipe.levels = {
      {.status = "ConfigurationNeeded", .advisories = {"INTEL-SA-2", "INTEL-SA-1", "INTEL-SA-2"}}};
  recipe.qe_levels = {{.isv_svn = 8, .status = "OutOfDate", .date = "2021-01-01T00:00:00Z"}};
  recipe.qe_evaluation_number = 17;
  const Appraisal appraisal = VerifyRecipe(recipe);
  ASSERT_OK_AND_ASSIGN(const VerifiedClaims claims, appraisal.ToResult());
  EXPECT_EQ(claims.tcb().status, TcbStatus::kOutOfDateConfigurationNeeded);
  EXPECT_EQ(claims.tcb().advisory_ids, (std::vector<std::string>{"INTEL-SA-1", "INTEL-SA-2"}));
  EXPECT_EQ(FormatRfc3339(claims.tcb().tcb_date), "2021-01-01T00:00:00Z");
  EXPECT_EQ(claims.tcb().evaluation_number(), 17U);
  EXPECT_TRUE(appraisal.Has("dcap.tcb.out-of-date-configuration-needed"));
}

struct DocumentRow {
  const char* name;
  std::function<void(Endorsements&)> change;
  Ids findings;
};

void Replace(std::string& text, std::string_view what, std::string_view with) {
  const std::size_t at = text.find(what);
  ASSERT_NE(at, std::string::npos) << what;
  text.replace(at, what.size(), with);
}

TEST(Documents, ThatWereChangedOrSwappedAreRefused) {
  const std::vector<DocumentRow> rows = {
      {"unparsable list ignored (JavaScript port of dcap-qvl)",
       [](Endorsements& e) { e.pck_crl = ToBytes("no list"); },
       {"dcap.pck-crl.malformed"}},
      {"absent list means nothing is revoked",
       [](Endorsements& e) { e.pck_crl.clear(); },
       {"dcap.pck-crl.malformed"}},
      {"absent root list",
       [](Endorsements& e) { e.root_ca_crl.clear(); },
       {"dcap.root-crl.malformed"}},
      {"list's signature not verified",
       [](Endorsements& e) { e.root_ca_crl.back() ^= 1U; },
       {"dcap.root-crl.signature"}},
      {"QE identity left out (optional for QVL)",
       [](Endorsements& e) { e.qe_identity.clear(); },
       {"dcap.qe-identity.malformed"}},
      {"trailing bytes after JSON accepted (dcap-qvl #164)",
       [](Endorsements& e) { e.tcb_info += "{}"; },
       {"dcap.tcb-info.malformed"}},
      {"a member beside the signed one",
       [](Endorsements& e) { Replace(e.tcb_info, "{\"tcbInfo\"", "{\"x\":1,\"tcbInfo\""); },
       {"dcap.tcb-info.malformed"}},
      {"the signed member twice",
       [](Endorsements& e) {
         Replace(e.tcb_info, ",\"signature\"", ",\"tcbInfo\":{},\"signature\"");
       },
       {"dcap.tcb-info.malformed"}},
      {"white space within the signed text",
       [](Endorsements& e) { Replace(e.qe_identity, "\"version\":", "\"version\": "); },
       {"dcap.qe-identity.signature"}},
      {"a signature of another length",
       [](Endorsements& e) { Replace(e.tcb_info, "\"signature\":\"", "\"signature\":\"00"); },
       {"dcap.tcb-info.malformed"}},
      {"PCK CA's chain in place of TCB signing",
       [](Endorsements& e) { e.tcb_info_issuer_chain = e.pck_crl_issuer_chain; },
       {"dcap.tcb-info.chain", "dcap.tcb-info.signature"}},
      {"TCB signing in place of the PCK CA",
       [](Endorsements& e) { e.pck_crl_issuer_chain = e.tcb_info_issuer_chain; },
       {"dcap.pck-ca.chain", "dcap.pck-crl.issuer", "dcap.pck-crl.nonconforming",
        "dcap.pck-crl.signature"}},
      {"chain without a root",
       [](Endorsements& e) {
         e.tcb_info_issuer_chain.resize(e.tcb_info_issuer_chain.find("-----END CERTIFICATE-----") +
                                        26);
       },
       {"dcap.tcb-info.chain"}},
      {"no chain",
       [](Endorsements& e) { e.qe_identity_issuer_chain.clear(); },
       {"dcap.qe-identity.chain"}},
  };
  for (const DocumentRow& row : rows) {
    SCOPED_TRACE(row.name);
    ASSERT_OK_AND_ASSIGN(Made made, testing::Make(Recipe(), TestKeys()));
    row.change(made.endorsements);
    EXPECT_EQ(ErrorIds(Verify(made).findings), row.findings);
  }
}

TEST(Documents, NestedWithoutLimitAreRefused) {
  // CWE-674 in QVL's history.
  Recipe recipe;
  recipe.tcb_info_body = std::string(20, '[') + std::string(20, ']');
  recipe.tcb_info_body = "{\"a\":" + recipe.tcb_info_body + "}";
  EXPECT_EQ(ErrorIds(VerifyRecipe(recipe).findings), Ids{"dcap.tcb-info.malformed"});
  recipe = Recipe();
  recipe.qe_identity_body = "{\"a\":\"" + std::string(300'000, 'x') + "\"}";
  EXPECT_EQ(ErrorIds(VerifyRecipe(recipe).findings), Ids{"dcap.qe-identity.malformed"});
}

TEST(PreparedEndorsements, AreAskedAgainForTheTimeAtEveryUse) {
  ASSERT_OK_AND_ASSIGN(const Made made, testing::Make(Recipe(), TestKeys()));
  ASSERT_OK_AND_ASSIGN(const PreparedEndorsements prepared,
                       PrepareEndorsements(made.endorsements, made.anchors, made.now).ToResult());
  EXPECT_TRUE(VerifySgxQuote(made.quote, prepared, made.now).claims.has_value());
  EXPECT_TRUE(
      VerifySgxQuote(made.quote, prepared, prepared.validity().earliest_expiry).claims.has_value());
  EXPECT_EQ(
      ErrorIds(
          VerifySgxQuote(made.quote, prepared, prepared.validity().earliest_expiry + 1).findings),
      Ids{"dcap.endorsements.time"});
  EXPECT_TRUE(
      VerifySgxQuote(made.quote, prepared, prepared.validity().latest_issue).claims.has_value());
  EXPECT_EQ(
      ErrorIds(
          VerifySgxQuote(made.quote, prepared, prepared.validity().latest_issue + (-1)).findings),
      Ids{"dcap.endorsements.time"});
}

TEST(PreparedEndorsements, SayWhatFloorsNeed) {
  ASSERT_OK_AND_ASSIGN(const Made made, testing::Make(Recipe(), TestKeys()));
  ASSERT_OK_AND_ASSIGN(const PreparedEndorsements prepared,
                       PrepareEndorsements(made.endorsements, made.anchors, made.now).ToResult());
  EXPECT_EQ(prepared.tcb_info_issued(), made.now + (-100));
  EXPECT_EQ(prepared.qe_identity_issued(), made.now + (-100));
  EXPECT_EQ(prepared.pck_crl_issued(), made.now + (-100));
  EXPECT_EQ(prepared.root_ca_crl_issued(), made.now + (-100));
  EXPECT_EQ(prepared.tcb_info_evaluation_number(), 19U);
  EXPECT_EQ(prepared.qe_identity_evaluation_number(), 19U);
  EXPECT_TRUE(made.anchors.Contains(prepared.anchor()));
  EXPECT_EQ(prepared.fmspc().view()[1], 0x60);
}

}  // namespace
}  // namespace strongroom::attest
