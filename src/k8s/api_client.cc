#include "k8s/api_client.h"

#include <utility>

#include <fmt/format.h>

#include "base/files.h"
#include "base/text.h"
#include "crypto/x509.h"
#include "net/status_map.h"

namespace strongroom::k8s {
namespace {

constexpr std::size_t kMaxSmallFile = 256 * 1024;
constexpr std::size_t kMaxAnswer = 4 << 20;
constexpr std::size_t kMaxRoots = 64;
constexpr std::size_t kMaxMessage = 500;

Result<std::vector<Bytes>> ReadRoots(const std::filesystem::path& file) {
  ASSIGN_OR_RETURN(const std::string pem, ReadTextFile(file, kMaxSmallFile));
  ASSIGN_OR_RETURN(const std::vector<crypto::Certificate> certificates,
                   In(file.string(), crypto::Certificate::ChainFromPem(pem, kMaxRoots)));
  std::vector<Bytes> roots;
  for (const crypto::Certificate& certificate : certificates)
    roots.push_back(ToBytes(certificate.der()));
  return roots;
}

net::HttpsClientOptions OptionsFor(const ClusterAccess& access) {
  net::HttpsClientOptions options;
  options.max_response_bytes = kMaxAnswer;
  options.connect_timeout = net::Milliseconds{5'000};
  options.timeout = net::Milliseconds{10'000};
  if (access.url.starts_with("https:"))
    options.tls = net::TlsClientOptions{.trust = net::TrustRoots{access.roots}};
  return options;
}

// The API server's own words, from the Status object it answers with.
std::string MessageOf(const net::ClientResponse& response) {
  const auto document = JsonDocument::Parse(AsText(response.body), {.max_depth = 32});
  if (document.has_value() && document->root().IsObject()) {
    if (const auto message = document->root().GetString("message"); message.has_value())
      return std::string(message->substr(0, kMaxMessage));
  }
  return fmt::format("status {}", response.status);
}

}  // namespace

Result<ClusterAccess> InCluster(const Environment& environment,
                                const std::filesystem::path& folder) {
  const auto host = environment("KUBERNETES_SERVICE_HOST");
  const auto port = environment("KUBERNETES_SERVICE_PORT");
  if (!host || host->empty() || !port || port->empty())
    return Precondition(
        "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set, wanted a pod of a "
        "cluster");
  ClusterAccess out;
  const bool is_ipv6 = host->contains(':');
  out.url = fmt::format("https://{}{}{}:{}", is_ipv6 ? "[" : "", *host, is_ipv6 ? "]" : "", *port);
  out.token = folder / "token";
  ASSIGN_OR_RETURN(const bool has_token, Exists(out.token));
  if (!has_token)
    return Precondition(fmt::format("{} is missing, wanted a pod with automountServiceAccountToken",
                                    out.token.string()));
  ASSIGN_OR_RETURN(out.roots, ReadRoots(folder / "ca.crt"));
  ASSIGN_OR_RETURN(const std::string name_space, ReadTextFile(folder / "namespace", kMaxSmallFile));
  out.name_space = Trimmed(name_space);
  return out;
}

ApiClient::ApiClient(ClusterAccess access)
    : access_(std::move(access)), client_(OptionsFor(access_)) {}

Result<JsonDocument> ApiClient::Get(std::string_view path) { return Send("GET", path, "", ""); }

Result<JsonDocument> ApiClient::Create(std::string_view path, std::string_view json) {
  return Send("POST", path, "application/json", json);
}

Result<JsonDocument> ApiClient::JsonPatch(std::string_view path, std::string_view operations) {
  return Send("PATCH", path, "application/json-patch+json", operations);
}

Result<JsonDocument> ApiClient::Send(std::string_view method, std::string_view path,
                                     std::string_view content_type, std::string_view body) {
  ASSIGN_OR_RETURN(const std::string token, ReadTextFile(access_.token, kMaxSmallFile));
  net::ClientRequest request{
      .method = std::string(method),
      .url = fmt::format("{}{}", access_.url, path),
      .headers = {{"authorization", fmt::format("Bearer {}", Trimmed(token))},
                  {"accept", "application/json"}},
      .body = ToBytes(body)};
  if (!content_type.empty()) request.headers.Add("content-type", std::string(content_type));
  const std::string what = fmt::format("{} {}", method, path);
  ASSIGN_OR_RETURN(const net::ClientResponse response, In(what, client_.Send(std::move(request))));
  if (response.status >= 200 && response.status < 300) {
    return In(what, JsonDocument::Parse(
                        AsText(response.body),
                        {.max_bytes = kMaxAnswer, .max_depth = 64, .verbatim = {"managedFields"}}));
  }
  const Code code = response.status >= 400 ? net::FromHttpStatus(response.status) : Code::kInternal;
  return std::unexpected(Error(code, fmt::format("{}: {}", what, MessageOf(response))));
}

}  // namespace strongroom::k8s
