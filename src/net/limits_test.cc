// One test for each row of docs/protocols/limits.md, without sockets; those that need them are in
// limits_socket_test.cc.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/session_testing.h"

namespace strongroom::net {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using Protocol = SessionUnderTest::Protocol;

// Whether a stream was answered with this HTTP status: the server's table has indices only for a
// few, so the access record is asked.
int StatusOf(const SessionUnderTest& t) {
  return t.records().empty() ? 0 : t.records().back().status;
}

std::string GrpcStatusOf(const SessionUnderTest& t) {
  return t.records().empty() ? "none" : t.records().back().grpc_status;
}

// The beginning of a call whose message is still to come.
std::string GrpcHead(std::uint32_t id) {
  return Encode({kHeadersFrame, kEndHeaders, id,
                 RequestFields("POST", "/test.Service/Echo",
                               {{"content-type", "application/grpc"}, {"te", "trailers"}})});
}

TEST(LimitsTest, IdleTimeout) {
  const Limits limits{.idle_timeout = Milliseconds(5000)};
  for (const Protocol protocol : {Protocol::kHttp1, Protocol::kHttp2}) {
    SessionUnderTest t(protocol, limits);
    t.Exchange(protocol == Protocol::kHttp1 ? "GET /hello HTTP/1.1\r\nhost: x\r\n\r\n"
                                            : Preface() + GetFrame(1, "/hello"));
    t.After(Milliseconds(4900));
    EXPECT_FALSE(t.session().Done());
    const std::string last = t.After(Milliseconds(200));
    EXPECT_TRUE(t.session().Done());
    EXPECT_EQ(GoAwayCode(last), protocol == Protocol::kHttp2 ? std::optional(0U) : std::nullopt);
  }
}

TEST(LimitsTest, HeaderTimeout) {
  const Limits limits{.header_timeout = Milliseconds(5000)};
  SessionUnderTest one(Protocol::kHttp1, limits);
  std::string out;
  // A slowloris: a byte a second keeps nobody alive.
  for (const char c : std::string("GET /hello HTTP/1.1\r\nhost: x")) {
    out += one.Exchange(std::string(1, c));
    out += one.After(Milliseconds(1000));
    if (one.session().Done()) break;
  }
  EXPECT_THAT(out, StartsWith("HTTP/1.1 408"));
  EXPECT_TRUE(one.session().Done());

  SessionUnderTest two(Protocol::kHttp2, limits);
  two.Exchange(Preface() + Encode({kHeadersFrame, 0, 1, RequestFields("GET", "/hello")}));
  EXPECT_EQ(GoAwayCode(two.After(Milliseconds(5100))), kEnhanceYourCalm);

  SessionUnderTest silent(Protocol::kHttp2, limits);
  EXPECT_EQ(GoAwayCode(silent.After(Milliseconds(5100))), kEnhanceYourCalm);
}

TEST(LimitsTest, MaxHeaderBytes) {
  const Limits limits{.max_header_bytes = 2000};
  const std::string value(2000, 'a');
  SessionUnderTest one(Protocol::kHttp1, limits);
  EXPECT_THAT(one.Exchange("GET /hello HTTP/1.1\r\nhost: x\r\na: " + value + "\r\n\r\n"),
              StartsWith("HTTP/1.1 431"));
  SessionUnderTest two(Protocol::kHttp2, limits);
  two.Exchange(Preface() + Encode({kHeadersFrame, kEndHeaders | kEndStream, 1,
                                   RequestFields("GET", "/hello", {{"a", value}})}));
  EXPECT_EQ(StatusOf(two), 431);
}

TEST(LimitsTest, MaxHeaderCount) {
  const Limits limits{.max_header_count = 20};
  std::string lines;
  std::vector<std::pair<std::string, std::string>> fields;
  for (int i = 0; i < 30; ++i) {
    lines += "a: b\r\n";
    fields.emplace_back("a", "b");
  }
  SessionUnderTest one(Protocol::kHttp1, limits);
  EXPECT_THAT(one.Exchange("GET /hello HTTP/1.1\r\nhost: x\r\n" + lines + "\r\n"),
              StartsWith("HTTP/1.1 431"));
  SessionUnderTest two(Protocol::kHttp2, limits);
  two.Exchange(Preface() + Encode({kHeadersFrame, kEndHeaders | kEndStream, 1,
                                   RequestFields("GET", "/hello", fields)}));
  EXPECT_EQ(StatusOf(two), 431);
}

TEST(LimitsTest, MaxTargetBytes) {
  const Limits limits{.max_target_bytes = 100};
  SessionUnderTest two(Protocol::kHttp2, limits);
  two.Exchange(Preface() + GetFrame(1, "/" + std::string(100, 'a')));
  EXPECT_EQ(StatusOf(two), 414);
}

TEST(LimitsTest, SlowBodies) {
  const Limits limits{.body_grace = Milliseconds(5000), .min_body_bytes_per_second = 100};
  SessionUnderTest one(Protocol::kHttp1, limits);
  one.Exchange("POST /large HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n");
  std::string out;
  int seconds = 0;
  for (; seconds < 60 && !one.session().Done(); ++seconds)
    out += one.Exchange(std::string(50, 'a')) + one.After(Milliseconds(1000));
  EXPECT_THAT(out, StartsWith("HTTP/1.1 408"));
  EXPECT_LE(seconds, 7);

  SessionUnderTest fast(Protocol::kHttp1, limits);
  fast.Exchange("POST /large HTTP/1.1\r\nhost: x\r\ncontent-length: 10000\r\n\r\n");
  for (int i = 0; i < 50; ++i)
    out = fast.Exchange(std::string(200, 'a')) + fast.After(Milliseconds(1000));
  EXPECT_THAT(out, StartsWith("HTTP/1.1 200"));

  // What was sent faster than it must be buys no more than the grace.
  SessionUnderTest hasty(Protocol::kHttp1, limits);
  hasty.Exchange("POST /large HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n" +
                 std::string(90'000, 'a'));
  EXPECT_EQ(hasty.After(Milliseconds(4900)), "");
  EXPECT_THAT(hasty.After(Milliseconds(200)), StartsWith("HTTP/1.1 408"));

  SessionUnderTest two(Protocol::kHttp2, limits);
  two.Exchange(Preface() +
               Encode({kHeadersFrame, kEndHeaders, 1, RequestFields("POST", "/large")}));
  two.After(Milliseconds(5100));
  EXPECT_EQ(StatusOf(two), 408);

  SessionUnderTest grpc(Protocol::kHttp2, limits);
  grpc.Exchange(Preface() + GrpcHead(1));
  grpc.After(Milliseconds(5100));
  EXPECT_EQ(GrpcStatusOf(grpc), "4");
}

// One stream after another promises a body; memory is taken for what has come.
TEST(LimitsTest, AnnouncedLengthsCostNothing) {
  SessionUnderTest one(Protocol::kHttp1, {});
  one.Exchange("POST /large HTTP/1.1\r\nhost: x\r\ncontent-length: 10000000\r\n\r\n");
  EXPECT_EQ(one.buffered(), 0U);

  SessionUnderTest two(Protocol::kHttp2, {});
  two.Exchange(Preface());
  for (std::uint32_t id = 1; id < 200; id += 2) {
    two.Exchange(Encode({kHeadersFrame, kEndHeaders, id,
                         RequestFields("POST", "/large", {{"content-length", "10000000"}})}));
  }
  EXPECT_EQ(two.buffered(), 0U);
  two.Exchange(Encode({kDataFrame, 0, 1, std::string(1000, 'a')}));
  EXPECT_EQ(two.buffered(), 4096U);
  two.Exchange(Encode({kDataFrame, 0, 1, std::string(16'000, 'a')}));
  EXPECT_EQ(two.buffered(), 128U << 10);
  two.Exchange(Encode({kResetFrame, 0, 1, std::string("\0\0\0\x08", 4)}));
  EXPECT_EQ(two.buffered(), 0U);
}

// The third body is refused; memory comes in blocks.
void ExpectRoomForTwoBodiesOf4000(const Limits& limits) {
  SessionUnderTest two(Protocol::kHttp2, limits);
  std::string frames = Preface();
  for (std::uint32_t id = 1; id <= 5; id += 2) {
    frames += Encode({kHeadersFrame, kEndHeaders, id, RequestFields("POST", "/large")}) +
              Encode({kDataFrame, 0, id, std::string(4000, 'a')});
  }
  two.Exchange(frames);
  EXPECT_EQ(two.records().size(), 1U);
  EXPECT_EQ(StatusOf(two), 503);
  EXPECT_EQ(two.buffered(), 8192U);
}

TEST(LimitsTest, MaxBufferedBytes) {
  ExpectRoomForTwoBodiesOf4000({.max_buffered_bytes = 10'000});

  SessionUnderTest grpc(Protocol::kHttp2, {.max_buffered_bytes = 1000});
  grpc.Exchange(Preface() + GrpcHead(1) + Encode({kDataFrame, 0, 1, std::string(5, '\0')}));
  EXPECT_EQ(GrpcStatusOf(grpc), "8");
}

// The connection has its share, and what it takes counts for the server too.
TEST(LimitsTest, MaxBufferedBytesPerConnection) {
  ExpectRoomForTwoBodiesOf4000(
      {.max_buffered_bytes = 100'000, .max_buffered_bytes_per_connection = 10'000});
}

// Whoever goes away leaves a body that a handler still has.
TEST(LimitsTest, ABodyIsChargedAsLongAsItsHandlerHasIt) {
  SessionUnderTest two(Protocol::kHttp2, {});
  two.Exchange(Preface() + Encode({kHeadersFrame, kEndHeaders, 1, RequestFields("POST", "/keep")}) +
               Encode({kDataFrame, kEndStream, 1, std::string(3000, 'a')}) +
               Encode({kResetFrame, 0, 1, std::string("\0\0\0\x08", 4)}));
  EXPECT_EQ(two.records().size(), 1U);
  EXPECT_EQ(two.buffered(), 4096U);
  two.ForgetKept();
  EXPECT_EQ(two.buffered(), 0U);
}

TEST(LimitsTest, BodyOfARoute) {
  SessionUnderTest two(Protocol::kHttp2, {});
  two.Exchange(Preface() + Encode({kHeadersFrame, kEndHeaders, 1, RequestFields("POST", "/echo")}) +
               Encode({kDataFrame, 0, 1, std::string(1001, 'a')}));
  EXPECT_EQ(StatusOf(two), 413);
}

TEST(LimitsTest, AnswersThatNobodyTakes) {
  const Limits limits{.write_timeout = Milliseconds(5000)};
  SessionUnderTest two(Protocol::kHttp2, limits);
  two.Exchange(Preface() + GetFrame(1, "/big"));
  const std::string out = two.After(Milliseconds(5100));
  const auto frames = DecodeFrames(out);
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].type, kResetFrame);
}

TEST(LimitsTest, HandlerTimeout) {
  const Limits limits{.handler_timeout = Milliseconds(5000)};
  SessionUnderTest one(Protocol::kHttp1, limits);
  one.Exchange("GET /wait HTTP/1.1\r\nhost: x\r\n\r\n");
  EXPECT_THAT(one.After(Milliseconds(5100)), StartsWith("HTTP/1.1 504"));
  SessionUnderTest two(Protocol::kHttp2, limits);
  two.Exchange(Preface() + GetFrame(1, "/wait"));
  two.After(Milliseconds(5100));
  EXPECT_EQ(StatusOf(two), 504);
}

TEST(LimitsTest, MaxConcurrentStreams) {
  const Limits limits{.max_concurrent_streams = 10};
  std::string frames;
  for (std::uint32_t id = 1; id <= 41; id += 2) frames += GetFrame(id, "/wait");
  // A client that may not have read our settings is told which streams to try again,
  SessionUnderTest early(Protocol::kHttp2, limits);
  std::size_t refused = 0;
  for (const Frame& frame : DecodeFrames(early.Exchange(Preface() + frames))) {
    if (frame.type == kResetFrame && frame.payload == std::string("\0\0\0\x07", 4)) ++refused;
  }
  EXPECT_EQ(refused, 11U);
  // and one that has acknowledged them is in breach of the protocol.
  SessionUnderTest late(Protocol::kHttp2, limits);
  late.Exchange(Preface());
  constexpr std::uint32_t kProtocolError = 1;
  EXPECT_EQ(GoAwayCode(late.Exchange(Encode({kSettingsFrame, 1, 0, ""}) + frames)), kProtocolError);
}

TEST(LimitsTest, WindowsAreLarge) {
  SessionUnderTest two(Protocol::kHttp2, {});
  bool stream_window = false;
  bool connection_window = false;
  for (const Frame& frame : DecodeFrames(two.Exchange(Preface()))) {
    if (frame.type == kSettingsFrame)
      stream_window |= frame.payload.contains(std::string("\0\4\0\x80\0\0", 6));
    if (frame.type == kWindowFrame && frame.stream == 0)
      connection_window |= frame.payload > std::string("\0\x7f\0\0", 4);
  }
  EXPECT_TRUE(stream_window);
  EXPECT_TRUE(connection_window);
}

TEST(LimitsTest, MaxFrameBytes) {
  const auto post = Encode({kHeadersFrame, kEndHeaders, 1, RequestFields("POST", "/large")});
  const Limits limits{.max_frame_bytes = 32 << 10};
  SessionUnderTest two(Protocol::kHttp2, limits);
  two.Exchange(Preface() + Encode({kSettingsFrame, kAck, 0, ""}) + post);
  EXPECT_EQ(GoAwayCode(two.Exchange(Encode({kDataFrame, 0, 1, std::string(32 << 10, 'a')}))),
            std::nullopt);
  constexpr std::uint32_t kFrameSizeError = 6;  // RFC 9113, 7
  EXPECT_EQ(GoAwayCode(two.Exchange(Encode({kDataFrame, 0, 1, std::string((32 << 10) + 1, 'a')}))),
            kFrameSizeError);
}

TEST(LimitsTest, RapidReset) {
  const Limits limits{.reset_burst = 50};
  SessionUnderTest two(Protocol::kHttp2, limits);
  two.Exchange(Preface());
  std::optional<std::uint32_t> code;
  std::uint32_t id = 1;
  for (; id < 1000 && !code; id += 2) {
    code = GoAwayCode(two.Exchange(GetFrame(id, "/wait") +
                                   Encode({kResetFrame, 0, id, std::string("\0\0\0\x08", 4)})));
  }
  EXPECT_EQ(code, kEnhanceYourCalm);
  EXPECT_LE(id / 2, 55U);
}

TEST(LimitsTest, ContinuationFlood) {
  SessionUnderTest two(Protocol::kHttp2, {});
  std::string frames = Preface() + Encode({kHeadersFrame, 0, 1, RequestFields("GET", "/hello")});
  for (int i = 0; i < 20; ++i) frames += Encode({kContinuationFrame, 0, 1, ""});
  two.Exchange(frames);
  EXPECT_TRUE(two.session().Done());
  EXPECT_TRUE(two.records().empty());
}

TEST(LimitsTest, FramesThatMoveNothing) {
  const Limits limits{.idle_frame_burst = 100, .idle_frames_per_second = 10};
  const struct {
    const char* name;
    Frame frame;
  } rows[] = {{"ping", {kPingFrame, 0, 0, "12345678"}},
              {"settings", {kSettingsFrame, 0, 0, ""}},
              {"priority", {kPriorityFrame, 0, 1, std::string("\0\0\0\0\1", 5)}},
              {"empty data", {kDataFrame, 0, 1, ""}},
              {"window update", {kWindowFrame, 0, 0, std::string("\0\0\0\1", 4)}}};
  for (const auto& row : rows) {
    SessionUnderTest two(Protocol::kHttp2, limits);
    two.Exchange(Preface() +
                 Encode({kHeadersFrame, kEndHeaders, 1, RequestFields("POST", "/large")}));
    std::optional<std::uint32_t> code;
    int sent = 0;
    for (; sent < 1000 && !code; ++sent) code = GoAwayCode(two.Exchange(Encode(row.frame)));
    EXPECT_EQ(code, kEnhanceYourCalm) << row.name;
    EXPECT_LE(sent, 110) << row.name;
    ASSERT_TRUE(two.session().Fault().has_value()) << row.name;
    EXPECT_THAT(two.session().Fault()->ToString(), HasSubstr("frames that move nothing"));
    // The same number over a longer time is welcome.
    SessionUnderTest calm(Protocol::kHttp2, limits);
    calm.Exchange(Preface() +
                  Encode({kHeadersFrame, kEndHeaders, 1, RequestFields("POST", "/large")}));
    calm.Exchange(Encode({kDataFrame, 0, 1, std::string(16000, 'a')}));
    for (int i = 0; i < 110; ++i) {
      EXPECT_FALSE(GoAwayCode(calm.Exchange(Encode(row.frame)))) << row.name << i;
      calm.host().Advance(Milliseconds(20));
    }
  }
}

}  // namespace
}  // namespace strongroom::net
