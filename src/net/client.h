#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http.h"
#include "net/tls.h"

namespace strongroom::net {

struct HttpsClientOptions {
  std::optional<TlsClientOptions>
      tls;  // none: only http:// URLs are served, and with it only https://
  std::size_t max_response_bytes = 8 << 20;
  std::size_t max_header_bytes = 64 * 1024;
  Milliseconds connect_timeout{10'000};  // address, TCP and TLS
  Milliseconds timeout{30'000};          // one request in all, connecting included
  bool allow_http2 = true;
};

struct ClientRequest {
  std::string method = "GET";
  std::string url = {};  // "https://host:port/path?query", already percent-encoded
  Headers headers = {};  // host, content-length and user-agent are the client's
  Bytes body = {};
  std::optional<Milliseconds> timeout = std::nullopt;  // instead of the client's
};

struct ClientResponse {
  int status = 0;
  Headers headers = {};
  Bytes body = {};
  std::shared_ptr<const ConnectionInfo> connection = {};  // the server's certificates, exporters
};

// An HTTP/1.1 and HTTP/2 client for a few hosts. Redirects are not followed, cookies are not kept.
// One connection a host is kept and reused; a request that finds it closed or leaving is sent once
// more on a new one if it never went out, or if no byte of an answer came and the method is safe
// (GET, HEAD). Synchronous; any thread; calls to one host on HTTP/1.1 queue. It has a background
// thread.
class HttpsClient {
 public:
  explicit HttpsClient(HttpsClientOptions options);
  ~HttpsClient();

  // Any status is an answer, not an error. kUnavailable: no connection, or it was lost; kUntrusted:
  // the peer check failed, with its message; kDeadline; kExhausted: a limit; kMalformed: the URL,
  // or what the server said is not HTTP.
  Result<ClientResponse> Send(ClientRequest request);

  Result<ClientResponse> Get(std::string url);
  Result<ClientResponse> Post(std::string url, std::string content_type, ByteView body);

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace strongroom::net
