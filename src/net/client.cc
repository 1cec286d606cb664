#include "net/client.h"

#include <map>
#include <mutex>

#include <fmt/format.h>

#include "net/client_connection.h"
#include "net/url.h"

namespace strongroom::net {
namespace {

using Clock = std::chrono::steady_clock;

bool IsSafe(std::string_view method) { return method == "GET" || method == "HEAD"; }

OutgoingRequest ToOutgoing(const Url& url, ClientRequest& request) {
  OutgoingRequest out{.method = request.method,
                      .scheme = url.scheme,
                      .authority = url.authority,
                      .target = url.target};
  for (const auto& [name, value] : request.headers) out.headers.Add(name, value);
  if (!out.headers.Get("user-agent")) out.headers.Add("user-agent", "strongroom");
  out.body = std::move(request.body);
  return out;
}

}  // namespace

struct HttpsClient::Impl {
  explicit Impl(HttpsClientOptions o) : options(std::move(o)) {}
  ~Impl() {
    for (auto& [key, connection] : connections) connection->Close();
  }

  Result<std::shared_ptr<ClientConnection>> Connect(const Url& url, SteadyTime deadline, bool fresh,
                                                    bool& reused);
  Result<std::shared_ptr<const TlsContext>> Tls();

  const HttpsClientOptions options;
  ClientLoop loop;
  std::mutex mutex;
  std::shared_ptr<const TlsContext> tls;  // guarded, made on first use
  std::map<std::string, std::shared_ptr<ClientConnection>>
      connections;  // guarded; shared with calls on them
};

Result<std::shared_ptr<const TlsContext>> HttpsClient::Impl::Tls() {
  const std::lock_guard lock(mutex);
  if (tls == nullptr) {
    ASSIGN_OR_RETURN(tls, TlsContext::ForClient(*options.tls, options.allow_http2, true));
  }
  return tls;
}

Result<std::shared_ptr<ClientConnection>> HttpsClient::Impl::Connect(const Url& url,
                                                                     SteadyTime deadline,
                                                                     bool fresh, bool& reused) {
  const std::string key = url.scheme + "://" + url.authority;
  {
    const std::lock_guard lock(mutex);
    const auto it = connections.find(key);
    reused = it != connections.end() && !fresh && it->second->alive();
    if (reused) return it->second;
    connections.erase(key);
  }
  ClientConnection::Options wired{.target = url.host,
                                  .server_name = options.tls ? options.tls->server_name : "",
                                  .limits = {.max_header_bytes = options.max_header_bytes,
                                             .max_body_bytes = options.max_response_bytes}};
  if (options.tls) {
    ASSIGN_OR_RETURN(wired.tls, Tls());
  }
  deadline = std::min(deadline, Clock::now() + options.connect_timeout);
  ASSIGN_OR_RETURN(auto connection,
                   ClientConnection::Open(loop.loop(), std::move(wired), deadline));
  const std::lock_guard lock(mutex);
  return connections[key] = connection;
}

HttpsClient::HttpsClient(HttpsClientOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}
HttpsClient::~HttpsClient() = default;

Result<ClientResponse> HttpsClient::Send(ClientRequest request) {
  const SteadyTime deadline = Clock::now() + request.timeout.value_or(impl_->options.timeout);
  ASSIGN_OR_RETURN(const Url url, ParseUrl(request.url));
  if ((url.scheme == "https") != impl_->options.tls.has_value()) {
    return Malformed(fmt::format("URL \"{}\", wanted {}://", request.url,
                                 impl_->options.tls ? "https" : "http"));
  }
  const bool safe = IsSafe(request.method);
  const OutgoingRequest outgoing = ToOutgoing(url, request);
  for (bool fresh = false;; fresh = true) {
    bool reused = false;
    ASSIGN_OR_RETURN(const auto connection, impl_->Connect(url, deadline, fresh, reused));
    auto outcome = connection->Call(outgoing, deadline);
    if (outcome.response) {
      auto& response = *outcome.response;
      return ClientResponse{.status = response.status,
                            .headers = std::move(response.headers),
                            .body = ToBytes(response.body.view()),
                            .connection = connection->info()};
    }
    const Error& error = outcome.response.error();
    using Reach = ClientSession::Reach;
    const bool may_repeat =
        outcome.reach == Reach::kUntouched || (outcome.reach == Reach::kUnanswered && safe);
    if (!reused || error.code() != Code::kUnavailable || !may_repeat)
      return std::unexpected(error.In(request.url));
  }
}

Result<ClientResponse> HttpsClient::Get(std::string url) { return Send({.url = std::move(url)}); }

Result<ClientResponse> HttpsClient::Post(std::string url, std::string content_type, ByteView body) {
  return Send({.method = "POST",
               .url = std::move(url),
               .headers = {{"content-type", std::move(content_type)}},
               .body = ToBytes(body)});
}

}  // namespace strongroom::net
