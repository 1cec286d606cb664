#include "attest/policy.h"

#include <functional>

#include <gtest/gtest.h>

#include "attest/anchors.h"
#include "attest/testing/claims.h"
#include "base/encoding.h"
#include "testing/result_matchers.h"

namespace strongroom::attest {
namespace {

using strongroom::testing::Fails;
using Ids = std::vector<std::string>;

SgxClaims Sgx(TcbStatus status = TcbStatus::kUpToDate, std::vector<std::string> advisories = {}) {
  SgxClaims claims;
  claims.report.mrenclave.writable()[0] = 1;
  claims.report.mrsigner.writable()[0] = 2;
  claims.report.attributes_flags = kSgxFlagInit | kSgxFlagMode64Bit;
  claims.report.isv_prod_id = 3;
  claims.report.isv_svn = 4;
  claims.tcb.status = status;
  claims.tcb.advisory_ids = std::move(advisories);
  claims.tcb.tcb_date = UnixSeconds{1000};
  claims.tcb.tcb_info_evaluation_number = 19;
  claims.tcb.qe_identity_evaluation_number = 17;
  claims.platform.ppid.writable()[0] = 5;
  return claims;
}

AcceptancePolicy Policy() { return {.mrenclave = Sgx().report.mrenclave}; }

Ids IdsOf(const std::vector<Finding>& findings) {
  Ids ids;
  for (const Finding& finding : findings) ids.push_back(finding.id);
  return ids;
}

TEST(Appraise, AcceptsUpToDateOnlyByDefault) {
  EXPECT_EQ(IdsOf(Appraise(testing::ClaimsForTest(Sgx()), Policy())), Ids{});
  for (const TcbStatus status :
       {TcbStatus::kSwHardeningNeeded, TcbStatus::kConfigurationNeeded,
        TcbStatus::kConfigurationAndSwHardeningNeeded, TcbStatus::kOutOfDate,
        TcbStatus::kOutOfDateConfigurationNeeded, TcbStatus::kRevoked}) {
    EXPECT_EQ(IdsOf(Appraise(testing::ClaimsForTest(Sgx(status)), Policy())),
              Ids{"policy.tcb-status"});
  }
}

TEST(Appraise, ToleratesNamedAdvisoriesOnly) {
  AcceptancePolicy policy = Policy();
  policy.accepted_statuses[TcbStatus::kSwHardeningNeeded] = std::set<std::string>{"INTEL-SA-00615"};
  const auto with = [](std::vector<std::string> advisories) {
    return testing::ClaimsForTest(Sgx(TcbStatus::kSwHardeningNeeded, std::move(advisories)));
  };
  EXPECT_EQ(IdsOf(Appraise(with({"INTEL-SA-00615"}), policy)), Ids{});
  EXPECT_EQ(IdsOf(Appraise(with({}), policy)), Ids{});
  EXPECT_EQ(IdsOf(Appraise(with({"INTEL-SA-00334", "INTEL-SA-00615", "INTEL-SA-99999"}), policy)),
            (Ids{"policy.advisory", "policy.advisory"}));
  policy.accepted_statuses[TcbStatus::kSwHardeningNeeded] = std::nullopt;
  EXPECT_EQ(IdsOf(Appraise(with({"INTEL-SA-99999"}), policy)), Ids{});
}

TEST(Appraise, RefusesEachDifferenceByItsName) {
  const struct {
    const char* id;
    std::function<void(AcceptancePolicy&, SgxClaims&)> change;
  } rows[] = {
      {"policy.mrenclave", [](auto&, auto& c) { c.report.mrenclave.writable()[31] = 1; }},
      {"policy.mrsigner", [](auto& p, auto&) { p.mrsigner = MrSigner(); }},
      {"policy.isv-prod-id", [](auto& p, auto&) { p.isv_prod_id = 4; }},
      {"policy.isv-svn", [](auto& p, auto&) { p.min_isv_svn = 5; }},
      {"policy.debug-enclave", [](auto&, auto& c) { c.report.attributes_flags |= kSgxFlagDebug; }},
      {"policy.attributes", [](auto&, auto& c) { c.report.attributes_flags &= ~kSgxFlagInit; }},
      {"policy.attributes",
       [](auto&, auto& c) { c.report.attributes_flags &= ~kSgxFlagMode64Bit; }},
      {"policy.attributes",
       [](auto&, auto& c) { c.report.attributes_flags |= kSgxFlagProvisionKey; }},
      {"policy.attributes",
       [](auto&, auto& c) { c.report.attributes_flags |= kSgxFlagEinitTokenKey; }},
      {"policy.evaluation-number", [](auto& p, auto&) { p.min_evaluation_number = 18; }},
      {"policy.tcb-date", [](auto& p, auto&) { p.min_tcb_date = UnixSeconds{1001}; }},
      {"policy.ppid", [](auto& p, auto&) { p.allowed_ppids = {Ppid()}; }},
      {"policy.instance-id",
       [](auto& p, auto&) { p.allowed_instance_ids = {PlatformInstanceId()}; }},
      {"policy.instance-id",
       [](auto& p, auto& c) {
         p.allowed_instance_ids = {PlatformInstanceId()};
         c.platform.instance_id.emplace().writable()[0] = 1;
       }},
      {"policy.tcb-status", [](auto& p, auto&) { p.accepted_statuses.clear(); }},
  };
  for (const auto& row : rows) {
    AcceptancePolicy policy = Policy();
    SgxClaims claims = Sgx();
    row.change(policy, claims);
    EXPECT_EQ(IdsOf(Appraise(testing::ClaimsForTest(claims), policy)), Ids{row.id});
  }
}

TEST(Appraise, AcceptsAtTheBounds) {
  AcceptancePolicy policy = Policy();
  policy.mrsigner = Sgx().report.mrsigner;
  policy.isv_prod_id = 3;
  policy.min_isv_svn = 4;
  policy.min_evaluation_number = 17;  // the smaller of both documents
  policy.min_tcb_date = UnixSeconds{1000};
  policy.allowed_ppids = {Sgx().platform.ppid};
  EXPECT_EQ(IdsOf(Appraise(testing::ClaimsForTest(Sgx()), policy)), Ids{});
}

TEST(CheckPolicy, WantsAnEnclaveNamed) {
  EXPECT_THAT(CheckPolicy({}), Fails(Code::kMalformed, "names no enclave"));
  EXPECT_OK(CheckPolicy(Policy()));
  EXPECT_THAT(CheckPolicy({.mrsigner = MrSigner()}), Fails(Code::kMalformed, "signer only"));
  EXPECT_THAT(CheckPolicy({.mrsigner = MrSigner(), .isv_prod_id = 1}),
              Fails(Code::kMalformed, "signer only"));
  EXPECT_OK(CheckPolicy({.mrsigner = MrSigner(), .isv_prod_id = 1, .min_isv_svn = 1}));
  EXPECT_OK(CheckPolicy({.insecure_accept_any_enclave = true}));
}

TEST(ExpectReportData, ComparesAllSixtyFourBytes) {
  const SgxClaims claims = Sgx();
  for (std::size_t i = 0; i < 64; ++i) {
    ReportData other = claims.report.report_data;
    EXPECT_OK(ExpectReportData(testing::ClaimsForTest(claims), other));
    other.writable()[i] ^= 1U;
    EXPECT_THAT(ExpectReportData(testing::ClaimsForTest(claims), other),
                Fails(Code::kUntrusted, "report data"))
        << i;
  }
}

TEST(TrustAnchors, PinIntelsKey) {
  EXPECT_EQ(HexEncode(TrustAnchors::IntelRoot().view()),
            "a0af031289f5d5d4132f9186068a7fc13628633ba235777472e29b6b6c67a49e");
  EXPECT_TRUE(TrustAnchors::Intel().Contains(TrustAnchors::IntelRoot()));
  EXPECT_EQ(TrustAnchors::Intel().all().size(), 1U);
  EXPECT_TRUE(TrustAnchors().empty());
  ASSERT_OK_AND_ASSIGN(
      const Anchor again,
      ParseAnchor("A0AF031289F5D5D4132F9186068A7FC13628633BA235777472E29B6B6C67A49E"));
  EXPECT_EQ(again, TrustAnchors::IntelRoot());
  for (const char* text :
       {"", "a0af", "zz", "a0af031289f5d5d4132f9186068a7fc13628633ba235777472e29b6b6c67a49e00"}) {
    EXPECT_THAT(ParseAnchor(text), Fails(Code::kMalformed, "trust anchor")) << text;
  }
}

TEST(ErrorOf, NamesTheFirstError) {
  const std::vector<Finding> findings = {{"a", Severity::kWarning, "odd", Code::kDenied},
                                         {"b", Severity::kError, "wrong", Code::kMalformed},
                                         {"c", Severity::kError, "worse", Code::kUntrusted}};
  EXPECT_EQ(ErrorOf(findings).ToString(), "malformed: wrong [b]");
  EXPECT_EQ(ErrorOf({}).code(), Code::kInternal);
}

}  // namespace
}  // namespace strongroom::attest
