#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/metrics.h"
#include "net/router.h"
#include "serving/api/frontend.h"
#include "serving/core/fake_engine.h"
#include "testing/result_matchers.h"

namespace strongroom::serving::api::testing {

using serving::testing::EchoEngine;
using serving::testing::MemoryModels;

// Two echo models behind a frontend: "m" (version 3: x FP32 [-1,2]; its client is alice) and "two"
// (version 1: a FP32 [2], b INT32 [2]; clients alice and bob). carol's certificate is in no list.
class ApiTest : public ::testing::Test {
 protected:
  ApiTest() {
    models_.versions["m"] = {{3, "x:FP32:-1,2"}};
    models_.versions["two"] = {{1, "a:FP32:2 b:INT32:2"}};
    models_.versions["typed"] = {{1, "v:" + std::string("INT64") + ":-1"}};
    EXPECT_OK(manager_.Load("m", models_, AllVersions{}));
    EXPECT_OK(manager_.Load("two", models_, AllVersions{}));
    EXPECT_OK(manager_.Load("typed", models_, AllVersions{}));
  }

  // Replaces the model "typed" by one with input v of this type, shape [-1].
  void ServeType(DType dtype) {
    static std::int64_t version = 1;
    models_.versions["typed"][++version] = "v:" + std::string(DTypeName(dtype)) + ":-1";
    EXPECT_OK(manager_.Load("typed", models_, LatestVersions{}));
  }

  const Bytes alice_certificate_ = {1};
  const Bytes bob_certificate_ = {2};
  const Bytes carol_certificate_ = {3};
  const Caller alice_{&alice_certificate_};
  const Caller bob_{&bob_certificate_};
  const Caller carol_{&carol_certificate_};

  EchoEngine engine_;
  MemoryModels models_;
  Manager manager_{engine_};
  const FixedClock clock_{UnixSeconds{0}};
  const Client listed_alice_{alice_certificate_, UnixSeconds{0}, UnixSeconds{1}};
  const Client listed_bob_{bob_certificate_, UnixSeconds{0}, UnixSeconds{1}};
  AccessList access_{
      {{"m", {listed_alice_}}, {"two", {listed_alice_, listed_bob_}}, {"typed", {listed_alice_}}},
      clock_};
  Metrics metrics_;
  const Frontend frontend_{manager_, access_, metrics_};
};

// Asks a router as a client with this certificate would (empty: none).
inline net::Response Ask(const net::Router& router, std::string method, const std::string& path,
                         std::string_view body = {}, const Bytes& certificate = {},
                         net::Headers headers = {}) {
  auto connection = std::make_shared<net::ConnectionInfo>();
  if (!certificate.empty()) connection->tls.certificate_chain.push_back(certificate);
  net::Request request;
  request.method = std::move(method);
  request.path = path;
  request.target = path;
  request.headers = std::move(headers);
  request.body = net::Buffer(AsBytes(body));
  request.connection = std::move(connection);
  auto match = router.Find(request.method, request.path);
  request.params = std::move(match.params);
  net::Response answer;
  match.route->handler(std::move(request),
                       net::Responder([&](net::Response response) { answer = std::move(response); },
                                      {.status = 599}));
  return answer;
}

template <class T>
Bytes RawOf(const std::vector<T>& values) {
  Bytes out(values.size() * sizeof(T));
  if (!out.empty()) std::memcpy(out.data(), values.data(), out.size());
  return out;
}

}  // namespace strongroom::serving::api::testing
