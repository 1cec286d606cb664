#include "tee/attestation_protocol.h"

#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::tee {
namespace {

using testing::Fails;

QuoteRequest TestQuoteRequest() {
  QuoteRequest request;
  for (std::size_t i = 0; i < request.report_data.size(); ++i) {
    request.report_data[i] = static_cast<std::uint8_t>(i);
  }
  return request;
}

std::vector<AttestationRequest> AllRequests() {
  return {TestQuoteRequest(), SealingKeyRequest{.policy = SealPolicy::kEnclave},
          SealingKeyRequest{.policy = SealPolicy::kSigner}};
}

TEST(Request, IsReadAsItWasWritten) {
  for (const AttestationRequest& request : AllRequests()) {
    const Bytes packet = SerializeRequest(request);
    EXPECT_LE(packet.size(), kMaxRequestBytes);
    ASSERT_OK_AND_ASSIGN(const AttestationRequest read, ParseRequest(packet));
    EXPECT_EQ(read, request);
  }
}

TEST(Request, TruncatedIsNone) {
  for (const AttestationRequest& request : AllRequests()) {
    testing::ForEachTruncation(SerializeRequest(request), [](ByteView cut, std::size_t length) {
      EXPECT_THAT(ParseRequest(cut), Fails(Code::kMalformed, "attestation request")) << length;
    });
  }
}

TEST(Request, WithMoreBehindItIsNone) {
  for (const AttestationRequest& request : AllRequests()) {
    EXPECT_FALSE(ParseRequest(Concat({SerializeRequest(request), Bytes(1)})).has_value());
  }
}

TEST(Request, FlippedIsAnotherOrNone) {
  for (const AttestationRequest& request : AllRequests()) {
    testing::ForEachFlippedByte(SerializeRequest(request),
                                [&](ByteView flipped, std::size_t offset) {
                                  const auto read = ParseRequest(flipped);
                                  EXPECT_TRUE(!read.has_value() || *read != request) << offset;
                                });
  }
}

TEST(Answer, IsReadAsItWasWritten) {
  for (const std::size_t size : {0UL, 1UL, 16UL, 4600UL, kMaxAnswerPayloadBytes}) {
    const SecretBytes frame = SerializeAnswer(SecretBytes(Bytes(size, 0x5a)));
    ASSERT_OK_AND_ASSIGN(const SecretBytes payload, ParseAnswer(frame.Reveal()));
    EXPECT_EQ(payload, SecretBytes(Bytes(size, 0x5a)));
  }
}

TEST(Answer, CarriesEveryError) {
  for (int code = static_cast<int>(Code::kMalformed); code <= static_cast<int>(Code::kInternal);
       ++code) {
    const Result<SecretBytes> answer =
        std::unexpected(Error(static_cast<Code>(code), "found this, wanted that"));
    EXPECT_THAT(ParseAnswer(SerializeAnswer(answer).Reveal()),
                Fails(static_cast<Code>(code), "found this, wanted that"));
  }
}

TEST(Answer, BoundsAndCleansTheOtherSidesText) {
  const Result<SecretBytes> answer = Denied(std::string(10'000, 'x'));
  EXPECT_EQ(ParseAnswer(SerializeAnswer(answer).Reveal()).error().message().size(), 512U);
  const Result<SecretBytes> forged = Denied("one\ntwo\x1b[0m");
  EXPECT_EQ(ParseAnswer(SerializeAnswer(forged).Reveal()).error().message(), "one?two?[0m");
}

TEST(Answer, RefusesWhatIsNone) {
  const struct {
    Bytes frame;
    Code code;
    const char* text;
  } rows[] = {
      {{}, Code::kMalformed, "attestation answer"},
      {{2, 0, 0, 0, 0, 0}, Code::kUnsupported, "version 2, wanted 1"},
      {{1, 0, 1, 0, 0, 0}, Code::kMalformed, "attestation answer"},
      {{1, 0, 0, 0, 0, 0, 9}, Code::kMalformed, "attestation answer"},
      {{1, 0, 1, 0, 1, 0}, Code::kMalformed, "attestation answer"},
      {{1, 13, 0, 0, 0, 0}, Code::kMalformed, "status 13, wanted at most 12"},
      {{1, 255, 0, 0, 0, 0}, Code::kMalformed, "status 255"},
  };
  for (const auto& row : rows) EXPECT_THAT(ParseAnswer(row.frame), Fails(row.code, row.text));
  Bytes long_error = {1, 3, 1, 2, 0, 0};
  long_error.resize(long_error.size() + 513, 'x');
  EXPECT_THAT(ParseAnswer(long_error), Fails(Code::kMalformed, "error of 513 bytes"));
}

TEST(Answer, FlippedIsAnotherOrNone) {
  constexpr std::size_t kHeaderBytes = 6;
  const Result<SecretBytes> answer = SecretBytes(Bytes(16, 1));
  const SecretBytes frame = SerializeAnswer(answer);
  testing::ForEachFlip(frame.Reveal(), [&](ByteView flipped, std::size_t offset) {
    const Result<SecretBytes> read = ParseAnswer(flipped);
    EXPECT_EQ(read.has_value(), offset >= kHeaderBytes) << offset;
    EXPECT_FALSE(read.has_value() && *read == *answer) << offset;
  });
}

TEST(Answer, TruncatedIsNone) {
  const SecretBytes frame = SerializeAnswer(SecretBytes(Bytes(16, 1)));
  testing::ForEachTruncation(frame.Reveal(), [](ByteView cut, std::size_t length) {
    EXPECT_FALSE(ParseAnswer(cut).has_value()) << length;
  });
}

}  // namespace
}  // namespace strongroom::tee
