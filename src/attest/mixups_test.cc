// All kinds of ../shared/testdata/evidence/mixups.json (built there over one TDX case) rebuilt over
// every SGX case at SGX offsets; each must be refused, and for its own reason only.
#include <functional>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "attest/testing/cases_of.h"
#include "base/files.h"

namespace strongroom::attest {
namespace {

using testing::Case;
using testing::ErrorIds;
using testing::kAcceptDebug;
using testing::Named;
using Ids = std::set<std::string>;

constexpr std::size_t kKinds = 17;

// Offsets in an SGX quote of version 3.
constexpr std::size_t kVendorId = 12;
constexpr std::size_t kUserData = 28;
constexpr std::size_t kReportData = 48 + 320;
constexpr std::size_t kSignature = 436;
constexpr std::size_t kAttestationKey = kSignature + 64;
constexpr std::size_t kQeReport = kAttestationKey + 64;
constexpr std::size_t kQeAuthenticationData = kQeReport + 384 + 64 + 2;

struct Mixed {
  Bytes quote;
  Endorsements endorsements;
  UnixSeconds now{};
};

struct Kind {
  // Changes the good evidence of `base`; false when the public cases offer nothing to mix this one
  // with.
  std::function<bool(Mixed& mixed, const Case& base, const std::vector<Case>& all)> mix;
  Ids findings;
};

auto Flip(std::size_t offset, std::uint8_t mask) {
  return [=](Mixed& mixed, const Case&, const std::vector<Case>&) {
    mixed.quote.at(offset) ^= mask;
    return true;
  };
}

// Changes the first hex digit of a member, so that the document stays well-formed.
void ChangeHexDigit(std::string& document, const std::string& member) {
  const std::size_t at =
      document.find('"', document.find("\"" + member + "\":") + member.size() + 3) + 1;
  document.at(at) = document.at(at) == '1' ? '0' : '1';
}

UnixSeconds WindowEdge(const Case& base, std::size_t edge) {
  const Json* window = base.expected.root().Find("valid_window");
  return ParseRfc3339(window->items().at(edge).String().value()).value();
}

bool IsPlatformCa(const Case& one) {
  return testing::At(one.expected.root(), {"pck", "ca"}).value()->String().value() == "platform";
}

std::string FmspcOf(const Case& one) {
  return std::string(testing::At(one.expected.root(), {"pck", "fmspc"}).value()->String().value());
}

std::map<std::string, Kind> Kinds() {
  std::map<std::string, Kind> kinds;
  kinds["expired-collateral"] = {[](Mixed& mixed, const Case& base, const auto&) {
                                   mixed.now = WindowEdge(base, 1) + 1;
                                   return true;
                                 },
                                 {}};
  kinds["collateral-from-the-future"] = {[](Mixed& mixed, const Case& base, const auto&) {
                                           mixed.now = WindowEdge(base, 0) + (-1);
                                           return true;
                                         },
                                         {}};
  kinds["flip-report-data"] = {Flip(kReportData, 1), {"dcap.quote.signature"}};
  kinds["flip-header-user-data"] = {Flip(kUserData + 2, 1), {"dcap.quote.signature"}};
  kinds["flip-quote-signature"] = {Flip(kSignature + 5, 1), {"dcap.quote.signature"}};
  kinds["flip-attestation-key"] = {Flip(kAttestationKey + 3, 1),
                                   {"dcap.qe-report.binding", "dcap.quote.signature"}};
  kinds["flip-qe-debug-bit"] = {Flip(kQeReport + 48, 2),
                                {"dcap.qe-identity.mismatch", "dcap.qe-report.signature"}};
  kinds["flip-qe-auth-data"] = {Flip(kQeAuthenticationData, 1), {"dcap.qe-report.binding"}};
  kinds["flip-qe-vendor-id"] = {Flip(kVendorId, 1), {"dcap.quote.signature", "dcap.quote.vendor"}};
  kinds["tcb-info-body-tampered"] = {[](Mixed& mixed, const Case&, const auto&) {
                                       ChangeHexDigit(mixed.endorsements.tcb_info, "pceId");
                                       return true;
                                     },
                                     {"dcap.tcb-info.signature"}};
  kinds["qe-identity-body-tampered"] = {[](Mixed& mixed, const Case&, const auto&) {
                                          ChangeHexDigit(mixed.endorsements.qe_identity,
                                                         "mrsigner");
                                          return true;
                                        },
                                        {"dcap.qe-identity.signature"}};
  kinds["pck-crl-signature-tampered"] = {[](Mixed& mixed, const Case&, const auto&) {
                                           mixed.endorsements.pck_crl.back() ^= 1U;
                                           return true;
                                         },
                                         {"dcap.pck-crl.signature"}};
  // Both documents must be valid at one time: the quote is verified with all the endorsements of
  // another family.
  kinds["tcb-info-of-another-fmspc"] = {
      [](Mixed& mixed, const Case& base, const std::vector<Case>& all) {
        const Case& other = Named(all, "sgx-v3-config-and-sw-hardening");
        if (IsPlatformCa(base) || FmspcOf(base) == FmspcOf(other)) return false;
        mixed.endorsements = other.endorsements;
        mixed.now = other.VerifyAt().value();
        return true;
      },
      {"dcap.tcb-info.other-fmspc", "dcap.tcb.not-supported"}};
  kinds["qe-identity-of-the-other-tee"] = {
      [](Mixed& mixed, const Case&, const auto&) {
        const auto folder = *strongroom::testing::SharedTestdata() / "evidence" / "dcap" /
                            "tdx-v4-up-to-date-b0c06f";
        mixed.endorsements.qe_identity = ReadTextFile(folder / "qe_identity.json", 1 << 20).value();
        return true;
      },
      {"dcap.qe-identity.unsupported"}};
  kinds["pck-crl-of-the-other-ca"] = {
      [](Mixed& mixed, const Case& base, const std::vector<Case>& all) {
        const auto other = std::ranges::find_if(
            all, [&](const Case& one) { return IsPlatformCa(one) != IsPlatformCa(base); });
        mixed.endorsements.pck_crl = other->endorsements.pck_crl;
        return true;
      },
      {"dcap.pck-crl.issuer", "dcap.pck-crl.nonconforming", "dcap.pck-crl.signature",
       "dcap.pck-crl.time"}};
  kinds["root-crl-in-place-of-pck-crl"] = {
      [](Mixed& mixed, const Case&, const auto&) {
        mixed.endorsements.pck_crl = mixed.endorsements.root_ca_crl;
        return true;
      },
      {"dcap.pck-crl.issuer", "dcap.pck-crl.nonconforming", "dcap.pck-crl.signature"}};
  kinds["truncated-quote"] = {[](Mixed& mixed, const Case&, const auto&) {
                                mixed.quote.resize(mixed.quote.size() - 110);
                                return true;
                              },
                              {"dcap.quote.malformed"}};
  return kinds;
}

// The lists of the cases end at different times: which of the three are over at the edge differs,
// that it is about time does not.
void ExpectTimesOnly(const Ids& ids) {
  EXPECT_FALSE(ids.empty());
  for (const std::string& id : ids) EXPECT_TRUE(id.ends_with(".time")) << id;
}

void ExpectRefused(const std::string& kind, const Kind& how, const Mixed& mixed) {
  const Appraisal appraisal = VerifySgxEvidence(mixed.quote, mixed.endorsements,
                                                TrustAnchors::Intel(), mixed.now, kAcceptDebug);
  EXPECT_FALSE(appraisal.claims.has_value());
  Ids ids = ErrorIds(appraisal.findings);
  if (kind == "expired-collateral" || kind == "collateral-from-the-future")
    return ExpectTimesOnly(ids);
  if (kind == "pck-crl-of-the-other-ca")
    ids.insert("dcap.pck-crl.time");  // it may be of the same month
  EXPECT_EQ(ids, how.findings);
}

TEST(Mixups, OfEveryKindAreRefusedOverEverySgxCase) {
  if (strongroom::testing::SkippedWithoutTestdata("mixups of SGX evidence")) return;
  const auto path = *strongroom::testing::SharedTestdata() / "evidence" / "mixups.json";
  ASSERT_OK_AND_ASSIGN(const std::string text, ReadTextFile(path, 1 << 20));
  ASSERT_OK_AND_ASSIGN(const JsonDocument document, JsonDocument::Parse(text));
  const auto& listed = document.root().Find("cases")->items();
  ASSERT_EQ(listed.size(), kKinds);

  const auto kinds = Kinds();
  const auto cases = testing::SgxCases();
  for (const Json& entry : listed) {
    const std::string id(entry.GetString("id").value());
    ASSERT_TRUE(kinds.contains(id)) << id;
    std::size_t over = 0;
    for (const Case& base : cases) {
      SCOPED_TRACE(id + " over " + base.name);
      Mixed mixed = {base.quote, base.endorsements, base.VerifyAt().value()};
      if (!kinds.at(id).mix(mixed, base, cases)) continue;
      ++over;
      ExpectRefused(id, kinds.at(id), mixed);
    }
    EXPECT_GE(over, id == "tcb-info-of-another-fmspc" ? 2U : cases.size()) << id;
  }
}

// The other way round: list and chain of the other CA fit each other, but not the platform's
// certificate.
TEST(Mixups, EndorsementsOfTheOtherCaDoNotSpeakForAPlatform) {
  if (strongroom::testing::SkippedWithoutTestdata("mixups of SGX evidence")) return;
  const auto cases = testing::SgxCases();
  const Case& base = Named(cases, "sgx-v3-eval16-sw-hardening");
  const Case& other = Named(cases, "sgx-v3-config-and-sw-hardening");
  const Appraisal appraisal =
      VerifySgxEvidence(base.quote, other.endorsements, TrustAnchors::Intel(),
                        other.VerifyAt().value(), kAcceptDebug);
  EXPECT_TRUE(appraisal.Has("dcap.pck-crl.other-ca"));
  EXPECT_TRUE(appraisal.Has("dcap.tcb-info.other-fmspc"));
  EXPECT_FALSE(appraisal.claims.has_value());
}

// The unchanged evidence passes, so that every refusal above is the change's.
TEST(Mixups, PassWhenNothingIsMixed) {
  if (strongroom::testing::SkippedWithoutTestdata("mixups of SGX evidence")) return;
  for (const Case& base : testing::SgxCases()) {
    const Appraisal appraisal =
        VerifySgxEvidence(base.quote, base.endorsements, TrustAnchors::Intel(),
                          base.VerifyAt().value(), kAcceptDebug);
    EXPECT_TRUE(appraisal.claims.has_value()) << base.name;
  }
}

}  // namespace
}  // namespace strongroom::attest
