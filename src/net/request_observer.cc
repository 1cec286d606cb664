#include "net/request_observer.h"

#include <fmt/format.h>

namespace strongroom::net {
namespace {

const std::vector<double> kSeconds = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                      0.25,   0.5,   1,      2.5,   5,    10,    30,   60};

}  // namespace

RequestObserver::RequestObserver(std::string listener, Log* log, Metrics* metrics)
    : listener_(std::move(listener)), log_(log), metrics_(metrics) {}

void RequestObserver::Observe(const RequestRecord& record) {
  const double seconds = std::chrono::duration<double>(record.took).count();
  const std::string outcome =
      record.grpc_status.empty() ? std::to_string(record.status) : "grpc " + record.grpc_status;
  if (metrics_ != nullptr) {
    const std::string route(record.route);
    metrics_
        ->CounterOf("strongroom_http_requests_total", "Requests answered, by route and outcome.",
                    {{"listener", listener_}, {"route", route}, {"outcome", outcome}})
        .Add();
    metrics_
        ->HistogramOf("strongroom_http_request_seconds", "From a request's head to its answer.",
                      kSeconds, {{"listener", listener_}, {"route", route}})
        .Observe(seconds);
    metrics_
        ->CounterOf("strongroom_http_received_bytes_total", "Request bodies.",
                    {{"listener", listener_}})
        .Add(static_cast<double>(record.bytes_in));
    metrics_
        ->CounterOf("strongroom_http_sent_bytes_total", "Response bodies.",
                    {{"listener", listener_}})
        .Add(static_cast<double>(record.bytes_out));
  }
  if (log_ != nullptr) {
    log_->Info("request",
               {{"listener", listener_},
                {"peer", record.connection == nullptr ? "" : record.connection->remote_address},
                {"protocol", std::string(record.protocol)},
                {"method", record.method},
                {"path", record.target.substr(0, record.target.find('?'))},
                {"outcome", outcome},
                {"ms", fmt::format("{:.3f}", seconds * 1000)},
                {"in", std::to_string(record.bytes_in)},
                {"out", std::to_string(record.bytes_out)}});
  }
}

void RequestObserver::Opened() {
  if (metrics_ == nullptr) return;
  metrics_->GaugeOf("strongroom_http_connections", "Open connections.", {{"listener", listener_}})
      .Add(1);
}

void RequestObserver::Closed(const std::optional<Error>& why) {
  if (metrics_ != nullptr) {
    metrics_->GaugeOf("strongroom_http_connections", "Open connections.", {{"listener", listener_}})
        .Add(-1);
  }
  if (why && log_ != nullptr)
    log_->Debug("connection ended", {{"listener", listener_}, {"why", why->ToString()}});
}

void RequestObserver::Refused(std::string_view why) {
  if (metrics_ == nullptr) return;
  metrics_
      ->CounterOf("strongroom_http_refused_connections_total",
                  "Connections closed at once, by the limit they met.",
                  {{"listener", listener_}, {"limit", std::string(why)}})
      .Add();
}

}  // namespace strongroom::net
