#include <array>
#include <random>

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

// Bodies of frames of several sizes, padded ones and other streams' among them, however they are
// cut.
TEST(Http2SessionTest, BodiesReadInPlaceAreTheSame) {
  const auto post = [](std::uint32_t id, const std::string& size) {
    return Encode({kHeadersFrame, kEndHeaders, id,
                   RequestFields("POST", "/digest", {{"content-length", size}})});
  };
  std::mt19937 random(7);
  const auto text = [&random](std::size_t size) {
    std::string out(size, '\0');
    for (char& c : out) c = static_cast<char>(random());
    return out;
  };
  std::array<std::string, 2> bodies;
  std::string data;
  for (const std::size_t size : {5000U, 100U, 16384U, 200'000U, 1024U, 1023U, 16384U, 60'000U}) {
    for (const std::uint32_t id : {1U, 3U}) {
      const std::string part = text(size + id);
      bodies[id / 2] += part;
      const bool padded = size == 16384U && id == 3U;
      data += Encode({kDataFrame, padded ? kPadded : std::uint8_t{0}, id,
                      padded ? "\x05" + part + "12345" : part});
    }
    data += Encode({kPingFrame, 0, 0, "12345678"});
  }
  for (const std::uint32_t id : {1U, 3U}) data += Encode({kDataFrame, kEndStream, id, ""});
  const std::string wire = Preface() + Encode({kSettingsFrame, kAck, 0, ""}) +
                           post(1, std::to_string(bodies[0].size())) +
                           post(3, std::to_string(bodies[1].size())) + data;
  for (const std::size_t most :
       {std::size_t{1}, std::size_t{700}, std::size_t{16384}, wire.size()}) {
    SessionUnderTest t(Protocol::kHttp2, {});
    std::string out;
    for (std::size_t at = 0; at < wire.size();) {
      const std::size_t n = std::min(wire.size() - at, 1 + random() % most);
      out += t.Exchange(std::string_view(wire).substr(at, n));
      at += n;
    }
    for (const std::uint32_t id : {1U, 3U}) EXPECT_EQ(DataOf(out, id), DigestText(bodies[id / 2]));
    EXPECT_EQ(t.buffered(), 0U);
    if (most == 16384U) {
      EXPECT_GT(t.placed(), wire.size() / 2);
    }
  }
}

// The frame ends while its stream is gone, was answered, or has broken its promised length: what
// follows is read as if nothing had been placed.
TEST(Http2SessionTest, PlacesEndWithTheirStream) {
  const std::string half(8000, 'a');
  const auto data = [&half](std::uint32_t id) { return Encode({kDataFrame, 0, id, half + half}); };
  const std::string reset = std::string("\0\0\0\x08", 4);
  struct Row {
    const char* name;
    std::vector<std::pair<std::string, std::string>> fields;
    std::string_view path;
  };
  for (const Row& row : {Row{"too long for its route", {}, "/echo"},
                         Row{"longer than announced", {{"content-length", "5000"}}, "/digest"},
                         Row{"reset", {}, "/digest"}}) {
    SCOPED_TRACE(row.name);
    SessionUnderTest t(Protocol::kHttp2, {});
    t.Exchange(Preface() + Encode({kHeadersFrame, kEndHeaders, 1,
                                   RequestFields("POST", row.path, row.fields)}));
    const std::string frame = data(1);
    std::string out = t.Exchange(std::string_view(frame).substr(0, 6000));
    out += t.Exchange(std::string_view(frame).substr(6000, 3000));
    out += t.Exchange(frame.substr(9000) + Encode({kResetFrame, 0, 1, reset}) + data(1) +
                      GetFrame(3, "/hello"));
    EXPECT_EQ(DataOf(out, 3), "hello");
    EXPECT_EQ(t.buffered(), 0U);
  }
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
