#include "webhook/endpoints.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "webhook/judge.h"
#include "webhook/review.h"

namespace strongroom::webhook {
namespace {

using Judge = Verdict (*)(const Review&, const Configuration&);

const std::vector<double> kSeconds = {0.0001, 0.0002, 0.0005, 0.001, 0.002,
                                      0.005,  0.01,   0.05,   0.1,   1};

bool IsJson(std::optional<std::string_view> content_type) {
  if (!content_type.has_value()) return false;
  std::string_view type = content_type->substr(0, content_type->find(';'));
  while (type.ends_with(' ')) type.remove_suffix(1);
  constexpr std::string_view wanted = "application/json";
  return std::ranges::equal(type, wanted, [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

// One of the two review endpoints. Handles of metrics are looked up once.
class ReviewEndpoint {
 public:
  ReviewEndpoint(std::string name, Judge judge, const EndpointParts& parts)
      : name_(std::move(name)),
        judge_(judge),
        parts_(parts),
        patched_(Count("patched")),
        allowed_(Count("allowed")),
        denied_(Count("denied")),
        refused_(Count("refused")),
        seconds_(parts.metrics.HistogramOf("strongroom_webhook_review_seconds",
                                           "Time from a review's last byte to its verdict.",
                                           kSeconds, {{"endpoint", name_}})) {}

  // On the connection's loop. A task holds the endpoint: it may outlive the server.
  static void Take(const std::shared_ptr<const ReviewEndpoint>& self, net::Request request,
                   net::Responder responder) {
    if (request.body.size() <= kMaxReviewOnLoop) return responder.Send(self->Answer(request));
    net::WorkerPool& pool = self->parts_.large_reviews;
    if (!pool.HasRoom())
      return responder.Send(self->Refuse(503, "too many large reviews are waiting"));
    pool.Run([self, request = std::move(request), responder = std::move(responder)]() mutable {
      responder.Send(self->Answer(request));
    });
  }

 private:
  net::Response Answer(const net::Request& request) const {
    const auto began = std::chrono::steady_clock::now();
    net::Response response = Judged(request);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    seconds_.Observe(took.count());
    return response;
  }

  Counter& Count(const std::string& verdict) const {
    return parts_.metrics.CounterOf("strongroom_webhook_reviews_total", "Reviews by verdict.",
                                    {{"endpoint", name_}, {"verdict", verdict}});
  }

  net::Response Judged(const net::Request& request) const {
    if (!IsJson(request.headers.Get("content-type")))
      return Refuse(415, "another content-type, wanted application/json");
    const auto review = Review::Parse(AsText(request.body.view()));
    if (!review.has_value())
      return Refuse(review.error().code() == Code::kExhausted ? 413 : 400,
                    review.error().message());
    const auto configuration = parts_.configuration.Get();
    const Verdict verdict = judge_(*review, *configuration);
    Note(*review, verdict);
    return net::Response::Json(200, WriteVerdict(review->uid(), verdict));
  }

  net::Response Refuse(int status, const std::string& why) const {
    refused_.Add();
    parts_.log.Warn("review refused",
                    {{"endpoint", name_}, {"status", std::to_string(status)}, {"error", why}});
    return net::Response::Text(status, why + "\n");
  }

  void Note(const Review& review, const Verdict& verdict) const {
    Counter& counter = verdict.denial ? denied_ : verdict.patch.empty() ? allowed_ : patched_;
    counter.Add();
    if (verdict.denial) {
      parts_.log.Info("denied", {{"endpoint", name_},
                                 {"uid", std::string(review.uid())},
                                 {"namespace", std::string(review.name_space())},
                                 {"reason", verdict.denial->message()}});
    } else if (!verdict.patch.empty()) {
      parts_.log.Debug("patched", {{"uid", std::string(review.uid())},
                                   {"namespace", std::string(review.name_space())}});
    }
  }

  std::string name_;
  Judge judge_;
  EndpointParts parts_;
  Counter& patched_;
  Counter& allowed_;
  Counter& denied_;
  Counter& refused_;
  Histogram& seconds_;
};

void AddReview(net::Router& router, const std::string& name, Judge judge,
               const EndpointParts& parts) {
  // Shared by the copies that a handler is made into.
  const auto endpoint = std::make_shared<const ReviewEndpoint>(name, judge, parts);
  router.HandleAsync("POST", "/" + name,
                     [endpoint](net::Request request, net::Responder responder) {
                       ReviewEndpoint::Take(endpoint, std::move(request), std::move(responder));
                     },
                     {.run_on = net::RunOn::kLoop, .max_body_bytes = kMaxReviewBytes});
}

}  // namespace

Status Readiness::Check(UnixSeconds now) const {
  if (draining_) return Unavailable("ending");
  const std::int64_t end = certificate_end_;
  if (end == 0) return Unavailable("no certificate yet");
  if (end < ToInt(now))
    return Unavailable(fmt::format("the certificate ended at {}, wanted a renewed one",
                                   FormatRfc3339(UnixSeconds{end})));
  return {};
}

void AddReviews(net::Router& router, const EndpointParts& parts) {
  AddReview(router, "mutate", Mutate, parts);
  AddReview(router, "validate", Validate, parts);
}

void AddProbes(net::Router& router, const EndpointParts& parts) {
  const net::RouteOptions at_once{.run_on = net::RunOn::kLoop, .max_body_bytes = 0};
  router.Handle(
      "GET", "/healthz", [](const net::Request&) { return net::Response::Text(200, "ok\n"); },
      at_once);
  router.Handle(
      "GET", "/readyz",
      [&readiness = parts.readiness, &clock = parts.clock](const net::Request&) {
        const Status ready = readiness.Check(clock.Now());
        if (ready.has_value()) return net::Response::Text(200, "ok\n");
        return net::Response::Text(503, ready.error().message() + "\n");
      },
      at_once);
  router.Handle("GET", "/metrics", [&metrics = parts.metrics](const net::Request&) {
    net::Response response = net::Response::Text(200, metrics.Render());
    response.headers.Set("content-type", "text/plain; version=0.0.4; charset=utf-8");
    return response;
  });
}

}  // namespace strongroom::webhook
