// Real chains of Intel and AMD.

#include "base/encoding.h"
#include "base/files.h"
#include "crypto/chain_oracle.h"
#include "testing/result_matchers.h"
#include "testing/testdata.h"

namespace strongroom::crypto {
namespace {

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

}  // namespace
}  // namespace strongroom::crypto
