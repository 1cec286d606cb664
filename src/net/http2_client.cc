#include <array>
#include <map>

#include <fmt/format.h>

#include "base/text.h"
#include "net/client_session.h"
#include "net/exchange.h"
#include "net/nghttp2_engine.h"

namespace strongroom::net {
namespace {

constexpr std::uint32_t kStreamWindow = 8 << 20;
constexpr std::uint32_t kConnectionWindow = 16 << 20;

struct Call {
  std::int32_t id = 0;
  OutgoingRequest request = {};
  std::size_t body_sent = 0;
  IncomingResponse response = {};
  std::size_t header_bytes = 0;
  std::size_t header_count = 0;
  bool headers_done = false;
  bool complete = false;
  ClientSession::Then then = nullptr;
};

class Http2ClientSession final : public ClientSession, private Nghttp2Events {
 public:
  Http2ClientSession(std::shared_ptr<SessionHost> host, ClientLimits limits);

  std::uint64_t Submit(OutgoingRequest request, Then then) override;
  void Cancel(std::uint64_t number) override;
  bool usable() const override {
    return !broken_ && !draining_ && nghttp2_session_check_request_allowed(session_.get()) != 0;
  }

  void Receive(ByteView bytes) override;
  void ReceiveEnd() override { broken_ = true; }
  void Produce(Buffer& out, std::size_t enough) override;
  bool WantsRead() const override { return !broken_; }
  bool Done() const override;
  std::optional<SteadyTime> Deadline() const override {
    return std::nullopt;
  }  // callers keep their own
  void OnTime() override {}
  void Drain() override;
  void Abandon(const Error& why) override;

 private:
  int OnHeader(const nghttp2_frame& frame, std::string_view name, std::string_view value) override;
  int OnFrame(const nghttp2_frame& frame) override;
  int OnData(std::int32_t id, ByteView bytes) override;
  int OnStreamClose(std::int32_t id, std::uint32_t error) override;
  ssize_t ReadBody(void* body, std::size_t room, std::uint32_t& flags) override;
  int SendBody(void* body, ByteView frame_header, std::size_t size) override;
  Call* Find(std::int32_t id);
  void Finish(std::int32_t id, Result<IncomingResponse> response, Reach reach);

  const std::shared_ptr<SessionHost> host_;
  const ClientLimits limits_;
  Nghttp2Ptr<nghttp2_session> session_;
  std::map<std::int32_t, Call> calls_;
  Buffer* out_ = nullptr;
  bool draining_ = false;
  bool broken_ = false;
};

Http2ClientSession::Http2ClientSession(std::shared_ptr<SessionHost> host, ClientLimits limits)
    : host_(std::move(host)), limits_(limits), session_(NewClientSession(*this)) {
  const std::array<nghttp2_settings_entry, 3> settings = {
      {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
       {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
       {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
        static_cast<std::uint32_t>(limits.max_header_bytes)}}};
  SubmitSettings(session_.get(), settings, kConnectionWindow);
}

std::uint64_t Http2ClientSession::Submit(OutgoingRequest request, Then then) {
  Call call{.request = std::move(request), .then = std::move(then)};
  call.response.body = Buffer(limits_.lead);
  CleanHeaders(call.request.headers);
  const std::uint32_t next = nghttp2_session_get_next_stream_id(session_.get());
  if (next > INT32_MAX || !usable()) {
    call.then({Unavailable("the connection takes no more calls"), Reach::kUntouched});
    return 0;
  }
  const auto id = static_cast<std::int32_t>(next);
  call.id = id;
  Call& kept = calls_[id] = std::move(call);
  const OutgoingRequest& outgoing = kept.request;
  const std::string length = std::to_string(outgoing.body.size());
  std::vector<nghttp2_nv> fields = {
      NameValue(":method", outgoing.method), NameValue(":scheme", outgoing.scheme),
      NameValue(":authority", outgoing.authority), NameValue(":path", outgoing.target)};
  AddNameValues(fields, outgoing.headers);
  const bool has_body = !outgoing.body.empty() || outgoing.send_body_always;
  if (has_body && !outgoing.send_body_always) fields.push_back(NameValue("content-length", length));
  const nghttp2_data_provider provider = BodyProvider(&kept);
  if (nghttp2_submit_request(session_.get(), nullptr, fields.data(), fields.size(),
                             has_body ? &provider : nullptr, nullptr) != id) {
    Finish(id, Unavailable("the connection takes no more calls"), Reach::kUntouched);
    return 0;
  }
  host_->Wake();
  return static_cast<std::uint64_t>(id);
}

void Http2ClientSession::Cancel(std::uint64_t number) {
  const auto id = static_cast<std::int32_t>(number);
  if (Call* const call = Find(id)) {
    call->then = nullptr;
    static_cast<void>(
        nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL));
    host_->Wake();
  }
}

Call* Http2ClientSession::Find(std::int32_t id) {
  const auto it = calls_.find(id);
  return it == calls_.end() ? nullptr : &it->second;
}

int Http2ClientSession::OnHeader(const nghttp2_frame& frame, std::string_view name,
                                 std::string_view value) {
  Call* const call = Find(frame.hd.stream_id);
  if (call == nullptr) return 0;
  constexpr std::size_t kFieldOverhead = 32;  // RFC 9113, 6.5.2
  call->header_bytes += name.size() + value.size() + kFieldOverhead;
  if (call->header_bytes > limits_.max_header_bytes ||
      ++call->header_count > limits_.max_header_count) {
    Finish(call->id,
           Exhausted(fmt::format("response header of more than {} bytes or {} fields",
                                 limits_.max_header_bytes, limits_.max_header_count)),
           Reach::kAnswered);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }
  if (name == ":status") {
    call->response.status = ParseDecimal<int>(value).value_or(0);
  } else if (!name.starts_with(':')) {
    (call->headers_done ? call->response.trailers : call->response.headers)
        .Add(std::string(name), std::string(value));
  }
  return 0;
}

int Http2ClientSession::OnFrame(const nghttp2_frame& frame) {
  Call* const call = Find(frame.hd.stream_id);
  if (call == nullptr) return 0;
  if (frame.hd.type == NGHTTP2_HEADERS) {
    if (call->response.status >= 200) {
      call->headers_done = true;
    } else {
      call->response.headers = {};  // an interim response
    }
  }
  const bool carries_end = frame.hd.type == NGHTTP2_HEADERS || frame.hd.type == NGHTTP2_DATA;
  if (carries_end && (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) call->complete = true;
  return 0;
}

int Http2ClientSession::OnData(std::int32_t id, ByteView bytes) {
  Call* const call = Find(id);
  if (call == nullptr || !call->then) return 0;
  if (bytes.size() > limits_.max_body_bytes - call->response.body.size()) {
    Finish(id, Exhausted(fmt::format("response of more than {} bytes", limits_.max_body_bytes)),
           Reach::kAnswered);
    return nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
  }
  call->response.body.Append(bytes);
  return 0;
}

int Http2ClientSession::OnStreamClose(std::int32_t id, std::uint32_t error) {
  Call* const call = Find(id);
  if (call == nullptr) return 0;
  if (call->complete) {
    // RST_STREAM(NO_ERROR) after a whole answer only says that our body is not wanted (RFC
    // 9113, 8.1).
    Finish(id, std::move(call->response), Reach::kAnswered);
  } else if (error == NGHTTP2_CANCEL) {
    Finish(id, Cancelled("the server cancelled the call"), Reach::kAnswered);
  } else {
    Finish(id,
           Unavailable(fmt::format("the server ended the call: {}", nghttp2_http2_strerror(error))),
           error == NGHTTP2_REFUSED_STREAM && call->response.status == 0 ? Reach::kUntouched
                                                                         : Reach::kAnswered);
  }
  calls_.erase(id);  // nghttp2 asks for its body no more
  return 0;
}

// The call's data source may still be asked for: the entry stays until nghttp2 has closed the
// stream.
void Http2ClientSession::Finish(std::int32_t id, Result<IncomingResponse> response, Reach reach) {
  Call* const call = Find(id);
  if (call == nullptr) return;
  const Then then = std::exchange(call->then, nullptr);
  if (nghttp2_session_find_stream(session_.get(), id) == nullptr) calls_.erase(id);
  if (then) then({std::move(response), reach});
}

ssize_t Http2ClientSession::ReadBody(void* body, std::size_t room, std::uint32_t& flags) {
  const Call& call = *static_cast<const Call*>(body);
  const std::size_t left = call.request.body.size() - call.body_sent;
  flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (left <= room) flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<ssize_t>(std::min(left, room));
}

int Http2ClientSession::SendBody(void* body, ByteView frame_header, std::size_t size) {
  Call& call = *static_cast<Call*>(body);
  out_->Append(frame_header);
  out_->Append(ByteView(call.request.body).subspan(call.body_sent, size));
  call.body_sent += size;
  return 0;
}

void Http2ClientSession::Receive(ByteView bytes) {
  if (broken_) return;
  const ssize_t used = nghttp2_session_mem_recv(session_.get(), bytes.data(), bytes.size());
  if (used < 0) broken_ = true;
}

bool Http2ClientSession::Done() const {
  if (broken_ || (draining_ && calls_.empty())) return true;
  return nghttp2_session_want_read(session_.get()) == 0 &&
         nghttp2_session_want_write(session_.get()) == 0;
}

void Http2ClientSession::Produce(Buffer& out, std::size_t enough) {
  out_ = &out;
  if (!ProduceFrames(session_.get(), out, enough)) broken_ = true;
  out_ = nullptr;
}

void Http2ClientSession::Drain() {
  draining_ = true;
  static_cast<void>(
      nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE, 0, NGHTTP2_NO_ERROR, nullptr, 0));
}

void Http2ClientSession::Abandon(const Error& why) {
  broken_ = true;
  for (auto& [id, call] : calls_) {
    const Reach reach = call.response.status == 0 ? Reach::kUnanswered : Reach::kAnswered;
    if (const Then then = std::exchange(call.then, nullptr)) then({std::unexpected(why), reach});
  }
  // The session's data sources point into the calls: both go together.
}

}  // namespace

std::shared_ptr<ClientSession> MakeHttp2ClientSession(std::shared_ptr<SessionHost> host,
                                                      ClientLimits limits) {
  return std::make_shared<Http2ClientSession>(std::move(host), limits);
}

}  // namespace strongroom::net
