// What clients make of a server's bytes, without sockets.

#include "net/client_session.h"

#include "net/grpc_call.h"
#include "net/grpc_codec.h"
#include "net/session_testing.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::net {
namespace {

using testing::ForEachFlip;
using testing::ForEachTruncation;

constexpr std::size_t kMaxBody = 4096;
constexpr ClientLimits kLimits{.max_body_bytes = kMaxBody, .lead = kGrpcPrefix};

// The outcome of one call whose server says `bytes` and closes; exactly one is told.
Result<IncomingResponse> Ask(bool http2, OutgoingRequest request, ByteView bytes) {
  const auto host = std::make_shared<FakeHost>();
  const auto session =
      http2 ? MakeHttp2ClientSession(host, kLimits) : MakeHttp1ClientSession(host, kLimits);
  std::vector<ClientSession::Outcome> outcomes;
  session->Submit(std::move(request),
                  [&](auto outcome) { outcomes.push_back(std::move(outcome)); });
  const auto send = [&] {
    host->RunTasks();
    Buffer out;
    session->Produce(out, 64 * 1024);
  };
  send();
  session->Receive(bytes);
  send();
  if (!session->Done()) session->ReceiveEnd();
  host->RunTasks();
  session->Abandon(Error(Code::kUnavailable, "the connection ended"));
  EXPECT_EQ(outcomes.size(), 1U);
  if (outcomes.empty()) return Internal("nothing was told");
  return std::move(outcomes.front().response);
}

OutgoingRequest Get() {
  return {.method = "GET", .scheme = "http", .authority = "a", .target = "/"};
}

constexpr std::string_view kCounted =
    "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello";
constexpr std::string_view kChunked =
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";

std::string Http2Answer() {
  return Encode({kSettingsFrame, 0, 0, ""}) +
         Encode({kHeadersFrame, kEndHeaders, 1,
                 Literals({{":status", "200"}, {"content-type", "text/plain"}})}) +
         Encode({kDataFrame, kEndStream, 1, "hello"});
}

struct Row {
  const char* name;
  bool http2;
  std::string bytes;
};

std::vector<Row> Rows() {
  return {{"HTTP/1.1 with a length", false, std::string(kCounted)},
          {"HTTP/1.1 in chunks", false, std::string(kChunked)},
          {"HTTP/2", true, Http2Answer()}};
}

TEST(ClientSessionTest, AnAnswerCutAnywhereIsNone) {
  for (const Row& row : Rows()) {
    ASSERT_OK_AND_ASSIGN(const IncomingResponse whole, Ask(row.http2, Get(), AsBytes(row.bytes)));
    EXPECT_EQ(AsText(whole.body.view()), "hello") << row.name;
    ForEachTruncation(AsBytes(row.bytes), [&](ByteView cut, std::size_t size) {
      const auto response = Ask(row.http2, Get(), cut);
      ASSERT_FALSE(response.has_value()) << row.name << " " << size;
      EXPECT_FALSE(response.error().message().empty()) << row.name << " " << size;
    });
  }
}

// TLS keeps strangers from flipping bytes; from a server that does, no call gets more than it sent.
TEST(ClientSessionTest, AnAnswerWithAFlippedByteIsRefusedOrWithinWhatCame) {
  for (const Row& row : Rows()) {
    ForEachFlip(AsBytes(row.bytes), [&](ByteView flipped, std::size_t offset) {
      const auto response = Ask(row.http2, Get(), flipped);
      if (!response.has_value()) {
        EXPECT_FALSE(response.error().message().empty());
        return;
      }
      EXPECT_TRUE(response->status >= 100 && response->status <= 999)
          << row.name << " " << offset << ": " << response->status;
      EXPECT_LE(response->body.size(), row.bytes.size()) << row.name << " " << offset;
    });
  }
}

// What may be asked again after the connection is lost: `reach` of a call of which the server has
// said `bytes`.
ClientSession::Reach ReachAfter(bool http2, std::string_view bytes) {
  const auto host = std::make_shared<FakeHost>();
  const auto session =
      http2 ? MakeHttp2ClientSession(host, kLimits) : MakeHttp1ClientSession(host, kLimits);
  std::optional<ClientSession::Reach> reach;
  session->Submit(Get(), [&](auto outcome) { reach = outcome.reach; });
  Buffer out;
  session->Produce(out, 64 * 1024);
  session->Receive(AsBytes(bytes));
  session->Abandon(Error(Code::kUnavailable, "the connection ended"));
  return reach.value();
}

TEST(ClientSessionTest, TellsHowFarALostCallCame) {
  using Reach = ClientSession::Reach;
  const std::string settings = Encode({kSettingsFrame, 0, 0, ""});
  const std::string head = Encode({kHeadersFrame, kEndHeaders, 1, Literals({{":status", "200"}})});
  EXPECT_EQ(ReachAfter(true, ""), Reach::kUnanswered);
  EXPECT_EQ(ReachAfter(true, settings), Reach::kUnanswered);
  EXPECT_EQ(ReachAfter(true, settings + head), Reach::kAnswered);
  // Leaving: stream 1 will not be looked at.
  EXPECT_EQ(ReachAfter(true, settings + Encode({kGoAwayFrame, 0, 0, std::string(8, '\0')})),
            Reach::kUntouched);
  // Refused, unless it had begun to be answered.
  const std::string refused = Encode({kResetFrame, 0, 1, std::string("\0\0\0\x07", 4)});
  EXPECT_EQ(ReachAfter(true, settings + refused), Reach::kUntouched);
  EXPECT_EQ(ReachAfter(true, settings + head + refused), Reach::kAnswered);
  EXPECT_EQ(ReachAfter(false, ""), Reach::kUnanswered);
  EXPECT_EQ(ReachAfter(false, "HTTP/1.1 2"), Reach::kAnswered);
}

TEST(ClientSessionTest, FinishedCallsAreForgotten) {
  const auto host = std::make_shared<FakeHost>();
  const auto session = MakeHttp2ClientSession(host, kLimits);
  int answered = 0;
  session->Submit(Get(), [&](auto outcome) { answered += outcome.response.has_value(); });
  Buffer out;
  session->Produce(out, 64 * 1024);
  session->Receive(AsBytes(Http2Answer()));
  EXPECT_EQ(answered, 1);
  EXPECT_FALSE(session->Done());
  session->Drain();
  EXPECT_TRUE(session->Done());  // nothing is left to wait for
  session->Abandon(Error(Code::kUnavailable, "the test is over"));
}

TEST(ClientSessionTest, ACallBehindAGoodbyeIsUntouched) {
  const auto host = std::make_shared<FakeHost>();
  const auto session = MakeHttp2ClientSession(host, kLimits);
  session->Receive(AsBytes(Encode({kSettingsFrame, 0, 0, ""}) +
                           Encode({kGoAwayFrame, 0, 0, std::string(8, '\0')})));
  std::optional<ClientSession::Reach> reach;
  session->Submit(Get(), [&](auto outcome) { reach = outcome.reach; });
  EXPECT_EQ(reach, ClientSession::Reach::kUntouched);
  session->Abandon(Error(Code::kUnavailable, "the test is over"));
}

// --- gRPC ---

std::string GrpcAnswer(ByteView message, bool packed) {
  const Bytes body = packed ? GzipPack(message).value() : ToBytes(message);
  std::vector<std::pair<std::string, std::string>> fields = {{":status", "200"},
                                                             {"content-type", "application/grpc"}};
  if (packed) fields.emplace_back("grpc-encoding", "gzip");
  return Encode({kSettingsFrame, 0, 0, ""}) +
         Encode({kHeadersFrame, kEndHeaders, 1, Literals(fields)}) +
         Encode({kDataFrame, 0, 1, ToText(Concat({GrpcPrefix(packed, body.size()), body}))}) +
         Encode({kHeadersFrame, kEndHeaders | kEndStream, 1,
                 Literals({{"grpc-status", "0"}, {"grpc-message", "fine"}})});
}

Result<GrpcOutcome> Call(ByteView bytes) {
  ASSIGN_OR_RETURN(OutgoingRequest request, FrameGrpcCall("a", false, "/s/M", {}, {}));
  ASSIGN_OR_RETURN(IncomingResponse response, Ask(true, std::move(request), bytes));
  return ReadGrpcOutcome(std::move(response), kMaxBody);
}

TEST(GrpcAnswerTest, CutAnywhereIsNoSuccess) {
  for (const bool packed : {false, true}) {
    const std::string good = GrpcAnswer(AsBytes("a message"), packed);
    ASSERT_OK_AND_ASSIGN(const GrpcOutcome whole, Call(AsBytes(good)));
    ASSERT_EQ(whole.status, GrpcStatus::kOk);
    EXPECT_EQ(AsText(whole.reply), "a message");
    ForEachTruncation(AsBytes(good), [&](ByteView cut, std::size_t size) {
      const auto outcome = Call(cut);
      EXPECT_FALSE(outcome.has_value() && outcome->status == GrpcStatus::kOk) << size;
    });
  }
}

// What is called a success holds one whole message of the announced length. Gzip has a checksum:
// only without the flag that says so are the packed bytes taken for the message.
TEST(GrpcAnswerTest, WithAFlippedByteIsRefusedOrOneWholeMessage) {
  for (const bool packed : {false, true}) {
    const std::string good = GrpcAnswer(AsBytes("a message"), packed);
    const std::string raw = packed ? ToText(GzipPack(AsBytes("a message")).value()) : "";
    ForEachFlip(AsBytes(good), [&](ByteView flipped, std::size_t offset) {
      const auto outcome = Call(flipped);
      if (!outcome.has_value() || outcome->status != GrpcStatus::kOk) return;
      if (packed) {
        EXPECT_TRUE(AsText(outcome->reply) == "a message" || AsText(outcome->reply) == raw)
            << offset;
      } else {
        EXPECT_EQ(outcome->reply.size(), 9U) << offset;
      }
    });
  }
}

Result<GrpcMessage> Unpack(ByteView body, std::string_view encoding) {
  Buffer buffer(kGrpcPrefix);
  buffer.Append(body);
  return UnpackGrpcBody(std::move(buffer), encoding, kMaxBody);
}

TEST(GrpcUnpackTest, CutAnywhereIsRefused) {
  for (const bool packed : {false, true}) {
    const Bytes content =
        packed ? GzipPack(AsBytes("a message")).value() : ToBytes(AsBytes("a message"));
    const Bytes body = Concat({GrpcPrefix(packed, content.size()), content});
    ASSERT_OK_AND_ASSIGN(const GrpcMessage whole, Unpack(body, "gzip"));
    EXPECT_EQ(AsText(whole.view()), "a message");
    ForEachTruncation(body, [&](ByteView cut, std::size_t size) {
      EXPECT_THAT(Unpack(cut, "gzip"), testing::Fails(Code::kMalformed, "")) << size;
    });
  }
}

TEST(GrpcUnpackTest, AFlippedByteIsRefusedOrChangesOneByte) {
  const Bytes body = Concat({GrpcPrefix(false, 9), AsBytes("a message")});
  ForEachFlip(body, [](ByteView flipped, std::size_t offset) {
    const auto message = Unpack(flipped, "identity");
    EXPECT_EQ(message.has_value(), offset >= kGrpcPrefix) << offset;
    if (message.has_value()) {
      EXPECT_TRUE(Equal(message->view(), flipped.subspan(kGrpcPrefix)));
    }
  });
}

// The header's time and the bits that fill up the last byte mean nothing.
TEST(GzipTest, AFlippedByteIsRefusedOrMeansNothing) {
  Bytes content = ToBytes(AsBytes("some text, some text again, and at the end "));
  for (int i = 0; i < 300; ++i) content.push_back(static_cast<std::uint8_t>(i * i));
  const Bytes packed = GzipPack(content).value();
  ForEachFlip(packed, [&](ByteView flipped, std::size_t offset) {
    const auto unpacked = GzipUnpack(flipped, kMaxBody);
    if (unpacked.has_value()) {
      EXPECT_TRUE(Equal(unpacked->view(), content)) << offset;
    } else {
      EXPECT_THAT(unpacked.error().code(), ::testing::AnyOf(Code::kMalformed, Code::kExhausted))
          << offset;
    }
  });
}

}  // namespace
}  // namespace strongroom::net
