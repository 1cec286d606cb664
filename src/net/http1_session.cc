#include "net/http1_session.h"

#include <deque>
#include <utility>

#include <fmt/format.h>

#include "net/http1_parser.h"

namespace strongroom::net {
namespace {

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 204: return "No Content";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 417: return "Expectation Failed";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "Status";
  }
}

// While answers of this size wait to be sent, pipelined requests wait too.
constexpr std::size_t kMaxUnsent = 256 * 1024;

bool HasNoBody(int status) { return status < 200 || status == 204 || status == 304; }

class Http1ServerSession final : public Session, private Http1Events {
 public:
  Http1ServerSession(const ServerContext& context, std::shared_ptr<SessionHost> host,
                     std::shared_ptr<const ConnectionInfo> connection)
      : context_(context), host_(std::move(host)), connection_(std::move(connection)) {
    NextMessage();
  }

  void Receive(ByteView bytes) override;
  void ReceiveEnd() override;
  void Produce(Buffer& out, std::size_t enough) override;
  bool WantsRead() const override {
    return !closing_ && !ended_ && !waiting_ && unsent_ <= kMaxUnsent;
  }
  bool Done() const override {
    return (closing_ || (ended_ && !waiting_ && !resuming_ && !held_)) && unsent_ == 0;
  }
  std::optional<SteadyTime> Deadline() const override;
  void OnTime() override;
  void Drain() override;
  void Abandon(const Error& why) override;

 private:
  void OnHead(Http1Head head) override;
  bool OnBody(ByteView bytes) override;

  void NextMessage();
  // Parses what is there until an answer is awaited or more bytes are.
  std::size_t Advance(ByteView bytes);
  void RequestComplete();
  void Refuse(const Error& error);
  void Deliver(std::uint64_t number, Response response);
  void ResumeLater();
  void Resume();
  void Put(Bytes bytes);
  void Send(Response response);
  void WriteHead(const Response& response, bool keep_alive);

  const ServerContext& context_;
  const std::shared_ptr<SessionHost> host_;
  const std::shared_ptr<MemoryBudget> bodies_ = context_.ConnectionShare();
  const std::shared_ptr<const ConnectionInfo> connection_;
  std::unique_ptr<Http1Parser> parser_;
  std::shared_ptr<Exchange> exchange_;  // the request being received or answered; shared with
                                        // itself while it calls a handler
  std::uint64_t number_ = 0;            // of that request
  Bytes in_;                            // received and not yet parsed
  std::deque<Bytes> out_;               // heads and bodies to be sent, in turn
  std::size_t unsent_ = 0;              // bytes of them
  std::size_t sent_ = 0;                // of the first
  SteadyTime quiet_since_;              // the last answer or the start
  std::optional<SteadyTime> head_since_;
  bool head_method_ = false;  // HEAD: no body in the answer
  bool keep_alive_ = true;
  int minor_ = 1;
  bool waiting_ = false;   // the handler has the request
  bool resuming_ = false;  // a posted task goes on with what is in in_
  bool held_ = false;      // requests wait for answers to be taken
  bool draining_ = false;
  bool ended_ = false;    // the peer sends no more
  bool closing_ = false;  // nothing follows what is in out_
};

void Http1ServerSession::NextMessage() {
  exchange_.reset();
  ++number_;
  parser_ = Http1Parser::ForRequest(*this, {.max_header_bytes = context_.limits.max_header_bytes,
                                            .max_header_count = context_.limits.max_header_count});
  head_since_.reset();
  quiet_since_ = host_->Now();
}

void Http1ServerSession::Receive(ByteView bytes) {
  if (closing_) return;
  if (in_.empty()) {
    const std::size_t used = Advance(bytes);
    in_.assign(bytes.begin() + static_cast<std::ptrdiff_t>(used), bytes.end());
  } else {
    in_.insert(in_.end(), bytes.begin(), bytes.end());
    const std::size_t used = Advance(in_);
    in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(used));
  }
  // Beast bounds heads, not the lines of chunks and trailers, which it wants whole.
  const bool parsing = !closing_ && !waiting_ && !held_ && !resuming_;
  if (parsing && in_.size() > context_.limits.max_header_bytes) {
    Refuse(Error(Code::kExhausted, "a chunk's header or a trailer is too long"));
  }
}

std::size_t Http1ServerSession::Advance(ByteView bytes) {
  std::size_t used = 0;
  while (!waiting_ && !closing_ && used < bytes.size()) {
    held_ = unsent_ > kMaxUnsent;
    if (held_) break;
    if (!head_since_) head_since_ = host_->Now();
    const auto fed = parser_->Feed(bytes.subspan(used));
    if (!fed) {
      if (!closing_) Refuse(fed.error());
      return bytes.size();
    }
    used += *fed;
    if (closing_) return bytes.size();
    if (parser_->done()) {
      RequestComplete();
    } else if (*fed == 0) {
      break;
    }
  }
  return closing_ ? bytes.size() : used;
}

void Http1ServerSession::OnHead(Http1Head head) {
  keep_alive_ = head.keep_alive;
  minor_ = head.minor;
  head_method_ = head.method == "HEAD";
  const bool wants_continue = head.headers.Get("expect") == "100-continue" && head.minor >= 1;
  const bool no_host = head.minor >= 1 && !head.headers.Get("host");
  Request request;
  request.method = std::move(head.method);
  request.target = std::move(head.target);
  request.headers = std::move(head.headers);
  request.connection = connection_;
  exchange_ = std::make_shared<Exchange>(context_, host_, bodies_, std::move(request));
  auto refusal = exchange_->Begin(head.content_length);
  if (no_host) refusal = Response::Text(400, "HTTP/1.1 wants a host header\n");
  if (refusal) {
    keep_alive_ = false;  // its body is not read
    Send(*std::move(refusal));
  } else if (wants_continue) {
    Put(ToBytes(std::string_view("HTTP/1.1 100 Continue\r\n\r\n")));
  }
}

bool Http1ServerSession::OnBody(ByteView bytes) {
  if (closing_) return false;
  auto refusal = exchange_->OnBody(bytes);
  if (!refusal) return true;
  keep_alive_ = false;
  Send(*std::move(refusal));
  return false;
}

void Http1ServerSession::RequestComplete() {
  waiting_ = true;
  const std::shared_ptr<Exchange> alive_while_answered = exchange_;
  auto now = exchange_->OnEnd([self = weak_from_this(), number = number_](Response response) {
    if (const auto alive = self.lock()) {
      static_cast<Http1ServerSession&>(*alive).Deliver(number, std::move(response));
    }
  });
  if (now) Deliver(number_, *std::move(now));
}

void Http1ServerSession::Refuse(const Error& error) {
  const int status = error.code() == Code::kExhausted  ? 431
                     : error.code() == Code::kDeadline ? 408
                                                       : 400;
  keep_alive_ = false;
  if (!exchange_) {
    Request request;
    request.connection = connection_;
    request.target = "/";
    exchange_ = std::make_shared<Exchange>(context_, host_, bodies_, std::move(request));
  }
  Send(Response::Text(status, error.message() + "\n"));
}

void Http1ServerSession::Deliver(std::uint64_t number, Response response) {
  if (number != number_ || !waiting_ || closing_) return;  // too late: the deadline answered
  waiting_ = false;
  Send(std::move(response));
  // A pipelined request may be waiting, and this may be its predecessor's handler: go on from the
  // outside.
  if (!closing_ && !in_.empty()) ResumeLater();
  host_->Wake();
}

void Http1ServerSession::ResumeLater() {
  if (std::exchange(resuming_, true)) return;
  host_->Post([self = weak_from_this()] {
    if (const auto alive = self.lock()) static_cast<Http1ServerSession&>(*alive).Resume();
  });
}

void Http1ServerSession::Resume() {
  resuming_ = false;
  if (!closing_) {
    const std::size_t used = Advance(in_);
    in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(used));
  }
  host_->Wake();
}

void Http1ServerSession::Send(Response response) {
  CleanHeaders(response.headers);
  if (HasNoBody(response.status)) response.body.clear();
  const bool keep = keep_alive_ && !draining_;
  WriteHead(response, keep);
  exchange_->Answered(response);
  exchange_->Finish();
  if (!head_method_) {
    Put(ToBytes(std::string_view(response.body_prefix)));
    Put(std::move(response.body));
  }
  if (!keep) {
    closing_ = true;
  } else {
    NextMessage();
  }
}

void Http1ServerSession::WriteHead(const Response& response, bool keep_alive) {
  fmt::memory_buffer text;
  auto out = std::back_inserter(text);
  fmt::format_to(out, "HTTP/1.1 {} {}\r\n", response.status, ReasonPhrase(response.status));
  for (const auto& [name, value] : response.headers) {
    if (name == "content-length" || name == "connection" || name == "transfer-encoding") continue;
    fmt::format_to(out, "{}: {}\r\n", name, value);
  }
  if (!HasNoBody(response.status)) {
    fmt::format_to(out, "content-length: {}\r\n",
                   response.body_prefix.size() + response.body.size());
  }
  if (!keep_alive) {
    fmt::format_to(out, "connection: close\r\n");
  } else if (minor_ == 0) {
    fmt::format_to(out, "connection: keep-alive\r\n");
  }
  fmt::format_to(out, "\r\n");
  Put(ToBytes(std::string_view(text.data(), text.size())));
}

void Http1ServerSession::Put(Bytes bytes) {
  if (bytes.empty()) return;
  unsent_ += bytes.size();
  out_.push_back(std::move(bytes));
}

void Http1ServerSession::ReceiveEnd() {
  ended_ = true;
  if (!waiting_ && !resuming_ && !held_) closing_ = true;
}

void Http1ServerSession::Produce(Buffer& out, std::size_t enough) {
  while (!out_.empty() && out.size() < enough) {
    const ByteView rest = ByteView(out_.front()).subspan(sent_);
    const std::size_t n = std::min(rest.size(), enough - out.size());
    out.Append(rest.first(n));
    sent_ += n;
    unsent_ -= n;
    quiet_since_ = host_->Now();
    if (sent_ < out_.front().size()) break;
    out_.pop_front();
    sent_ = 0;
  }
  if (unsent_ == 0 && std::exchange(held_, false)) ResumeLater();
}

std::optional<SteadyTime> Http1ServerSession::Deadline() const {
  if (closing_) return std::nullopt;
  if (exchange_) return exchange_->Deadline();
  if (head_since_) return *head_since_ + context_.limits.header_timeout;
  if (unsent_ != 0) return std::nullopt;  // the connection watches whether it is taken
  return quiet_since_ + context_.limits.idle_timeout;
}

void Http1ServerSession::OnTime() {
  if (closing_) return;
  if (exchange_) {
    if (auto answer = exchange_->OnTime()) {
      waiting_ = false;
      keep_alive_ = false;
      Send(*std::move(answer));
    }
    return;
  }
  const SteadyTime now = host_->Now();
  if (head_since_ && now >= *head_since_ + context_.limits.header_timeout) {
    Refuse(Error(Code::kDeadline, "the header came too slowly"));
  } else if (!head_since_ && unsent_ == 0 && now >= quiet_since_ + context_.limits.idle_timeout) {
    closing_ = true;
  }
}

void Http1ServerSession::Drain() {
  draining_ = true;
  if (!exchange_ && !head_since_) closing_ = true;
}

void Http1ServerSession::Abandon(const Error&) {
  closing_ = true;
  if (exchange_) exchange_->Finish();
  exchange_.reset();
}

}  // namespace

std::shared_ptr<Session> MakeHttp1ServerSession(const ServerContext& context,
                                                std::shared_ptr<SessionHost> host,
                                                std::shared_ptr<const ConnectionInfo> connection) {
  return std::make_shared<Http1ServerSession>(context, std::move(host), std::move(connection));
}

}  // namespace strongroom::net
