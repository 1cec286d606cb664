// Intel's two documents, well-formed and not.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "attest/dcap/qe_identity.h"
#include "attest/dcap/signed_json.h"
#include "attest/dcap/tcb_info.h"
#include "attest/testing/test_platform.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::attest::dcap {
namespace {

using strongroom::testing::Fails;
using testing::QeIdentityBody;
using testing::Recipe;
using testing::TcbInfoBody;

Result<TcbInfo> TcbInfoOf(std::string_view text) {
  ASSIGN_OR_RETURN(const JsonDocument document, JsonDocument::Parse(text));
  return ReadTcbInfo(document.root());
}

Result<QeIdentity> QeIdentityOf(std::string_view text) {
  ASSIGN_OR_RETURN(const JsonDocument document, JsonDocument::Parse(text));
  return ReadQeIdentity(document.root());
}

std::string Replaced(std::string text, std::string_view what, std::string_view with) {
  const std::size_t at = text.find(what);
  if (at == std::string::npos) throw std::invalid_argument(std::string(what));
  return text.replace(at, what.size(), with);
}

struct Row {
  const char* name;
  const char* what;
  const char* with;
  Code code;
  const char* text;
};

TEST(TcbInfo, IsReadInVersionsTwoAndThree) {
  ASSERT_OK_AND_ASSIGN(const TcbInfo three, TcbInfoOf(TcbInfoBody(Recipe())));
  EXPECT_EQ(three.version, 3U);
  EXPECT_EQ(three.levels.size(), 1U);
  EXPECT_EQ(three.levels[0].tcb.components[15], 10);

  std::string components;
  for (int i = 1; i <= 16; ++i) components += fmt::format("\"sgxtcbcomp{:02}svn\":{},", i, i);
  const std::string text =
      R"({"version":2,"issueDate":"2025-01-01T00:00:00Z","nextUpdate":"2025-02-01T00:00:00Z",)"
      R"("fmspc":"00906ED50000","pceId":"0000","tcbType":0,"tcbEvaluationDataNumber":12,"tcbLevels":[{"tcb":{)" +
      components + R"("pcesvn":11},"tcbDate":"2021-11-10T00:00:00Z","tcbStatus":"OutOfDate"}]})";
  ASSERT_OK_AND_ASSIGN(const TcbInfo two, TcbInfoOf(text));
  EXPECT_EQ(two.version, 2U);
  EXPECT_EQ(two.levels[0].tcb.components[0], 1);
  EXPECT_EQ(two.levels[0].tcb.components[15], 16);
  EXPECT_EQ(two.levels[0].tcb.pce_svn, 11);
  EXPECT_THAT(TcbInfoOf(Replaced(text, "\"sgxtcbcomp07svn\":7,", "")),
              Fails(Code::kMalformed, "16 members, wanted 16"));
  EXPECT_THAT(TcbInfoOf(Replaced(text, "sgxtcbcomp07svn", "sgxtcbcomp17svn")),
              Fails(Code::kMalformed, ""));
  EXPECT_THAT(TcbInfoOf(Replaced(text, "\"version\":2", "\"version\":3")),
              Fails(Code::kMalformed, "id"));
}

TEST(TcbInfo, ThatIsNotExactlyThatIsRefused) {
  const std::string good = TcbInfoBody(Recipe());
  const Row rows[] = {
      {"for TDX", "\"id\":\"SGX\"", "\"id\":\"TDX\"", Code::kUnsupported, "for TDX, wanted SGX"},
      {"version 4", "\"version\":3", "\"version\":4", Code::kUnsupported, "version 4"},
      {"version 1", "\"version\":3", "\"version\":1", Code::kUnsupported, "version 1"},
      {"a TDX module", "\"id\":\"SGX\"", "\"id\":\"SGX\",\"tdxModule\":{}", Code::kMalformed,
       "tdxModule is unknown"},
      {"another type", "\"tcbType\":0", "\"tcbType\":1", Code::kUnsupported, "tcbType 1"},
      {"short FMSPC", "00606A000000", "00606A0000", Code::kMalformed, "fmspc has 10 characters"},
      {"FMSPC no hex", "00606A000000", "00606A00000x", Code::kMalformed, "fmspc"},
      {"PCE id missing", "\"pceId\":\"0000\",", "", Code::kMalformed, "pceId"},
      {"number as text", "\"tcbEvaluationDataNumber\":19", "\"tcbEvaluationDataNumber\":\"19\"",
       Code::kMalformed, ""},
      {"negative number", "\"tcbEvaluationDataNumber\":19", "\"tcbEvaluationDataNumber\":-1",
       Code::kMalformed, ""},
      {"fraction", "\"pcesvn\":10", "\"pcesvn\":10.0", Code::kMalformed, ""},
      {"SVN 256 (truncated to a byte in QVL's history)", "{\"svn\":10}", "{\"svn\":256}",
       Code::kMalformed, "is 256"},
      {"PCE SVN 65536", "\"pcesvn\":10", "\"pcesvn\":65536", Code::kMalformed, "is 65536"},
      {"15 components (zip that stops early, dcap-qvl #164)", "{\"svn\":10},", "", Code::kMalformed,
       "15 components"},
      {"17 components", "{\"svn\":10},", "{\"svn\":10},{\"svn\":10},", Code::kMalformed,
       "17 components"},
      {"component without svn", "{\"svn\":10}", "{\"type\":\"x\"}", Code::kMalformed, "svn"},
      {"unknown status", "UpToDate", "Fine", Code::kMalformed, "\"Fine\""},
      {"date without time", "2025-01-01T00:00:00Z", "2025-01-01", Code::kMalformed, "tcbDate"},
      {"no levels", "\"tcbLevels\":[", "\"tcbLevels\":[],\"other\":[", Code::kMalformed, "unknown"},
      {"levels no array", "\"tcbLevels\":[", "\"tcbLevels\":{},\"x\":[", Code::kMalformed, ""},
      {"unknown member of a level", "\"tcbDate\"", "\"extra\":1,\"tcbDate\"", Code::kMalformed,
       "extra is unknown"},
      {"advisories no array", "\"tcbStatus\"", "\"advisoryIDs\":\"x\",\"tcbStatus\"",
       Code::kMalformed, "no array"},
      {"empty advisory", "\"tcbStatus\"", "\"advisoryIDs\":[\"\"],\"tcbStatus\"", Code::kMalformed,
       "0 characters"},
  };
  for (const Row& row : rows) {
    EXPECT_THAT(TcbInfoOf(Replaced(good, row.what, row.with)), Fails(row.code, row.text))
        << row.name;
  }
}

TEST(QeIdentity, ThatIsNotExactlyThatIsRefused) {
  const std::string good = QeIdentityBody(Recipe());
  ASSERT_OK_AND_ASSIGN(const QeIdentity identity, QeIdentityOf(good));
  EXPECT_EQ(identity.isv_prod_id, 1);
  EXPECT_EQ(identity.levels.size(), 1U);
  const Row rows[] = {
      {"for TDX", "\"id\":\"QE\"", "\"id\":\"TD_QE\"", Code::kUnsupported,
       "\"TD_QE\", wanted \"QE\""},
      {"of the verification enclave", "\"id\":\"QE\"", "\"id\":\"QVE\"", Code::kUnsupported, "QVE"},
      {"version 1", "\"version\":2", "\"version\":1", Code::kUnsupported, "version 1"},
      {"short mask", "FBFFFFFFFFFFFFFF0000000000000000", "FBFF", Code::kMalformed,
       "attributesMask"},
      {"short miscselect", "\"miscselect\":\"00000000\"", "\"miscselect\":\"0000\"",
       Code::kMalformed, "miscselect"},
      {"no mrsigner", "\"mrsigner\"", "\"mrSigner\"", Code::kMalformed, ""},
      {"product id beyond 16 bits", "\"isvprodid\":1", "\"isvprodid\":65536", Code::kMalformed,
       "65536"},
      {"level without isvsvn", "{\"isvsvn\":8}", "{}", Code::kMalformed, "isvsvn"},
      {"level beyond 16 bits", "{\"isvsvn\":8}", "{\"isvsvn\":65536}", Code::kMalformed, "65536"},
      {"unknown member", "\"id\":\"QE\"", "\"id\":\"QE\",\"x\":1", Code::kMalformed,
       "x is unknown"},
  };
  for (const Row& row : rows) {
    EXPECT_THAT(QeIdentityOf(Replaced(good, row.what, row.with)), Fails(row.code, row.text))
        << row.name;
  }
}

TEST(QeIdentity, MatchesReportsUnderItsMasks) {
  ASSERT_OK_AND_ASSIGN(const QeIdentity identity, QeIdentityOf(QeIdentityBody(Recipe())));
  SgxReportBody report = Recipe().qe_report;
  EXPECT_OK(MatchQeReport(identity, EncodeSgxReportBody(report)));
  report.attributes_flags &= ~kSgxFlagMode64Bit;  // free under the mask
  report.attributes_xfrm = 0xe7;
  EXPECT_OK(MatchQeReport(identity, EncodeSgxReportBody(report)));
  report.attributes_flags |= kSgxFlagDebug;
  EXPECT_THAT(MatchQeReport(identity, EncodeSgxReportBody(report)),
              Fails(Code::kUntrusted, "ATTRIBUTES"));
  report = Recipe().qe_report;
  report.attributes_flags &= ~kSgxFlagInit;
  EXPECT_THAT(MatchQeReport(identity, EncodeSgxReportBody(report)),
              Fails(Code::kUntrusted, "ATTRIBUTES"));
  EXPECT_THAT(MatchQeReport(identity, Bytes(383, 0)), Fails(Code::kMalformed, ""));
}

TEST(SignedJson, TruncatedAnywhereIsMalformed) {
  const std::string text = R"({"tcbInfo":{"a":1},"signature":")" + std::string(128, '0') + R"("})";
  EXPECT_OK(SignedJson::Parse(text, "tcbInfo"));
  EXPECT_OK(SignedJson::Parse(text + "\n", "tcbInfo"));
  strongroom::testing::ForEachTruncation(AsBytes(text), [](ByteView cut, std::size_t size) {
    EXPECT_THAT(SignedJson::Parse(AsText(cut), "tcbInfo"), Fails(Code::kMalformed, "")) << size;
  });
  EXPECT_THAT(SignedJson::Parse(text, "enclaveIdentity"),
              Fails(Code::kMalformed, "tcbInfo is unknown"));
}

TEST(SignedJson, CoversTheExactBytesOfItsBody) {
  ASSERT_OK_AND_ASSIGN(const auto key, crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  ASSERT_OK_AND_ASSIGN(const std::string text,
                       testing::SignDocument("tcbInfo", R"({ "a" : 1 })", key));
  ASSERT_OK_AND_ASSIGN(const SignedJson good, SignedJson::Parse(text, "tcbInfo"));
  EXPECT_OK(good.VerifySignature(key.public_key()));
  strongroom::testing::ForEachFlippedByte(AsBytes(text), [&](ByteView changed, std::size_t offset) {
    const auto parsed = SignedJson::Parse(AsText(changed), "tcbInfo");
    if (!parsed) return;
    EXPECT_FALSE(parsed->VerifySignature(key.public_key()).has_value()) << offset;
  });
}

}  // namespace
}  // namespace strongroom::attest::dcap
