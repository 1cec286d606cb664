#include "simtee/attestation_server.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <thread>
#include <vector>

#include "attest/quote.h"
#include "base/entropy.h"
#include "tee/attestation_socket.h"
#include "testing/result_matchers.h"

namespace strongroom::simtee {
namespace {

using strongroom::testing::Fails;

constexpr UnixSeconds kNow{1'795'000'000};

const sim::World& TestWorld() {
  static const sim::World world = [] {
    SystemEntropy entropy;
    return sim::World::Create(entropy, kNow).value();
  }();
  return world;
}

class AttestationServerTest : public ::testing::Test {
 protected:
  AttestationServerTest() {
    AttestationSocketPair pair = MakeAttestationSocket().value();
    raw_ = UniqueFd(fcntl(pair.workload.get(), F_DUPFD_CLOEXEC, 3));
    source_ = tee::OpenAttestationSocket(std::move(pair.workload)).value();
    server_ = std::make_unique<AttestationServer>(std::move(pair.server), enclave_, *log_);
  }

  static std::array<std::uint8_t, 64> ReportData(std::uint8_t first) {
    std::array<std::uint8_t, 64> data{};
    data[0] = first;
    return data;
  }

  // Sends a packet as it is with `count` answer channels; what comes back on the first.
  Result<SecretBytes> Ask(ByteView packet, std::size_t count = 1) {
    int pair[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    const UniqueFd mine(pair[0]);
    UniqueFd theirs(pair[1]);
    std::vector<int> passed(count, theirs.get());
    iovec data{.iov_base = const_cast<std::uint8_t*>(packet.data()), .iov_len = packet.size()};
    alignas(cmsghdr) std::array<char, 256> control{};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    if (count > 0) {
      message.msg_control = control.data();
      message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
      cmsghdr* header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(sizeof(int) * count);
      std::memcpy(CMSG_DATA(header), passed.data(), sizeof(int) * count);
    }
    EXPECT_GE(sendmsg(raw_.get(), &message, MSG_NOSIGNAL), 0);
    theirs.Reset();
    Bytes frame(70'000);
    std::size_t size = 0;
    for (ssize_t n = recv(mine.get(), frame.data(), frame.size(), MSG_WAITALL); n > 0;
         n = recv(mine.get(), frame.data() + size, frame.size() - size, MSG_WAITALL)) {
      size += static_cast<std::size_t>(n);
    }
    return tee::ParseAnswer(ByteView(frame).first(size));
  }

  const std::unique_ptr<Log> log_ = Log::ToFd("test", LogLevel::kError, LogFormat::kText, 2);
  const Enclave enclave_{TestWorld(), TestWorld().platforms().front(), {}};
  UniqueFd raw_;
  std::unique_ptr<tee::EvidenceSource> source_;
  std::unique_ptr<AttestationServer> server_;
};

TEST_F(AttestationServerTest, AnswersQuotesAndKeys) {
  ASSERT_OK_AND_ASSIGN(const Bytes quote, source_->Quote(ReportData(7)));
  ASSERT_OK_AND_ASSIGN(const auto parsed, attest::ParseQuote(quote));
  EXPECT_EQ(parsed.body.report_data.view()[0], 7);
  ASSERT_OK_AND_ASSIGN(const SecretBytes by_signer, source_->SealingKey(tee::SealPolicy::kSigner));
  ASSERT_OK_AND_ASSIGN(const SecretBytes by_enclave,
                       source_->SealingKey(tee::SealPolicy::kEnclave));
  EXPECT_EQ(by_signer.size(), tee::kSealingKeyBytes);
  EXPECT_FALSE(by_signer == by_enclave);
}

TEST_F(AttestationServerTest, GivesEveryThreadItsOwnAnswer) {
  std::vector<std::string> failures(8);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < failures.size(); ++i) {
      threads.emplace_back([&, i] {
        for (int round = 0; round < 10; ++round) {
          // Quote compares the report data that came back with what was asked for.
          const auto quote = source_->Quote(ReportData(static_cast<std::uint8_t>(i)));
          if (!quote.has_value()) failures[i] = quote.error().ToString();
        }
      });
    }
  }
  for (const std::string& failure : failures) EXPECT_EQ(failure, "");
}

TEST_F(AttestationServerTest, RefusesWhatIsNoRequestAndGoesOn) {
  EXPECT_THAT(Ask(Bytes{2, 1}), Fails(Code::kUnsupported, "version 2, wanted 1"));
  EXPECT_THAT(Ask(Bytes{1, 9}), Fails(Code::kUnsupported, "operation 9"));
  EXPECT_THAT(Ask(Bytes{1, 1, 5}), Fails(Code::kMalformed, "attestation request"));
  EXPECT_THAT(Ask(Bytes{1, 2, 3}), Fails(Code::kMalformed, "seal policy 3"));
  EXPECT_THAT(Ask(Bytes{1, 2, 1, 0}), Fails(Code::kMalformed, "attestation request"));
  EXPECT_THAT(Ask(Bytes(200, 1)), Fails(Code::kExhausted, "too long"));
  EXPECT_OK(source_->Quote(ReportData(1)));
}

TEST_F(AttestationServerTest, AnswersOnExactlyOneChannel) {
  const Bytes request = tee::SerializeRequest(tee::SealingKeyRequest{});
  EXPECT_THAT(Ask(request, 0), Fails(Code::kMalformed, "attestation answer"));
  EXPECT_THAT(Ask(request, 2), Fails(Code::kMalformed, "attestation answer"));
  EXPECT_THAT(Ask(request, 12), Fails(Code::kMalformed, "attestation answer"))
      << "more than it takes";
  EXPECT_OK(Ask(request, 1));
}

TEST_F(AttestationServerTest, GoneIsUnavailable) {
  server_.reset();
  EXPECT_THAT(source_->Quote(ReportData(1)), Fails(Code::kUnavailable, "attestation socket"));
}

TEST_F(AttestationServerTest, SurvivesAnAskerThatDoesNotWait) {
  const Bytes request = tee::SerializeRequest(tee::QuoteRequest{});
  for (int i = 0; i < 20; ++i) {
    int pair[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    const UniqueFd mine(pair[0]);  // closed at once
    const UniqueFd theirs(pair[1]);
    iovec data{.iov_base = const_cast<std::uint8_t*>(request.data()), .iov_len = request.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    const int fd = theirs.get();
    std::memcpy(CMSG_DATA(header), &fd, sizeof(int));
    ASSERT_GE(sendmsg(raw_.get(), &message, MSG_NOSIGNAL), 0);
  }
  EXPECT_OK(source_->Quote(ReportData(1)));
}

}  // namespace
}  // namespace strongroom::simtee
