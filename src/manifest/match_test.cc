#include "manifest/match.h"

#include <gtest/gtest.h>

#include "attest/testing/claims.h"
#include "base/encoding.h"
#include "testing/result_matchers.h"

namespace strongroom::manifest {
namespace {

using attest::TcbStatus;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* kEnclave = "1111111111111111111111111111111111111111111111111111111111111111";
constexpr const char* kSigner = "2222222222222222222222222222222222222222222222222222222222222222";
constexpr const char* kTestRoot =
    "3333333333333333333333333333333333333333333333333333333333333333";

// A production enclave of product 7, version 3, on an UpToDate platform under Intel's root.
attest::SgxClaims Claims() {
  attest::SgxClaims out;
  out.report.mrenclave = *attest::MrEnclave::From(*HexDecode(kEnclave));
  out.report.mrsigner = *attest::MrSigner::From(*HexDecode(kSigner));
  out.report.attributes_flags = attest::kSgxFlagInit | attest::kSgxFlagMode64Bit;
  out.report.isv_prod_id = 7;
  out.report.isv_svn = 3;
  out.tcb.status = TcbStatus::kUpToDate;
  out.anchor = attest::TrustAnchors::IntelRoot();
  return out;
}

Package ByEnclave() {
  Package out;
  out.unique_id = kEnclave;
  return out;
}

Package BySigner() {
  Package out;
  out.signer_id = kSigner;
  out.product_id = 7;
  out.security_version = 3;
  return out;
}

std::vector<std::string> Findings(const attest::SgxClaims& claims, const Package& package) {
  std::vector<std::string> out;
  for (const attest::Finding& finding : Match(attest::testing::ClaimsForTest(claims), package)) {
    EXPECT_EQ(finding.severity, attest::Severity::kError);
    EXPECT_EQ(finding.code, Code::kDenied);
    out.push_back(finding.id);
  }
  return out;
}

TEST(Match, AcceptsTheEnclaveAndTheSignerThatThePackageNames) {
  EXPECT_THAT(Findings(Claims(), ByEnclave()), IsEmpty());
  EXPECT_THAT(Findings(Claims(), BySigner()), IsEmpty());
}

TEST(Match, WantsCollateralAndTcbLevelAtLeastAsNewAsThePackageSays) {
  Package package = ByEnclave();
  package.min_evaluation_number = 19;
  package.min_tcb_date = UnixSeconds{1'700'000'000};
  attest::SgxClaims claims = Claims();
  claims.tcb.tcb_info_evaluation_number = 19;
  claims.tcb.qe_identity_evaluation_number = 20;
  claims.tcb.tcb_date = UnixSeconds{1'700'000'000};
  EXPECT_THAT(Findings(claims, package), IsEmpty());
  claims.tcb.tcb_date = UnixSeconds{1'699'999'999};
  EXPECT_THAT(Findings(claims, package), ElementsAre("package.tcb-date"));
  claims.tcb.tcb_info_evaluation_number = 18;
  EXPECT_THAT(Findings(claims, package),
              ElementsAre("package.evaluation-number", "package.tcb-date"));
  claims.tcb.tcb_info_evaluation_number = 20;
  claims.tcb.qe_identity_evaluation_number = 18;
  EXPECT_THAT(Findings(claims, package),
              ElementsAre("package.evaluation-number", "package.tcb-date"));
}

TEST(Match, TakesSecurityVersionForAMinimumAndProductIdForEquality) {
  attest::SgxClaims claims = Claims();
  claims.report.isv_svn = 4;
  EXPECT_THAT(Findings(claims, BySigner()), IsEmpty());
  claims.report.isv_svn = 2;
  EXPECT_THAT(Findings(claims, BySigner()), ElementsAre("package.security-version"));
  claims = Claims();
  claims.report.isv_prod_id = 8;
  EXPECT_THAT(Findings(claims, BySigner()), ElementsAre("package.product-id"));
}

TEST(Match, RefusesOtherMeasurements) {
  attest::SgxClaims claims = Claims();
  claims.report.mrenclave.writable()[31] ^= 1;
  EXPECT_THAT(Findings(claims, ByEnclave()), ElementsAre("package.unique-id"));
  EXPECT_THAT(Findings(claims, BySigner()), IsEmpty());
  claims = Claims();
  claims.report.mrsigner.writable()[0] ^= 1;
  EXPECT_THAT(Findings(claims, BySigner()), ElementsAre("package.signer-id"));
}

TEST(Match, ComparesMeasurementsInAnyCase) {
  attest::SgxClaims claims = Claims();
  claims.report.mrenclave = *attest::MrEnclave::From(Bytes(32, 0xab));
  Package package;
  package.unique_id = std::string(64, ' ');
  for (std::size_t i = 0; i < 64; i += 2) package.unique_id.replace(i, 2, "aB");
  EXPECT_THAT(Findings(claims, package), IsEmpty());
}

TEST(Match, MatchesNothingThatIsIncomplete) {
  EXPECT_THAT(Findings(Claims(), Package{}), ElementsAre("package.incomplete"));
  Package package = BySigner();
  package.product_id.reset();
  EXPECT_THAT(Findings(Claims(), package), ElementsAre("package.incomplete"));
  package = BySigner();
  package.security_version.reset();
  EXPECT_THAT(Findings(Claims(), package), ElementsAre("package.incomplete"));
  package = BySigner();
  package.signer_id.clear();
  EXPECT_THAT(Findings(Claims(), package), ElementsAre("package.incomplete"));
  package = BySigner();
  package.unique_id = kEnclave;
  EXPECT_THAT(Findings(Claims(), package), ElementsAre("package.incomplete"));
}

TEST(Match, DemandsThatTheDebugAttributeIsEqual) {
  attest::SgxClaims debug = Claims();
  debug.report.attributes_flags |= attest::kSgxFlagDebug;
  Package wants_debug = ByEnclave();
  wants_debug.debug = true;
  EXPECT_THAT(Findings(debug, ByEnclave()), ElementsAre("package.debug"));
  EXPECT_THAT(Findings(Claims(), wants_debug), ElementsAre("package.debug"));
  EXPECT_THAT(Findings(debug, wants_debug), IsEmpty());
  wants_debug.unique_id.clear();
  EXPECT_THAT(Findings(debug, wants_debug), IsEmpty()) << "a debug package need not be complete";
  EXPECT_TRUE(VerifierOptionsOf(wants_debug).insecure_accept_debug_enclaves);
  EXPECT_FALSE(VerifierOptionsOf(ByEnclave()).insecure_accept_debug_enclaves);
}

TEST(Match, RefusesAttributesThatTheMeasurementDoesNotCover) {
  attest::SgxClaims claims = Claims();
  claims.report.attributes_flags &= ~attest::kSgxFlagMode64Bit;
  EXPECT_THAT(Findings(claims, ByEnclave()), ElementsAre("package.attributes"));
  claims = Claims();
  claims.report.attributes_flags |= attest::kSgxFlagProvisionKey;
  EXPECT_THAT(Findings(claims, ByEnclave()), ElementsAre("package.attributes"));
  claims = Claims();
  claims.report.attributes_flags |= attest::kSgxFlagEinitTokenKey;
  EXPECT_THAT(Findings(claims, ByEnclave()), ElementsAre("package.attributes"));
}

TEST(Match, AcceptsOnlyRootsThatThePackageNames) {
  attest::SgxClaims claims = Claims();
  claims.anchor = *attest::ParseAnchor(kTestRoot);
  EXPECT_THAT(Findings(claims, ByEnclave()), ElementsAre("package.anchor"));
  Package package = ByEnclave();
  package.trust_anchors = {claims.anchor};
  EXPECT_THAT(Findings(claims, package), IsEmpty());
  EXPECT_THAT(Findings(Claims(), package), IsEmpty()) << "Intel's root stays";
  EXPECT_TRUE(AnchorsOf(package).Contains(claims.anchor));
  EXPECT_FALSE(AnchorsOf(ByEnclave()).Contains(claims.anchor));
}

struct TcbRow {
  const char* name;
  TcbStatus status;
  std::vector<std::string> advisories;
  std::vector<std::string> accepted;
  std::vector<std::string> accepted_advisories;
  std::vector<std::string> findings;
};

class MatchTcb : public ::testing::TestWithParam<TcbRow> {};

TEST_P(MatchTcb, FollowsTheLists) {
  attest::SgxClaims claims = Claims();
  claims.tcb.status = GetParam().status;
  claims.tcb.advisory_ids = GetParam().advisories;
  Package package = ByEnclave();
  package.accepted_tcb_statuses = GetParam().accepted;
  package.accepted_advisories = GetParam().accepted_advisories;
  EXPECT_EQ(Findings(claims, package), GetParam().findings);
}

const TcbRow kTcbRows[] = {
    {"UpToDateAlways", TcbStatus::kUpToDate, {"INTEL-SA-1"}, {}, {"INTEL-SA-2"}, {}},
    {"UpToDateThoughNotListed", TcbStatus::kUpToDate, {}, {"OutOfDate"}, {}, {}},
    {"AbsentListIsUpToDateOnly", TcbStatus::kSwHardeningNeeded, {}, {}, {}, {"package.tcb-status"}},
    {"OtherStatusThanListed",
     TcbStatus::kOutOfDate,
     {},
     {"SWHardeningNeeded"},
     {},
     {"package.tcb-status"}},
    {"Listed", TcbStatus::kSwHardeningNeeded, {"INTEL-SA-1"}, {"SWHardeningNeeded"}, {}, {}},
    {"ListedInOtherCase",
     TcbStatus::kSwHardeningNeeded,
     {},
     {"swhardeningneeded"},
     {},
     {"package.tcb-status"}},
    {"AdvisoryTolerated",
     TcbStatus::kSwHardeningNeeded,
     {"INTEL-SA-1"},
     {"SWHardeningNeeded"},
     {"intel-sa-1"},
     {}},
    {"AdvisoryNotTolerated",
     TcbStatus::kSwHardeningNeeded,
     {"INTEL-SA-1", "INTEL-SA-2"},
     {"SWHardeningNeeded"},
     {"INTEL-SA-1"},
     {"package.advisory"}},
    {"AdvisoriesCountForEveryStatus",
     TcbStatus::kOutOfDate,
     {"INTEL-SA-2"},
     {"OutOfDate"},
     {"INTEL-SA-1"},
     {"package.advisory"}},
    {"EachAdvisoryIsNamed",
     TcbStatus::kOutOfDate,
     {"INTEL-SA-2", "INTEL-SA-3"},
     {"OutOfDate"},
     {"INTEL-SA-1"},
     {"package.advisory", "package.advisory"}},
    {"RevokedNever", TcbStatus::kRevoked, {}, {"Revoked"}, {}, {"package.tcb-status"}},
    {"ConfigurationNeeded", TcbStatus::kConfigurationNeeded, {}, {"ConfigurationNeeded"}, {}, {}},
    {"Both",
     TcbStatus::kConfigurationAndSwHardeningNeeded,
     {},
     {"SWHardeningNeeded", "ConfigurationNeeded"},
     {},
     {"package.tcb-status"}},
    {"OutOfDateConfigurationNeeded",
     TcbStatus::kOutOfDateConfigurationNeeded,
     {},
     {"OutOfDate"},
     {},
     {"package.tcb-status"}},
};

INSTANTIATE_TEST_SUITE_P(Rows, MatchTcb, ::testing::ValuesIn(kTcbRows),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(Match, ReportsAllThatIsWrong) {
  attest::SgxClaims claims = Claims();
  claims.report.mrsigner.writable()[0] ^= 1;
  claims.report.isv_prod_id = 8;
  claims.report.isv_svn = 0;
  claims.report.attributes_flags |= attest::kSgxFlagDebug;
  claims.tcb.status = TcbStatus::kOutOfDate;
  claims.anchor = *attest::ParseAnchor(kTestRoot);
  EXPECT_THAT(Findings(claims, BySigner()),
              ElementsAre("package.anchor", "package.debug", "package.signer-id",
                          "package.product-id", "package.security-version", "package.tcb-status"));
}

}  // namespace
}  // namespace strongroom::manifest
