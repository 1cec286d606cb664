#include <deque>

#include <fmt/format.h>

#include "net/client_session.h"
#include "net/exchange.h"
#include "net/http1_parser.h"

namespace strongroom::net {
namespace {

struct Call {
  std::uint64_t number;
  OutgoingRequest request;
  ClientSession::Then then;
};

class Http1ClientSession final : public ClientSession, private Http1Events {
 public:
  Http1ClientSession(std::shared_ptr<SessionHost> host, ClientLimits limits)
      : host_(std::move(host)), limits_(limits) {}

  std::uint64_t Submit(OutgoingRequest request, Then then) override;
  void Cancel(std::uint64_t number) override;
  bool usable() const override { return !closing_; }

  void Receive(ByteView bytes) override;
  void ReceiveEnd() override;
  void Produce(Buffer& out, std::size_t enough) override;
  bool WantsRead() const override { return !closing_; }
  bool Done() const override { return closing_; }
  std::optional<SteadyTime> Deadline() const override {
    return std::nullopt;
  }  // callers keep their own
  void OnTime() override {}
  void Drain() override { closing_ = true; }
  void Abandon(const Error& why) override;

 private:
  void OnHead(Http1Head head) override;
  bool OnBody(ByteView bytes) override;
  void StartNext();
  void NewParser();
  void Finish(Result<IncomingResponse> response);
  void FailAll(const Error& why);

  const std::shared_ptr<SessionHost> host_;
  const ClientLimits limits_;
  std::deque<Call> calls_;  // the front one is on the wire
  std::unique_ptr<Http1Parser> parser_;
  IncomingResponse response_;
  Bytes in_;
  Bytes out_;
  std::size_t sent_ = 0;
  std::uint64_t last_number_ = 0;
  bool keep_alive_ = true;
  bool heard_ = false;  // a byte of the front call's answer came
  bool closing_ = false;
};

std::uint64_t Http1ClientSession::Submit(OutgoingRequest request, Then then) {
  const std::uint64_t number = ++last_number_;
  calls_.push_back({number, std::move(request), std::move(then)});
  if (calls_.size() == 1) StartNext();
  return number;
}

void Http1ClientSession::NewParser() {
  response_ = {};
  response_.body = Buffer(limits_.lead);
  parser_ = Http1Parser::ForResponse(
      *this,
      {.max_header_bytes = limits_.max_header_bytes, .max_header_count = limits_.max_header_count},
      calls_.front().request.method == "HEAD");
}

void Http1ClientSession::StartNext() {
  if (calls_.empty()) return;
  heard_ = false;
  NewParser();
  OutgoingRequest& request = calls_.front().request;
  CleanHeaders(request.headers);
  auto out = std::back_inserter(out_);
  fmt::format_to(out, "{} {} HTTP/1.1\r\nhost: {}\r\n", request.method, request.target,
                 request.authority);
  for (const auto& [name, value] : request.headers) {
    if (name != "host" && name != "content-length" && name != "connection")
      fmt::format_to(out, "{}: {}\r\n", name, value);
  }
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
    fmt::format_to(out, "content-length: {}\r\n", request.body.size());
  }
  fmt::format_to(out, "\r\n");
  out_.insert(out_.end(), request.body.begin(), request.body.end());
  host_->Wake();
}

void Http1ClientSession::OnHead(Http1Head head) {
  keep_alive_ = head.keep_alive;
  response_.status = head.status;
  response_.headers = std::move(head.headers);
}

bool Http1ClientSession::OnBody(ByteView bytes) {
  if (bytes.size() > limits_.max_body_bytes - response_.body.size()) return false;
  response_.body.Append(bytes);
  return true;
}

void Http1ClientSession::Receive(ByteView bytes) {
  in_.insert(in_.end(), bytes.begin(), bytes.end());
  std::size_t used = 0;
  while (!closing_ && used < in_.size()) {
    if (calls_.empty()) {
      closing_ = true;  // an answer that nobody asked for
      break;
    }
    heard_ = true;
    const auto fed = parser_->Feed(ByteView(in_).subspan(used));
    if (!fed) {
      const bool too_long = fed.error().code() == Code::kCancelled;
      FailAll(too_long ? Error(Code::kExhausted, fmt::format("response of more than {} bytes",
                                                             limits_.max_body_bytes))
                       : fed.error().In("response"));
      return;
    }
    used += *fed;
    if (parser_->done()) {
      if (response_.status >= 200) {
        Finish(std::move(response_));
      } else {
        NewParser();  // an interim response
      }
    } else if (*fed == 0) {
      break;
    }
  }
  in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(std::min(used, in_.size())));
  // Beast bounds heads, not the lines of chunks and trailers, which it wants whole.
  if (!closing_ && in_.size() > limits_.max_header_bytes) {
    FailAll(Error(Code::kExhausted, "a chunk's header or a trailer of the response is too long"));
  }
}

void Http1ClientSession::Finish(Result<IncomingResponse> response) {
  Call call = std::move(calls_.front());
  calls_.pop_front();
  if (!keep_alive_) closing_ = true;
  if (call.then) call.then({std::move(response), Reach::kAnswered});
  if (!closing_) {
    StartNext();
  } else {
    FailAll(Error(Code::kUnavailable, "the server closed the connection"));
  }
}

void Http1ClientSession::ReceiveEnd() {
  if (!calls_.empty() && parser_->header_done() && parser_->FeedEnd()) {
    keep_alive_ = false;
    return Finish(std::move(response_));
  }
  FailAll(Error(Code::kUnavailable, "the server closed the connection"));
}

void Http1ClientSession::FailAll(const Error& why) {
  closing_ = true;
  Reach reach = heard_ ? Reach::kAnswered : Reach::kUnanswered;
  for (auto& call : std::exchange(calls_, {})) {
    if (call.then) call.then({std::unexpected(why), reach});
    reach = Reach::kUntouched;  // the others are behind it, and not on the wire
  }
}

void Http1ClientSession::Cancel(std::uint64_t number) {
  if (calls_.empty()) return;
  if (calls_.front().number == number) {
    calls_.front().then = nullptr;
    return FailAll(Error(Code::kUnavailable, "the connection was given up with a cancelled call"));
  }
  std::erase_if(calls_, [number](const Call& call) { return call.number == number; });
}

void Http1ClientSession::Produce(Buffer& out, std::size_t enough) {
  const std::size_t n =
      std::min(out_.size() - sent_, enough > out.size() ? enough - out.size() : 0);
  out.Append(ByteView(out_).subspan(sent_, n));
  sent_ += n;
  if (sent_ < out_.size()) return;
  out_.clear();
  sent_ = 0;
}

void Http1ClientSession::Abandon(const Error& why) { FailAll(why); }

}  // namespace

std::shared_ptr<ClientSession> MakeHttp1ClientSession(std::shared_ptr<SessionHost> host,
                                                      ClientLimits limits) {
  return std::make_shared<Http1ClientSession>(std::move(host), limits);
}

}  // namespace strongroom::net
