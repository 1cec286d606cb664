#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/grpc_codec.h"
#include "net/session_testing.h"
#include "testing/mutations.h"

namespace strongroom::net {
namespace {

using Protocol = SessionUnderTest::Protocol;

std::string GrpcFrames(std::uint32_t stream, std::string_view method, std::string_view message,
                       const std::vector<std::pair<std::string, std::string>>& more = {}) {
  std::vector<std::pair<std::string, std::string>> fields = {{"content-type", "application/grpc"},
                                                             {"te", "trailers"}};
  fields.insert(fields.end(), more.begin(), more.end());
  const auto prefix = GrpcPrefix(false, message.size());
  return Encode({kHeadersFrame, kEndHeaders, stream, RequestFields("POST", method, fields)}) +
         Encode({kDataFrame, kEndStream, stream, ToText(prefix) + std::string(message)});
}

std::string DataOf(std::string_view bytes, std::uint32_t stream) {
  std::string out;
  for (const Frame& frame : DecodeFrames(bytes)) {
    if (frame.type == kDataFrame && frame.stream == stream) out += frame.payload;
  }
  return out;
}

TEST(Http2SessionTest, AnswersManyStreamsOnOneConnection) {
  SessionUnderTest t(Protocol::kHttp2, {});
  std::string request = Preface();
  for (std::uint32_t id = 1; id < 200; id += 2) request += GetFrame(id, "/hello");
  const std::string out = t.Exchange(request);
  for (std::uint32_t id = 1; id < 200; id += 2) EXPECT_EQ(DataOf(out, id), "hello") << id;
  EXPECT_FALSE(t.session().Done());
  EXPECT_EQ(t.records().size(), 100U);
}

TEST(Http2SessionTest, BytesMayComeOneByOne) {
  SessionUnderTest t(Protocol::kHttp2, {});
  std::string out;
  for (const char c : Preface() + GrpcFrames(1, "/test.Service/Echo", "abc"))
    out += t.Exchange(std::string(1, c));
  EXPECT_EQ(DataOf(out, 1), std::string("\0\0\0\0\3abc", 8));
  EXPECT_EQ(t.records().at(0).grpc_status, "0");
  EXPECT_EQ(t.buffered(), 0U);
}

TEST(Http2SessionTest, LargeAnswersWaitForTheClientsWindow) {
  SessionUnderTest t(Protocol::kHttp2, {});
  std::string out = t.Exchange(Preface() + GetFrame(1, "/big"));
  EXPECT_EQ(DataOf(out, 1).size(), 65535U);
  const std::string grant("\0\x7f\xff\xff", 4);
  out += t.Exchange(Encode({kWindowFrame, 0, 0, grant}) + Encode({kWindowFrame, 0, 1, grant}));
  EXPECT_EQ(DataOf(out, 1).size(), 1U << 20);
}

TEST(Http2SessionTest, ResetStreamsCancelTheirRequest) {
  SessionUnderTest t(Protocol::kHttp2, {});
  t.Exchange(Preface() + GetFrame(1, "/wait") +
             Encode({kResetFrame, 0, 1, std::string("\0\0\0\x08", 4)}));
  ASSERT_EQ(t.records().size(), 1U);
  EXPECT_EQ(t.records()[0].status, 499);
}

TEST(Http2SessionTest, DrainingFinishesWhatIsInFlight) {
  SessionUnderTest t(Protocol::kHttp2, {});
  t.Exchange(Preface() + Encode({kHeadersFrame, kEndHeaders, 1, RequestFields("POST", "/echo")}));
  t.session().Drain();
  EXPECT_EQ(GoAwayCode(t.Take()), 0U);
  EXPECT_FALSE(t.session().Done());
  const std::string out =
      t.Exchange(GetFrame(3, "/hello") + Encode({kDataFrame, kEndStream, 1, "last"}));
  EXPECT_EQ(DataOf(out, 1), "last");
  EXPECT_EQ(DataOf(out, 3), "");
  EXPECT_TRUE(t.session().Done());
}

TEST(Http2SessionTest, GrpcFailuresAreStatuses) {
  struct Row {
    const char* name;
    std::string frames;
    const char* status;
  };
  const std::string flagged =
      Encode({kHeadersFrame, kEndHeaders, 1,
              RequestFields("POST", "/test.Service/Echo", {{"content-type", "application/grpc"}})});
  const Row rows[] = {
      {"unknown method", GrpcFrames(1, "/test.Service/None", "a"), "12"},
      {"dropped", GrpcFrames(1, "/test.Service/Drop", "a"), "13"},
      {"too large", GrpcFrames(1, "/test.Service/Echo", std::string(1001, 'a')), "8"},
      {"unknown encoding", GrpcFrames(1, "/test.Service/Echo", "a", {{"grpc-encoding", "snappy"}}),
       "12"},
      {"bad timeout", GrpcFrames(1, "/test.Service/Echo", "a", {{"grpc-timeout", "1x"}}), "3"},
      {"no message", flagged + Encode({kDataFrame, kEndStream, 1, ""}), "3"},
      {"short message",
       flagged + Encode({kDataFrame, kEndStream, 1, std::string("\0\0\0\0\2a", 6)}), "3"},
      {"two messages",
       flagged + Encode({kDataFrame, kEndStream, 1, std::string("\0\0\0\0\1a\0\0\0\0\1b", 12)}),
       "3"},
      {"packed without encoding",
       flagged + Encode({kDataFrame, kEndStream, 1, std::string("\1\0\0\0\1a", 6)}), "12"},
      {"flag 2", flagged + Encode({kDataFrame, kEndStream, 1, std::string("\2\0\0\0\1a", 6)}), "3"},
  };
  for (const Row& row : rows) {
    SessionUnderTest t(Protocol::kHttp2, {});
    t.Exchange(Preface() + row.frames);
    ASSERT_EQ(t.records().size(), 1U) << row.name;
    EXPECT_EQ(t.records()[0].grpc_status, row.status) << row.name;
    EXPECT_EQ(t.records()[0].status, 200) << row.name;
  }
}

TEST(Http2SessionTest, EveryTruncationAndFlippedByteIsSurvived) {
  const std::string all =
      Preface() + GrpcFrames(1, "/test.Service/Echo", "abc") + GetFrame(3, "/hello");
  testing::ForEachTruncation(AsBytes(all), [&](ByteView bytes, std::size_t offset) {
    SessionUnderTest t(Protocol::kHttp2, {});
    t.Exchange(AsText(bytes));
    t.WaitUntilDone(Milliseconds(300'000));
    EXPECT_TRUE(t.session().Done()) << offset;
  });
  testing::ForEachFlippedByte(AsBytes(all), [&](ByteView bytes, std::size_t offset) {
    SessionUnderTest t(Protocol::kHttp2, {});
    t.Exchange(AsText(bytes));
    t.WaitUntilDone(Milliseconds(300'000));
    EXPECT_TRUE(t.session().Done()) << offset;
  });
}

}  // namespace
}  // namespace strongroom::net
