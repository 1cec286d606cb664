#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/session_testing.h"
#include "testing/mutations.h"

namespace strongroom::net {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class Http1Test : public ::testing::Test {
 protected:
  SessionUnderTest& Start(Limits limits = {}) {
    under_test_ = std::make_unique<SessionUnderTest>(SessionUnderTest::Protocol::kHttp1, limits);
    return *under_test_;
  }
  std::unique_ptr<SessionUnderTest> under_test_;
};

constexpr std::string_view kGet = "GET /hello HTTP/1.1\r\nhost: x\r\n\r\n";

TEST_F(Http1Test, AnswersAndKeepsTheConnection) {
  auto& t = Start();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(t.Exchange(kGet),
              "HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: "
              "5\r\n\r\nhello");
    EXPECT_FALSE(t.session().Done());
  }
  EXPECT_EQ(t.records().size(), 3U);
  EXPECT_EQ(t.records()[0].route, "/hello");
}

TEST_F(Http1Test, BytesMayComeOneByOne) {
  auto& t = Start();
  std::string out;
  for (const char c : std::string("POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: "
                                  "chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")) {
    out += t.Exchange(std::string(1, c));
  }
  EXPECT_THAT(out, StartsWith("HTTP/1.1 200 OK"));
  EXPECT_TRUE(out.ends_with("\r\n\r\nabcde")) << out;
  EXPECT_EQ(t.buffered(), 0U);
}

TEST_F(Http1Test, AnEmptyChunkedBodyMayComeOneByOne) {
  auto& t = Start();
  std::string out;
  for (const char c : std::string(
           "POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n")) {
    out += t.Exchange(std::string(1, c));
  }
  EXPECT_THAT(out, StartsWith("HTTP/1.1 200 OK"));
}

TEST_F(Http1Test, ChunkLinesAndTrailersAreBounded) {
  const std::string head = "POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
  for (const char* const begin : {"1;a=", "0\r\nx: ", "0000000000000000"}) {
    auto& t = Start();
    std::string out = t.Exchange(head + begin);
    int sent = 0;
    for (; sent < 1000 && !t.session().Done(); ++sent) out += t.Exchange(std::string(1000, '0'));
    EXPECT_THAT(out, StartsWith("HTTP/1.1 4")) << begin;
    EXPECT_LT(sent, 40) << begin;
  }
}

TEST_F(Http1Test, PipelinedRequestsAreAnsweredInTurn) {
  auto& t = Start();
  const std::string post = "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi";
  const std::string out = t.Exchange(std::string(kGet) + post + std::string(kGet));
  EXPECT_EQ(t.records().size(), 3U);
  EXPECT_LT(out.find("hello"), out.find("hi"));
}

TEST_F(Http1Test, PipelinedRequestsWaitWhileAnswersAreNotTaken) {
  auto& t = Start();
  std::string many;
  for (int i = 0; i < 50; ++i) many += "GET /big HTTP/1.1\r\nhost: x\r\n\r\n";
  t.session().Receive(AsBytes(many));
  EXPECT_EQ(t.records().size(), 1U);
  EXPECT_FALSE(t.session().WantsRead());
  EXPECT_GT(t.Take().size(), 50U << 20);
  EXPECT_EQ(t.records().size(), 50U);
}

TEST_F(Http1Test, HalfClosedClientsGetTheirAnswer) {
  auto& t = Start();
  t.session().Receive(AsBytes(kGet));
  t.End();
  EXPECT_THAT(t.Take(), HasSubstr("hello"));
  EXPECT_TRUE(t.session().Done());
}

TEST_F(Http1Test, HeadHasNoBodyAndContinueIsSaid) {
  auto& t = Start();
  EXPECT_TRUE(
      t.Exchange("HEAD /hello HTTP/1.1\r\nhost: x\r\n\r\n").ends_with("content-length: 5\r\n\r\n"));
  EXPECT_EQ(
      t.Exchange(
          "POST /echo HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\n"),
      "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_TRUE(t.Exchange("a").ends_with("\r\n\r\na"));
}

TEST_F(Http1Test, HeaderValuesCannotSplitTheHeader) {
  EXPECT_THAT(Start().Exchange("GET /split HTTP/1.1\r\nhost: x\r\n\r\n"),
              HasSubstr("x-evil: a  set-cookie: b\r\n"));
}

TEST_F(Http1Test, DroppedRespondersAnswer500) {
  EXPECT_THAT(Start().Exchange("GET /drop HTTP/1.1\r\nhost: x\r\n\r\n"),
              StartsWith("HTTP/1.1 500 "));
}

TEST_F(Http1Test, DrainingClosesAfterTheAnswer) {
  auto& t = Start();
  t.session().Receive(AsBytes("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\na"));
  t.session().Drain();
  EXPECT_FALSE(t.session().Done());
  EXPECT_THAT(t.Exchange("b"), HasSubstr("connection: close"));
  EXPECT_TRUE(t.session().Done());
}

struct Refusal {
  const char* name;
  std::string request;
  const char* status;
};
void PrintTo(const Refusal& row, std::ostream* os) { *os << row.name; }

class Http1RefusalTest : public Http1Test, public ::testing::WithParamInterface<Refusal> {};

TEST_P(Http1RefusalTest, IsRefusedAndTheConnectionEnds) {
  auto& t = Start();
  EXPECT_THAT(t.Exchange(GetParam().request),
              StartsWith(std::string("HTTP/1.1 ") + GetParam().status));
  EXPECT_TRUE(t.session().Done());
  EXPECT_EQ(t.records().size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Http1RefusalTest,
    ::testing::Values(
        Refusal{"garbage", std::string("\x16\x03\x01\x02\x00\x01\r\n\r\n", 10), "400"},
        Refusal{"no_version", "GET /hello\r\n\r\n", "400"},
        Refusal{"http2_version", "GET /hello HTTP/2.0\r\n\r\n", "400"},
        Refusal{"no_host", "GET /hello HTTP/1.1\r\n\r\n", "400"},
        Refusal{"space_before_colon", "GET /hello HTTP/1.1\r\nhost : x\r\n\r\n", "400"},
        Refusal{"nul_in_value", std::string("GET /hello HTTP/1.1\r\nhost: x\0y\r\n\r\n", 34),
                "400"},
        Refusal{
            "two_lengths",
            "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
            "400"},
        Refusal{"length_and_chunked",
                "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: "
                "chunked\r\n\r\n0\r\n\r\n",
                "400"},
        Refusal{"chunked_and_length",
                "POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ncontent-length: "
                "3\r\n\r\n0\r\n\r\n",
                "400"},
        Refusal{"negative_length", "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
                "400"},
        Refusal{"huge_length",
                "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999\r\n\r\n",
                "400"},
        Refusal{"bad_chunk",
                "POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
                "400"},
        Refusal{"absolute_target", "GET http://x/hello HTTP/1.1\r\nhost: x\r\n\r\n", "400"},
        Refusal{"grpc_on_http1",
                "POST /test.Service/Echo HTTP/1.1\r\nhost: x\r\ncontent-type: "
                "application/grpc\r\ncontent-length: 5\r\n\r\n",
                "405"},
        Refusal{"too_long_by_length",
                "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 1001\r\n\r\n", "413"},
        Refusal{"too_long_by_chunks",
                "POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3e9\r\n" +
                    std::string(1001, 'a'),
                "413"},
        Refusal{"long_target", "GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nhost: x\r\n\r\n",
                "414"},
        Refusal{"long_header",
                "GET /hello HTTP/1.1\r\nhost: x\r\na: " + std::string(40000, 'a') + "\r\n\r\n",
                "431"}),
    [](const auto& row) { return row.param.name; });

TEST_F(Http1Test, EveryTruncationWaitsAndEveryFlippedByteIsSurvived) {
  const std::string request =
      "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\nx-a: b\r\n\r\nabcd";
  testing::ForEachTruncation(AsBytes(request), [&](ByteView bytes, std::size_t offset) {
    SessionUnderTest t(SessionUnderTest::Protocol::kHttp1, {});
    EXPECT_EQ(t.Exchange(AsText(bytes)), "") << offset;
    t.End();
    EXPECT_TRUE(t.session().Done()) << offset;
  });
  testing::ForEachFlippedByte(AsBytes(request), [&](ByteView bytes, std::size_t offset) {
    SessionUnderTest t(SessionUnderTest::Protocol::kHttp1, {});
    const std::string out = t.Exchange(AsText(bytes)) + t.WaitUntilDone(Milliseconds(300'000));
    EXPECT_TRUE(out.empty() || out.starts_with("HTTP/1.1 ")) << offset;
    EXPECT_TRUE(t.session().Done()) << offset;
  });
}

}  // namespace
}  // namespace strongroom::net
