#include "collateral/pccs_source.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "collateral/pccs_answers.h"

namespace strongroom::collateral {
namespace {

using Clock = std::chrono::steady_clock;
using net::Milliseconds;

constexpr std::size_t kMaxResponseBytes = 1UL << 20;
constexpr std::string_view kDefaultPath = "/sgx/certification/v4";

// Whether another attempt may help, by status.
bool IsPassing(int status) {
  return status == 429 || status == 408 || (status >= 500 && status != 501);
}

std::unexpected<Error> FromStatus(int status, const std::string& url) {
  const std::string text = fmt::format("{} answered {}, wanted 200", url, status);
  if (status == 404 || status == 410) return NotFound(text);
  if (status == 401 || status == 403) return Denied(text);
  if (IsPassing(status)) return Unavailable(text);
  return Malformed(text);
}

std::optional<net::TlsClientOptions> TlsFor(const PccsOptions& options, std::string_view url) {
  if (!url.starts_with("https://")) return std::nullopt;
  if (!options.tls_roots.empty())
    return net::TlsClientOptions{.trust = net::TrustRoots{options.tls_roots}};
  const auto accept_any = [](std::string_view, const std::vector<Bytes>&) -> Status { return {}; };
  return net::TlsClientOptions{.trust = net::TrustCheck{accept_any}};
}

Result<std::string> CheckUrl(std::string url) {
  if (!url.starts_with("https://") && !url.starts_with("http://")) {
    return Malformed(fmt::format(
        "\"{}\" is no URL of a PCCS, wanted https://HOST:PORT or http://HOST:PORT", url));
  }
  while (url.ends_with('/')) url.pop_back();
  if (!url.contains("/sgx/certification/")) url += kDefaultPath;
  return url;
}

}  // namespace

struct PccsSource::Impl {
  Impl(PccsOptions options_in, std::string base_in, Sleep sleep_in)
      : options(std::move(options_in)),
        base(std::move(base_in)),
        sleep(std::move(sleep_in)),
        client(ClientFor(base)) {
    if (options.root_ca_crl_url.empty()) {
      options.root_ca_crl_url = base + "/rootcacrl";
    } else if (options.root_ca_crl_url.starts_with("https://") != base.starts_with("https://")) {
      // One client speaks one of TLS and plaintext.
      other_client.emplace(ClientFor(options.root_ca_crl_url));
    }
  }

  net::HttpsClientOptions ClientFor(const std::string& url) const {
    return {.tls = TlsFor(options, url),
            .max_response_bytes = kMaxResponseBytes,
            .connect_timeout = options.request_timeout,
            .timeout = options.request_timeout};
  }

  Result<PccsAnswer> Get(const std::string& url, Clock::time_point deadline);
  // One attempt; a passing failure leaves the time to wait in `wait`.
  Result<PccsAnswer> Try(net::HttpsClient& to, const std::string& url, Milliseconds left,
                         Milliseconds& wait);

  PccsOptions options;
  const std::string base;
  const Sleep sleep;
  net::HttpsClient client;
  std::optional<net::HttpsClient> other_client;
};

Result<PccsAnswer> PccsSource::Impl::Try(net::HttpsClient& to, const std::string& url,
                                         Milliseconds left, Milliseconds& wait) {
  ASSIGN_OR_RETURN(net::ClientResponse response,
                   to.Send({.url = url, .timeout = std::min(left, options.request_timeout)}));
  if (response.status == 200)
    return PccsAnswer{std::move(response.body), std::move(response.headers)};
  wait = std::max(wait, RetryAfter(response.headers));
  return FromStatus(response.status, url);
}

Result<PccsAnswer> PccsSource::Impl::Get(const std::string& url, Clock::time_point deadline) {
  net::HttpsClient& to = other_client && url == options.root_ca_crl_url ? *other_client : client;
  Milliseconds backoff = options.first_backoff;
  for (int attempt = 1;; ++attempt) {
    const auto left = std::chrono::duration_cast<Milliseconds>(deadline - Clock::now());
    if (left <= Milliseconds{0})
      return DeadlineExceeded(fmt::format("no time left to ask {}", url));
    Milliseconds wait = backoff;
    Result<PccsAnswer> answer = Try(to, url, left, wait);
    if (answer) return answer;
    const Code code = answer.error().code();
    const bool passing = code == Code::kUnavailable || code == Code::kDeadline;
    if (!passing || attempt >= options.attempts || wait >= left)
      return In("collateral", std::move(answer));
    sleep(wait);
    backoff *= 2;
  }
}

Result<std::unique_ptr<PccsSource>> PccsSource::Make(PccsOptions options) {
  return Make(std::move(options), [](Milliseconds pause) { std::this_thread::sleep_for(pause); });
}

Result<std::unique_ptr<PccsSource>> PccsSource::Make(PccsOptions options, Sleep sleep) {
  ASSIGN_OR_RETURN(std::string base, CheckUrl(options.url));
  if (options.attempts < 1)
    return Malformed(fmt::format("{} attempts, wanted at least 1", options.attempts));
  return std::unique_ptr<PccsSource>(new PccsSource(
      std::make_unique<Impl>(std::move(options), std::move(base), std::move(sleep))));
}

PccsSource::PccsSource(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PccsSource::~PccsSource() = default;

Result<attest::Endorsements> PccsSource::Fetch(const attest::EndorsementSubject& subject) {
  const auto deadline = Clock::now() + impl_->options.timeout;
  const auto get = [&](const std::string& url) { return impl_->Get(url, deadline); };
  return CollectEndorsements(impl_->base, impl_->options.root_ca_crl_url, subject, get);
}

}  // namespace strongroom::collateral
