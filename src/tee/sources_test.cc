#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/entropy.h"
#include "base/files.h"
#include "sim/evidence.h"
#include "sim/world.h"
#include "tee/attestation_protocol.h"
#include "tee/attestation_socket.h"
#include "tee/detect.h"
#include "tee/quote_check.h"
#include "testing/result_matchers.h"

namespace strongroom::tee {
namespace {

namespace fs = std::filesystem;
using testing::Fails;

Bytes QuoteOver(std::uint8_t first) {
  static const sim::World world = [] {
    SystemEntropy entropy;
    return sim::World::Create(entropy, UnixSeconds{1'795'000'000}).value();
  }();
  attest::ReportData data;
  data.writable()[0] = first;
  return sim::IssueQuote(world, world.platforms().front(), {}, data).value();
}

std::array<std::uint8_t, 64> ReportData(std::uint8_t first) {
  std::array<std::uint8_t, 64> data{};
  data[0] = first;
  return data;
}

// A folder of plain files that look like Gramine's: what is read and written, and in which form.
// That the files behave as Gramine's do is tested where simtee serves them.
class GramineFilesTest : public ::testing::Test {
 protected:
  GramineFilesTest() {
    fs::create_directory(path() / "keys");
    Put("attestation_type", "dcap");
    Put("user_report_data", std::string(64, '\0'));
    Put("quote", ToText(quote_));
    Put("keys/_sgx_mrenclave", std::string(16, 'e'));
    Put("keys/_sgx_mrsigner", std::string(16, 's'));
  }
  fs::path path() const { return folder_.path(); }
  void Put(const std::string& name, const std::string& content) const {
    std::ofstream(path() / name, std::ios::binary) << content;
  }
  std::unique_ptr<EvidenceSource> Open() const { return OpenGramineFiles(path()).value(); }

  const Bytes quote_ = QuoteOver(7);
  const TemporaryFolder folder_ = TemporaryFolder::Make("strongroom-gramine-test").value();
};

TEST_F(GramineFilesTest, GiveQuotesAndKeys) {
  const auto source = Open();
  ASSERT_OK_AND_ASSIGN(const Bytes quote, source->Quote(ReportData(7)));
  EXPECT_EQ(quote, quote_);
  EXPECT_EQ(ReadTextFile(path() / "user_report_data", 100).value(),
            std::string(1, '\7') + std::string(63, '\0'));
  EXPECT_EQ(source->SealingKey(SealPolicy::kEnclave).value(), SecretBytes(Bytes(16, 'e')));
  EXPECT_EQ(source->SealingKey(SealPolicy::kSigner).value(), SecretBytes(Bytes(16, 's')));
  EXPECT_EQ(source->Description(), "gramine files in " + path().string());
}

TEST_F(GramineFilesTest, GiveNoQuoteOverOtherReportData) {
  EXPECT_THAT(Open()->Quote(ReportData(8)), Fails(Code::kUnavailable, "other report data"));
}

TEST_F(GramineFilesTest, AreRefusedWhenTheyAreNotWhatTheyShouldBe) {
  const auto source = Open();
  Put("quote", std::string("\3\0\2", 3));
  EXPECT_THAT(source->Quote(ReportData(7)), Fails(Code::kMalformed, "the TEE's quote"));
  Put("quote", std::string(70'000, 'x'));
  EXPECT_THAT(source->Quote(ReportData(7)), Fails(Code::kExhausted, ""));
  fs::remove(path() / "quote");
  EXPECT_THAT(source->Quote(ReportData(7)), Fails(Code::kNotFound, "quote"));
  Put("keys/_sgx_mrsigner", "short");
  EXPECT_THAT(source->SealingKey(SealPolicy::kSigner),
              Fails(Code::kMalformed, "has 5 bytes, wanted 16"));
  Put("keys/_sgx_mrsigner", std::string(17, 's'));
  EXPECT_THAT(source->SealingKey(SealPolicy::kSigner), Fails(Code::kExhausted, ""));
  fs::remove(path() / "user_report_data");
  EXPECT_THAT(source->Quote(ReportData(7)), Fails(Code::kNotFound, "user_report_data"));
}

TEST_F(GramineFilesTest, NeedDcapAttestation) {
  Put("attestation_type", "none\n");
  EXPECT_THAT(OpenGramineFiles(path()),
              Fails(Code::kUnsupported, "says \"none\", wanted \"dcap\""));
  Put("attestation_type", "epid");
  EXPECT_THAT(OpenGramineFiles(path()), Fails(Code::kUnsupported, "sgx.remote_attestation"));
  Put("attestation_type", "dcap\n");
  EXPECT_OK(OpenGramineFiles(path()));
}

Environment Named(const std::optional<std::string>& fd) {
  return [fd](const std::string& name) -> std::optional<std::string> {
    return name == kAttestationFdVariable ? fd : std::nullopt;
  };
}

TEST_F(GramineFilesTest, AreFoundWhenThereIsNoSocket) {
  ASSERT_OK_AND_ASSIGN(const auto source, DetectEvidenceSource(Named(std::nullopt), path()));
  EXPECT_EQ(source->Description(), "gramine files in " + path().string());
}

TEST_F(GramineFilesTest, AreNoWayOutOfABrokenSocket) {
  for (const std::string text :
       {"", "x", "3x", "-1", "0", "2", "65536", "99999999999999999999", " 5"}) {
    EXPECT_THAT(DetectEvidenceSource(Named(text), path()),
                Fails(Code::kMalformed, kAttestationFdVariable))
        << text;
  }
  const int closed = fcntl(0, F_DUPFD_CLOEXEC, 900);
  close(closed);
  EXPECT_THAT(DetectEvidenceSource(Named(std::to_string(closed)), path()),
              Fails(Code::kMalformed, "no socket"));
}

TEST(Detect, SaysWhatItLookedFor) {
  EXPECT_THAT(DetectEvidenceSource(Named(std::nullopt), "/no/such/folder"),
              Fails(Code::kUnsupported,
                    "neither STRONGROOM_ATTESTATION_FD in the environment nor /no/such/folder"));
}

TEST(AttestationSocket, IsOneOfItsKindOnly) {
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  const UniqueFd other(pair[1]);
  EXPECT_THAT(OpenAttestationSocket(UniqueFd(pair[0])),
              Fails(Code::kMalformed, "wanted AF_UNIX and SOCK_SEQPACKET"));
  EXPECT_THAT(OpenAttestationSocket(UniqueFd(open("/dev/null", O_RDWR | O_CLOEXEC))),
              Fails(Code::kMalformed, "no socket"));
}

TEST(AttestationSocket, IsNotInheritedByAccident) {
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
  const UniqueFd other(pair[1]);
  ASSERT_OK_AND_ASSIGN(const auto source,
                       DetectEvidenceSource(Named(std::to_string(pair[0])), "/no/such"));
  EXPECT_EQ(fcntl(pair[0], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  EXPECT_EQ(source->Description(), "attestation socket " + std::to_string(pair[0]));
}

TEST(AttestationSocket, WithoutAnybodyBehindItIsUnavailable) {
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
  UniqueFd other(pair[1]);
  ASSERT_OK_AND_ASSIGN(const auto source, OpenAttestationSocket(UniqueFd(pair[0])));
  other.Reset();
  EXPECT_THAT(source->Quote(ReportData(1)),
              Fails(Code::kUnavailable, "the TEE that started this is gone"));
}

TEST(QuoteCheck, ComparesAllOfTheReportData) {
  auto data = ReportData(7);
  EXPECT_OK(ExpectQuoteOver(QuoteOver(7), data));
  data[63] = 1;
  EXPECT_THAT(ExpectQuoteOver(QuoteOver(7), data), Fails(Code::kUnavailable, "other report data"));
}

}  // namespace
}  // namespace strongroom::tee
