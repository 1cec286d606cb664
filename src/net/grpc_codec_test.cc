#include "net/grpc_codec.h"

#include "net/address.h"
#include "net/grpc_call.h"
#include "net/router.h"
#include "net/url.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::net {
namespace {

using std::chrono::nanoseconds;
using testing::Fails;

TEST(GrpcCodecTest, TimeoutsRoundTrip) {
  const std::pair<const char*, std::int64_t> rows[] = {{"1n", 1},
                                                       {"20u", 20'000},
                                                       {"300m", 300'000'000},
                                                       {"4S", 4'000'000'000},
                                                       {"5M", 300'000'000'000},
                                                       {"1H", 3'600'000'000'000}};
  for (const auto& [text, value] : rows) {
    ASSERT_OK_AND_ASSIGN(const nanoseconds parsed, ParseGrpcTimeout(text));
    EXPECT_EQ(parsed.count(), value);
    ASSERT_OK_AND_ASSIGN(const nanoseconds again, ParseGrpcTimeout(FormatGrpcTimeout(parsed)));
    EXPECT_EQ(again, parsed);
  }
  EXPECT_OK(ParseGrpcTimeout("99999999H"));
  for (const char* const bad :
       {"", "1", "S", "-1S", "1s", "123456789S", "1.5S", " 1S", "1S ", "0x1S"}) {
    EXPECT_THAT(ParseGrpcTimeout(bad), Fails(Code::kMalformed, "grpc-timeout")) << bad;
  }
}

TEST(GrpcCodecTest, MessagesRoundTrip) {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  EXPECT_EQ(DecodeGrpcMessage(EncodeGrpcMessage(all)), all);
  EXPECT_EQ(EncodeGrpcMessage("50 %\n"), "50 %25%0A");
  EXPECT_EQ(DecodeGrpcMessage("%zz%4"), "%zz%4");
}

TEST(GrpcCodecTest, ContentTypes) {
  for (const char* const yes :
       {"application/grpc", "application/grpc+proto", "application/grpc;x=y"})
    EXPECT_TRUE(IsGrpcContentType(yes)) << yes;
  for (const char* const no : {"", "application/grpc-web", "application/json", "application/grp"})
    EXPECT_FALSE(IsGrpcContentType(no)) << no;
}

TEST(GrpcCodecTest, AStatusThatIsNoNumberIsNotOk) {
  const auto outcome = [](std::string status) {
    IncomingResponse response{.status = 200};
    response.headers.Add("content-type", "application/grpc");
    response.trailers.Add("grpc-status", std::move(status));
    return ReadGrpcOutcome(std::move(response), 100)->status;
  };
  EXPECT_EQ(outcome("5"), GrpcStatus::kNotFound);
  for (const char* const bad : {"", "0x", "0 ", "-0", "17", "4294967296"})
    EXPECT_EQ(outcome(bad), GrpcStatus::kUnknown) << bad;
}

TEST(AddressTest, PortsAreWholeNumbers) {
  ASSERT_OK_AND_ASSIGN(const HostPort parts, ParseHostPort("[::1]:80"));
  EXPECT_EQ(parts.host, "::1");
  EXPECT_EQ(parts.port, 80);
  for (const char* const bad : {"", ":80", "host", "host:", "host:65536", "host:-1", "host:8x",
                                "::1:80", "[]:80", "host: 80"})
    EXPECT_THAT(ParseHostPort(bad), Fails(Code::kMalformed, "wanted host:port")) << bad;
}

TEST(AddressTest, APortAloneIsEveryAddress) {
  EXPECT_EQ(ListenAddress(":80"), "[::]:80");
  EXPECT_EQ(ListenAddress("127.0.0.1:80"), "127.0.0.1:80");
}

TEST(GrpcCodecTest, GzipUnpackIsBounded) {
  const Bytes zeros(1 << 20, 0);
  ASSERT_OK_AND_ASSIGN(const Bytes packed, GzipPack(zeros));
  EXPECT_LT(packed.size(), 10'000U);
  ASSERT_OK_AND_ASSIGN(const Buffer whole, GzipUnpack(packed, 1 << 20));
  EXPECT_TRUE(Equal(whole.view(), zeros));
  EXPECT_THAT(GzipUnpack(packed, (1 << 20) - 1), Fails(Code::kExhausted, "1048575"));
  EXPECT_THAT(GzipUnpack(Concat({packed, packed}), 4 << 20), Fails(Code::kMalformed, "after"));
  ASSERT_OK_AND_ASSIGN(const Bytes small, GzipPack(ByteView(zeros).first(10'000)));
  testing::ForEachTruncation(small, [](ByteView bytes, std::size_t) {
    EXPECT_THAT(GzipUnpack(bytes, 1 << 20), Fails(Code::kMalformed, "gzip"));
  });
}

TEST(GrpcCodecTest, MessagesStartAtABoundary) {
  const auto prefix = GrpcPrefix(false, 100);
  Buffer body(kGrpcPrefix);
  body.Append(ByteView(prefix));
  for (int i = 0; i < 100; ++i) body.Append(Bytes{1});
  ASSERT_OK_AND_ASSIGN(const GrpcMessage message, UnpackGrpcBody(std::move(body), "identity", 100));
  EXPECT_EQ(message.view().size(), 100U);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(message.view().data()) % Buffer::kAlignment, 0U);
}

TEST(RouterTest, TheMostSpecificPatternWins) {
  Router router;
  const auto answer = [](const char* name) {
    return [name](const Request&) { return Response::Text(200, name); };
  };
  router.Handle("GET", "/v1/models/{model}", answer("model"))
      .Handle("GET", "/v1/models/all", answer("all"))
      .Handle("POST", "/v1/models/{model}:predict", answer("predict"))
      .Handle("GET", "/v1/models/{model}/versions/{version}", answer("version"))
      .Handle("GET", "/files/{rest...}", answer("files"));
  const auto pattern = [&](const char* method, const char* path) {
    return router.Find(method, path).route->pattern;
  };
  EXPECT_EQ(pattern("GET", "/v1/models/all"), "/v1/models/all");
  EXPECT_EQ(pattern("GET", "/v1/models/m"), "/v1/models/{model}");
  EXPECT_EQ(pattern("HEAD", "/v1/models/m"), "/v1/models/{model}");
  EXPECT_EQ(pattern("POST", "/v1/models/m:predict"), "/v1/models/{model}:predict");
  EXPECT_EQ(router.Find("POST", "/v1/models/m:predict").params[0].second, "m");
  EXPECT_EQ(router.Find("GET", "/v1/models/a%2Fb/versions/1").params[0].second, "a/b");
  EXPECT_EQ(router.Find("GET", "/files/a/b/c").params[0].second, "a/b/c");
  for (const char* const unknown : {"/", "/v1/models", "/v1/models/", "/v1/models/m/",
                                    "/v1/models/m/versions", "/v1/models/%zz", "/files"}) {
    EXPECT_EQ(pattern("GET", unknown), "unknown") << unknown;
  }
}

TEST(UrlTest, PartsAndRefusals) {
  ASSERT_OK_AND_ASSIGN(const Url url, ParseUrl("https://[::1]:8081/sgx/v4?x=%41"));
  EXPECT_EQ(url.host.host, "::1");
  EXPECT_EQ(url.host.port, 8081);
  EXPECT_EQ(url.target, "/sgx/v4?x=%41");
  ASSERT_OK_AND_ASSIGN(const Url bare, ParseUrl("http://host"));
  EXPECT_EQ(bare.host.port, 80);
  EXPECT_EQ(bare.target, "/");
  for (const char* const bad :
       {"", "host", "ftp://host", "https://", "https:///x", "https://u@host/", "https://host/#f",
        "https://host:99999/", "https://host/a b", "https://host/\r\nx", "https://::1/"}) {
    EXPECT_THAT(ParseUrl(bad), Fails(Code::kMalformed, "")) << bad;
  }
}

}  // namespace
}  // namespace strongroom::net
