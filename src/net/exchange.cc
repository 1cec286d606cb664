#include "net/exchange.h"

#include <algorithm>

#include <fmt/format.h>

#include "net/grpc_codec.h"

namespace strongroom::net {
namespace {

// An announced length gets memory as bytes come, so that a promise alone costs nothing: this many
// times what is there and no more than this ahead of it, or twice what it had, in whole blocks.
// More would let a peer that sends little keep others' bodies out of the budget.
constexpr std::size_t kAheadFactor = 4;
constexpr std::size_t kMostAhead = 1 << 20;

bool BreaksLine(char c) { return c == '\r' || c == '\n' || c == '\0'; }

}  // namespace

void CleanHeaders(Headers& headers) {
  const auto dirty = [](const std::string& text) { return std::ranges::any_of(text, BreaksLine); };
  if (std::ranges::none_of(headers,
                           [&](const auto& f) { return dirty(f.first) || dirty(f.second); }))
    return;
  Headers clean;
  for (auto [name, value] : headers) {
    std::ranges::replace_if(value, BreaksLine, ' ');
    if (!dirty(name)) clean.Add(std::move(name), std::move(value));
  }
  headers = std::move(clean);
}

Exchange::Exchange(const ServerContext& context, std::shared_ptr<SessionHost> host,
                   std::shared_ptr<MemoryBudget> bodies, Request head)
    : context_(context),
      host_(std::move(host)),
      bodies_(std::move(bodies)),
      request_(std::move(head)),
      began_(host_->Now()),
      body_due_(began_ + context.limits.body_grace) {
  record_.method = request_.method;
  record_.target = request_.target;
  record_.connection = request_.connection;
  record_.protocol = request_.http_major == 2 ? "h2" : "http/1.1";
  cancel_ = request_.cancel;
}

// Memory for `size` bytes of body, charged before it is taken.
bool Exchange::MakeRoom(std::size_t size) {
  Buffer& body = request_.body;
  if (size <= body.capacity()) return true;
  const std::size_t ahead = std::min({announced_, size * kAheadFactor, size + kMostAhead});
  return body.TryReserve(std::max({size, ahead, body.capacity() * 2}));
}

Response Exchange::Fail(Code code, int http_status, std::string_view message) {
  return plan_.Failure(code, http_status, message);
}

std::optional<Response> Exchange::Begin(std::optional<std::uint64_t> content_length) {
  plan_ = context_.dispatcher.Decide(request_, context_.limits);
  record_.route = plan_.route;
  deadline_ = began_ + plan_.timeout;
  if (plan_.refusal) return std::move(plan_.refusal);
  request_.body = Buffer(plan_.lead, bodies_);
  if (!content_length) return std::nullopt;
  if (*content_length > plan_.max_body) {
    return Fail(
        Code::kExhausted, 413,
        fmt::format("body of {} bytes, wanted at most {}", *content_length, plan_.max_body));
  }
  announced_ = static_cast<std::size_t>(*content_length);
  return std::nullopt;
}

std::span<std::uint8_t> Exchange::BodyPlace(std::size_t wanted) {
  if (complete_ || answered_) return {};
  const std::span<std::uint8_t> spare = request_.body.spare();
  return spare.first(std::min(wanted, spare.size()));
}

std::optional<Response> Exchange::OnBody(ByteView bytes) {
  if (bytes.size() > plan_.max_body - received_) {
    return Fail(Code::kExhausted, 413, fmt::format("body of more than {} bytes", plan_.max_body));
  }
  const bool first = received_ == 0;
  if (first && plan_.grpc && bytes.size() >= kGrpcPrefix)
    announced_ = std::min(GrpcMessageSize(bytes) + kGrpcPrefix, plan_.max_body);
  if (!MakeRoom(received_ + bytes.size()))
    return Fail(Code::kExhausted, 503, "too many request bodies in work, try again later");
  received_ += bytes.size();
  request_.body.Append(bytes);
  KeepUp(bytes.size());
  return std::nullopt;
}

std::optional<Response> Exchange::OnEnd(Deliver deliver) {
  complete_ = true;
  if (plan_.run_on == RunOn::kWorkers && context_.workers != nullptr &&
      !context_.workers->HasRoom()) {
    return Fail(Code::kExhausted, 503, "too many requests waiting, try again later");
  }
  if (!plan_.grpc) deadline_ = host_->Now() + plan_.timeout;
  request_.deadline = deadline_;
  Responder responder(
      [host = std::weak_ptr(host_), deliver = std::move(deliver)](Response response) mutable {
        const auto alive = host.lock();
        if (!alive) return;
        if (alive->OnThisThread()) return deliver(std::move(response));
        // shared: a task is called once, but moved through a queue of copyable parts
        auto carried = std::make_shared<Response>(std::move(response));
        alive->Post([deliver, carried] { deliver(std::move(*carried)); });
      },
      Fail(Code::kInternal, 500, "the request was dropped without an answer"));
  const AsyncHandler& handler = *plan_.handler;
  if (plan_.run_on == RunOn::kLoop || context_.workers == nullptr) {
    handler(std::move(request_), std::move(responder));
    return std::nullopt;
  }
  context_.workers->Run(
      [&handler, request = std::move(request_), responder = std::move(responder)]() mutable {
        handler(std::move(request), std::move(responder));
      });
  return std::nullopt;
}

SteadyTime Exchange::Deadline() const {
  if (answered_) return SteadyTime::max();
  if (complete_) return deadline_;
  const SteadyTime in_the_mean =
      began_ + std::max<std::chrono::nanoseconds>(context_.limits.body_grace, TimeFor(received_));
  const SteadyTime body = std::min(in_the_mean, body_due_);
  return plan_.grpc ? std::min(body, deadline_) : body;
}

// How long so many bytes take at the least rate.
std::chrono::nanoseconds Exchange::TimeFor(std::size_t bytes) const {
  return std::chrono::nanoseconds(
      bytes * std::nano::den / std::max<std::size_t>(context_.limits.min_body_bytes_per_second, 1));
}

// Each byte buys the time that it takes at the least rate, none more than the grace ahead.
void Exchange::KeepUp(std::size_t bytes) {
  body_due_ = std::min(body_due_ + TimeFor(bytes), host_->Now() + context_.limits.body_grace);
}

std::optional<Response> Exchange::OnTime() {
  if (answered_ || host_->Now() < Deadline()) return std::nullopt;
  const bool late_body = !complete_;
  Cancel();
  if (late_body)
    return Fail(Code::kDeadline, 408,
                fmt::format("the body came too slowly: {} bytes so far", received_));
  return Fail(Code::kDeadline, 504, "the deadline passed before an answer was ready");
}

void Exchange::Answered(const Response& response) {
  answered_ = true;
  record_.status = response.status;
  record_.bytes_out = response.body_prefix.size() + response.body.size();
  for (const Headers* headers : {&response.trailers, &response.headers}) {
    if (const auto status = headers->Get("grpc-status"); status && record_.grpc_status.empty())
      record_.grpc_status = *status;
  }
}

void Exchange::Cancel() { cancel_.Cancel(); }

void Exchange::Finish() {
  if (finished_) return;
  finished_ = true;
  if (!answered_) {
    Cancel();
    record_.status = 499;
  }
  record_.took = host_->Now() - began_;
  record_.bytes_in = received_;
  if (context_.observe) context_.observe(record_);
}

}  // namespace strongroom::net
