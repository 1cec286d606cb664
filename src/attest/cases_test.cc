// Real public evidence: every SGX case of ../shared/testdata/evidence comes out as its
// expected.json says.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "attest/dcap/qe_identity.h"
#include "attest/dcap/signed_json.h"
#include "attest/dcap/tcb_info.h"
#include "attest/endorsement_subject.h"
#include "attest/policy.h"
#include "attest/quote.h"
#include "attest/testing/cases_of.h"
#include "attest/testing/expectations.h"
#include "base/encoding.h"
#include "base/files.h"
#include "crypto/crl.h"

namespace strongroom::attest {
namespace {

using strongroom::testing::Fails;
using testing::Case;
using testing::ErrorIds;
using testing::Expectations;
using testing::kAcceptDebug;
using testing::ListText;

constexpr std::size_t kSgxCases = 7;

std::string Hex(ByteView bytes) { return HexEncode(bytes); }

std::string AttributesHex(const SgxReportBody& body) {
  Writer w;
  w.U64Le(body.attributes_flags).U64Le(body.attributes_xfrm);
  return Hex(w.bytes());
}

void ExpectQuote(const Case& one, const VerifiedClaims& claims, Expectations& expected) {
  const auto parsed = ParseQuote(one.quote);
  ASSERT_OK(parsed);
  expected.Expect("quote_version", std::uint64_t{parsed->version});
  expected.Expect("quote_effective_length", parsed->size);
  expected.Expect("quote_trailing_zero_bytes", one.quote.size() - parsed->size);
  expected.Expect("parsed.quote_version", std::uint64_t{parsed->version});
  expected.Expect("parsed.att_key_type", std::uint64_t{parsed->attestation_key_type});
  expected.Expect("parsed.tee_type", "0x00000000");
  expected.Expect("parsed.body", "sgx_enclave_report(384)");
  expected.Expect("parsed.cert_data_type", static_cast<std::uint64_t>(parsed->certification_type));
  expected.Expect("parsed.qe_report.mr_signer", Hex(parsed->qe_report.mrsigner.view()));
  expected.Expect("parsed.qe_report.isv_prod_id", std::uint64_t{parsed->qe_report.isv_prod_id});
  expected.Expect("parsed.qe_report.isv_svn", std::uint64_t{parsed->qe_report.isv_svn});
  expected.Expect("parsed.qe_report.attributes", AttributesHex(parsed->qe_report));

  const SgxReportBody& body = claims.sgx().report;
  expected.Expect("parsed.cpu_svn", Hex(body.cpu_svn.view()));
  // Written as the bytes lie in the quote.
  Writer miscselect;
  miscselect.U32Be(body.miscselect);
  expected.Expect("parsed.misc_select", Hex(miscselect.bytes()));
  expected.Expect("parsed.attributes", AttributesHex(body));
  expected.Expect("parsed.mr_enclave", Hex(claims.mrenclave().view()));
  expected.Expect("parsed.mr_signer", Hex(claims.mrsigner().view()));
  expected.Expect("parsed.isv_prod_id", std::uint64_t{claims.isv_prod_id()});
  expected.Expect("parsed.isv_svn", std::uint64_t{claims.isv_svn()});
  expected.Expect("parsed.report_data", Hex(claims.report_data().view()));
  expected.Expect("parsed.debug", claims.debug());
}

void ExpectPlatform(const Case& one, const VerifiedClaims& claims, Expectations& expected) {
  const PlatformIdentity& platform = claims.platform();
  expected.Expect("pck.ca", platform.instance_id ? "platform" : "processor");
  expected.Expect("pck.fmspc", Hex(platform.fmspc.view()));
  expected.Expect("pck.pce_id", Hex(platform.pce_id.view()));
  expected.Expect("pck.ppid", Hex(platform.ppid.view()));
  std::vector<std::string> components;
  for (const std::uint8_t svn : platform.tcb_components) components.push_back(std::to_string(svn));
  expected.Expect("pck.sgx_tcb_components", ListText(components));
  expected.Expect("pck.pce_svn", std::uint64_t{platform.pce_svn});
  expected.Expect("pck.cpu_svn", Hex(platform.cpu_svn.view()));
  expected.Expect("pck.sgx_type", static_cast<std::uint64_t>(platform.sgx_type));

  const auto quote = ParseQuote(one.quote);
  ASSERT_OK(quote);
  const auto chain = crypto::Certificate::ChainFromPem(AsText(quote->certification_data), 3);
  ASSERT_OK(chain);
  expected.Expect("pck.serial", (*chain)[0].fields().serial_hex);

  const auto subject = UnverifiedEndorsementSubject(*quote);
  ASSERT_OK(subject);
  EXPECT_EQ(subject->fmspc, platform.fmspc);
  EXPECT_EQ(subject->platform_ca, platform.instance_id.has_value());
}

void ExpectEndorsements(const Case& one, Expectations& expected) {
  const auto tcb = dcap::SignedJson::Parse(one.endorsements.tcb_info, "tcbInfo");
  ASSERT_OK(tcb);
  const auto info = dcap::ReadTcbInfo(tcb->body());
  ASSERT_OK(info);
  expected.Expect("tcb_info.version", std::uint64_t{info->version});
  expected.Expect("tcb_info.tcb_evaluation_data_number", std::uint64_t{info->evaluation_number});
  expected.Expect("tcb_info.issue_date", FormatRfc3339(info->issue_date));
  expected.Expect("tcb_info.next_update", FormatRfc3339(info->next_update));
  const auto qe = dcap::SignedJson::Parse(one.endorsements.qe_identity, "enclaveIdentity");
  ASSERT_OK(qe);
  const auto identity = dcap::ReadQeIdentity(qe->body());
  ASSERT_OK(identity);
  expected.Expect("qe_identity.tcb_evaluation_data_number",
                  std::uint64_t{identity->evaluation_number});
  expected.Expect("qe_identity.issue_date", FormatRfc3339(identity->issue_date));
  expected.Expect("qe_identity.next_update", FormatRfc3339(identity->next_update));
  const auto crl = crypto::Crl::FromDer(one.endorsements.pck_crl);
  ASSERT_OK(crl);
  expected.Expect("pck_crl_entries", crl->fields().revoked.size());
}

void ExpectVerdict(const VerifiedClaims& claims, Expectations& expected) {
  const TcbVerdict& tcb = claims.tcb();
  expected.Expect("expected.cryptographic", "valid");
  expected.Expect("expected.tcb_status", TcbStatusName(tcb.status));
  expected.Expect("expected.tcb_date", FormatRfc3339(tcb.tcb_date));
  expected.Expect("expected.advisory_ids", ListText(tcb.advisory_ids));
  // "current_" differs from these only for TDX.
  expected.Expect("expected.current_tcb_status", TcbStatusName(tcb.status));
  expected.Expect("expected.current_tcb_date", FormatRfc3339(tcb.tcb_date));
  expected.Expect("expected.current_advisory_ids", ListText(tcb.advisory_ids));
  const ValidityWindow& window = claims.sgx().validity;
  expected.Expect("valid_window", ListText({FormatRfc3339(window.latest_issue),
                                            FormatRfc3339(window.earliest_expiry)}));
}

TEST(RealEvidence, ComesOutAsExpectedInEveryAttribute) {
  if (strongroom::testing::SkippedWithoutTestdata("real SGX evidence")) return;
  const auto cases = testing::SgxCases();
  ASSERT_EQ(cases.size(), kSgxCases);
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    ASSERT_OK_AND_ASSIGN(const UnixSeconds now, one.VerifyAt());
    const Appraisal appraisal =
        VerifySgxEvidence(one.quote, one.endorsements, TrustAnchors::Intel(), now, kAcceptDebug);
    ASSERT_OK_AND_ASSIGN(const VerifiedClaims claims, appraisal.ToResult());
    EXPECT_EQ(claims.anchor(), TrustAnchors::IntelRoot());

    Expectations expected(one.expected.root());
    expected.Expect("id", one.name);
    expected.Expect("kind", "dcap");
    expected.Expect("tee", "SGX");
    expected.Expect("verify_at", FormatRfc3339(now));
    expected.Expect("verify_at_unix", static_cast<std::uint64_t>(ToInt(now)));
    ExpectQuote(one, claims, expected);
    ExpectPlatform(one, claims, expected);
    ExpectEndorsements(one, expected);
    ExpectVerdict(claims, expected);
    expected.Expect("policy_flags.debug", claims.debug());
    if (claims.debug()) expected.Expect("policy_flags.production_policy", "reject: debug");
    for (const char* foreign : {"note", "sources", "oracles"}) expected.Ignore(foreign);
    expected.ExpectAllTaken();
  }
}

TEST(RealEvidence, OfDebugEnclavesIsRefusedUnlessAskedFor) {
  if (strongroom::testing::SkippedWithoutTestdata("real SGX evidence")) return;
  std::size_t debug_cases = 0;
  for (const Case& one : testing::SgxCases()) {
    SCOPED_TRACE(one.name);
    ASSERT_OK_AND_ASSIGN(const UnixSeconds now, one.VerifyAt());
    ASSERT_OK_AND_ASSIGN(const Json* debug,
                         testing::At(one.expected.root(), {"policy_flags", "debug"}));
    const Appraisal appraisal =
        VerifySgxEvidence(one.quote, one.endorsements, TrustAnchors::Intel(), now);
    EXPECT_EQ(appraisal.claims.has_value(), !debug->Bool().value());
    if (!debug->Bool().value()) continue;
    ++debug_cases;
    EXPECT_EQ(ErrorIds(appraisal.findings), std::set<std::string>{"sgx.debug-enclave"});
  }
  EXPECT_EQ(debug_cases, 3U);
}

TEST(RealEvidence, IsRefusedByTheDefaultPolicyWhenNotUpToDate) {
  if (strongroom::testing::SkippedWithoutTestdata("real SGX evidence")) return;
  for (const Case& one : testing::SgxCases()) {
    SCOPED_TRACE(one.name);
    ASSERT_OK_AND_ASSIGN(const UnixSeconds now, one.VerifyAt());
    ASSERT_OK_AND_ASSIGN(
        const VerifiedClaims claims,
        VerifySgxEvidence(one.quote, one.endorsements, TrustAnchors::Intel(), now, kAcceptDebug)
            .ToResult());
    ASSERT_NE(claims.tcb().status, TcbStatus::kUpToDate);
    const AcceptancePolicy policy = {.mrenclave = claims.mrenclave(),
                                     .insecure_accept_debug_enclaves = true};
    EXPECT_EQ(ErrorIds(Appraise(claims, policy)), std::set<std::string>{"policy.tcb-status"});
  }
}

TEST(RealEvidence, IsRefusedUnderAnotherRoot) {
  if (strongroom::testing::SkippedWithoutTestdata("real SGX evidence")) return;
  // Intel's sandbox root: the same name, another key.
  ASSERT_OK_AND_ASSIGN(
      const Anchor sandbox,
      ParseAnchor("abcbd1f4da017d68ac75b49fcd7d12fddcd949d3cb5d9afa78f2cf44d489630b"));
  for (const Case& one : testing::SgxCases()) {
    ASSERT_OK_AND_ASSIGN(const UnixSeconds now, one.VerifyAt());
    for (const TrustAnchors& anchors : {TrustAnchors(), TrustAnchors().Add(sandbox)}) {
      const Appraisal appraisal =
          VerifySgxEvidence(one.quote, one.endorsements, anchors, now, kAcceptDebug);
      EXPECT_EQ(ErrorIds(appraisal.findings),
                (std::set<std::string>{"dcap.pck-ca.root", "dcap.qe-identity.root",
                                       "dcap.tcb-info.root"}))
          << one.name;
    }
  }
}

struct Negative {
  const char* name;
  const char* expected;
  const char* endorsements_of;
  std::set<std::string> findings;
  Code code;
};

TEST(RealEvidence, IsWorthAFetchWhereItsOwnSignaturesHold) {
  if (strongroom::testing::SkippedWithoutTestdata("SGX evidence")) return;
  const auto cases = testing::SgxCases();
  ASSERT_EQ(cases.size(), kSgxCases);
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    ASSERT_OK_AND_ASSIGN(const UnixSeconds now, one.VerifyAt());
    ASSERT_OK_AND_ASSIGN(const Quote quote, ParseQuote(one.quote));
    ASSERT_OK_AND_ASSIGN(const auto named, UnverifiedEndorsementSubject(quote));
    ASSERT_OK_AND_ASSIGN(const auto subject,
                         SignedEndorsementSubject(quote, TrustAnchors::Intel(), now));
    EXPECT_EQ(subject.fmspc, named.fmspc);
    EXPECT_EQ(subject.platform_ca, named.platform_ca);
    EXPECT_THAT(SignedEndorsementSubject(quote, TrustAnchors(), now),
                Fails(Code::kUntrusted, "wanted a trusted root"));
    EXPECT_THAT(SignedEndorsementSubject(quote, TrustAnchors::Intel(), UnixSeconds{0}),
                Fails(Code::kUntrusted, "PCK chain"));
    for (const ByteView part : {quote.signed_bytes, quote.signature, quote.attestation_key,
                                quote.qe_report_bytes, quote.qe_report_signature}) {
      Bytes forged = one.quote;
      forged[static_cast<std::size_t>(part.data() - one.quote.data()) + part.size() - 1] ^= 1;
      const auto parsed = ParseQuote(forged);
      EXPECT_FALSE(parsed.has_value() &&
                   SignedEndorsementSubject(*parsed, TrustAnchors::Intel(), now).has_value())
          << part.size();
    }
  }
}

TEST(RealEvidence, ThatIsNegativeIsRefusedForTheRightReason) {
  if (strongroom::testing::SkippedWithoutTestdata("negative SGX evidence")) return;
  const auto folder = *strongroom::testing::SharedTestdata() / "evidence" / "negative";
  const auto cases = testing::SgxCases();
  const std::vector<Negative> rows = {
      {"sgx-v3-bad-cert-key-oe",
       "reject",
       "sgx-v3-2023-sw-hardening",
       {"dcap.pck.malformed"},
       Code::kMalformed},
      {"sgx-v3-cert-type-3-no-chain",
       "needs_pck_certificate",
       "sgx-v3-eval16-sw-hardening",
       {"dcap.pck.missing"},
       Code::kPrecondition},
      {"sgx-v3-tampered-issuer-cn",
       "reject",
       "sgx-v3-sw-hardening-2025-08-a",
       {"dcap.pck.chain"},
       Code::kUntrusted},
  };
  std::size_t on_disk = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().filename().string().starts_with("sgx-")) ++on_disk;
  }
  ASSERT_EQ(on_disk, rows.size());
  for (const Negative& row : rows) {
    SCOPED_TRACE(row.name);
    ASSERT_OK_AND_ASSIGN(const Case negative, testing::ReadCase(folder / row.name));
    EXPECT_EQ(negative.expected.root().GetString("expected").value(), row.expected);
    const Case& other = testing::Named(cases, row.endorsements_of);
    ASSERT_OK_AND_ASSIGN(const UnixSeconds now, other.VerifyAt());
    const Appraisal appraisal = VerifySgxEvidence(negative.quote, other.endorsements,
                                                  TrustAnchors::Intel(), now, kAcceptDebug);
    EXPECT_EQ(ErrorIds(appraisal.findings), row.findings);
    EXPECT_EQ(appraisal.ToResult().error().code(), row.code);
  }
}

class IntelSample : public ::testing::Test {
 protected:
  void SetUp() override {
    if (strongroom::testing::SkippedWithoutTestdata("Intel's synthetic sample")) GTEST_SKIP();
    const auto folder = *strongroom::testing::SharedTestdata() / "evidence" / "synthetic-intel" /
                        "intel-sample-sgx-v3";
    auto read = testing::ReadCase(folder);
    ASSERT_OK(read);
    sample_ = std::make_unique<Case>(std::move(*read));
    auto pem = ReadTextFile(folder / "trusted_root.pem", 1 << 16);
    ASSERT_OK(pem);
    const auto root = crypto::Certificate::FromPem(*pem);
    ASSERT_OK(root);
    anchors_.Add(Anchor::From(root->public_key()->SpkiSha256().view()).value());
    now_ = sample_->VerifyAt().value();
  }

  std::unique_ptr<Case> sample_;
  TrustAnchors anchors_;
  UnixSeconds now_{};
};

TEST_F(IntelSample, VerifiesWithThePckCertificateBesideTheQuote) {
  ASSERT_OK_AND_ASSIGN(
      const VerifiedClaims claims,
      VerifySgxEvidence(sample_->quote, sample_->endorsements, anchors_, now_).ToResult());
  Expectations expected(sample_->expected.root());
  expected.Expect("id", sample_->name);
  expected.Expect("kind", "synthetic-intel");
  expected.Expect("tee", "SGX");
  expected.Expect("verify_at", FormatRfc3339(now_));
  expected.Expect("verify_at_unix", static_cast<std::uint64_t>(ToInt(now_)));
  for (const char* part : {"pck", "tcb", "qeid", "quote"}) {
    expected.Expect(fmt::format("expected.with_trusted_root_pem.{}", part), "OK");
  }
  expected.Expect("expected.launch_status", TcbStatusName(claims.tcb().status));
  expected.Expect("expected.advisory_ids", claims.tcb().advisory_ids.empty() ? "" : "some");
  const Appraisal with_intel =
      VerifySgxEvidence(sample_->quote, sample_->endorsements, TrustAnchors::Intel(), now_);
  expected.Expect("expected.with_intel_production_root", with_intel.claims ? "accept" : "reject");
  EXPECT_TRUE(with_intel.Has("dcap.pck-ca.root"));
  for (const char* foreign : {"note", "source", "oracles"}) expected.Ignore(foreign);
  expected.ExpectAllTaken();
}

TEST_F(IntelSample, NeedsThePckCertificate) {
  Endorsements without = sample_->endorsements;
  without.pck_certificate_chain.clear();
  const Appraisal appraisal = VerifySgxEvidence(sample_->quote, without, anchors_, now_);
  EXPECT_EQ(ErrorIds(appraisal.findings), std::set<std::string>{"dcap.pck.missing"});
  EXPECT_THAT(appraisal.ToResult(), Fails(Code::kPrecondition, "carries no PCK certificate"));
}

TEST_F(IntelSample, RefusesTheCertificateOfAnotherMachine) {
  // Another PPID in the quote: what it names is not what the certificate says (and the type 1 data
  // is signed by nobody).
  Bytes quote = sample_->quote;
  quote.at(quote.size() - 34) ^= 1U;
  const Appraisal appraisal = VerifySgxEvidence(quote, sample_->endorsements, anchors_, now_);
  EXPECT_EQ(ErrorIds(appraisal.findings), std::set<std::string>{"dcap.pck.other-platform"});
  EXPECT_THAT(appraisal.ToResult(), Fails(Code::kUntrusted, "another PPID"));
}

}  // namespace
}  // namespace strongroom::attest
