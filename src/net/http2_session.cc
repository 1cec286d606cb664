#include "net/http2_session.h"

#include <map>

#include <fmt/format.h>

#include "base/text.h"
#include "net/frame_walk.h"
#include "net/nghttp2_engine.h"
#include "net/token_bucket.h"

namespace strongroom::net {
namespace {

struct Stream {
  std::int32_t id = 0;
  Request head = {};
  std::size_t header_bytes = 0;
  std::size_t header_count = 0;
  bool header_done = false;
  bool request_done = false;
  std::optional<std::uint64_t> content_length = std::nullopt;
  std::shared_ptr<Exchange> exchange = nullptr;  // shared with itself while it calls a handler
  Response response = {};                        // once answered
  std::size_t body_sent = 0;
  SteadyTime last_progress = {};  // of sending
};

// Less than this is sooner copied than read on its own.
constexpr std::size_t kWorthPlacing = 1024;

std::size_t BodySize(const Response& response) {
  return response.body_prefix.size() + response.body.size();
}

class Http2ServerSession final : public Session, private Nghttp2Events {
 public:
  Http2ServerSession(const ServerContext& context, std::shared_ptr<SessionHost> host,
                     std::shared_ptr<const ConnectionInfo> connection);

  std::span<std::uint8_t> Place() override;
  void Receive(ByteView bytes) override;
  void ReceiveEnd() override { broken_ = true; }
  void Produce(Buffer& out, std::size_t enough) override;
  bool WantsRead() const override {
    return !broken_ && nghttp2_session_want_read(session_.get()) != 0;
  }
  bool Done() const override;
  std::optional<Error> Fault() const override { return fault_; }
  std::optional<SteadyTime> Deadline() const override;
  void OnTime() override;
  void Drain() override;
  void Abandon(const Error& why) override;

 private:
  int OnBeginFrame(const nghttp2_frame_hd& header) override;
  int OnBeginHeaders(const nghttp2_frame& frame) override;
  int OnHeader(const nghttp2_frame& frame, std::string_view name, std::string_view value) override;
  int OnFrame(const nghttp2_frame& frame) override;
  int OnData(std::int32_t id, ByteView bytes) override;
  int OnStreamClose(std::int32_t id, std::uint32_t error) override;
  int OnFrameSent(const nghttp2_frame& frame) override;
  ssize_t ReadBody(void* body, std::size_t room, std::uint32_t& flags) override;
  int SendBody(void* body, ByteView frame_header, std::size_t size) override;

  Stream* Find(std::int32_t id);
  void HeaderComplete(Stream& stream);
  void RequestComplete(Stream& stream);
  void Answer(std::int32_t id, Response response);
  // GOAWAY with ENHANCE_YOUR_CALM; everything in flight ends.
  int Flooded(std::string_view what);

  const ServerContext& context_;
  const std::shared_ptr<SessionHost> host_;
  const std::shared_ptr<MemoryBudget> bodies_ = context_.ConnectionShare();
  const std::shared_ptr<const ConnectionInfo> connection_;
  Nghttp2Ptr<nghttp2_session> session_;
  FrameWalk walk_{NGHTTP2_CLIENT_MAGIC_LEN};
  std::map<std::int32_t, Stream> streams_;
  TokenBucket resets_;
  TokenBucket idle_frames_;
  Buffer* out_ = nullptr;  // where Produce is appending to
  SteadyTime quiet_since_;
  std::optional<SteadyTime> block_since_;  // a header block is open, or the preface has not come
  bool draining_ = false;
  bool broken_ = false;  // nothing more can be read or need be sent
  std::optional<Error> fault_;
};

Http2ServerSession::Http2ServerSession(const ServerContext& context,
                                       std::shared_ptr<SessionHost> host,
                                       std::shared_ptr<const ConnectionInfo> connection)
    : context_(context),
      host_(std::move(host)),
      connection_(std::move(connection)),
      resets_(context.limits.reset_burst, context.limits.resets_per_second, host_->Now()),
      idle_frames_(context.limits.idle_frame_burst, context.limits.idle_frames_per_second,
                   host_->Now()),
      quiet_since_(host_->Now()),
      block_since_(host_->Now()) {
  const Limits& limits = context_.limits;
  nghttp2_option* option = nullptr;
  if (nghttp2_option_new(&option) != 0) std::abort();
  const Nghttp2Ptr<nghttp2_option> owned(option);
  nghttp2_option_set_no_closed_streams(option, 1);
  nghttp2_option_set_max_continuations(option, limits.max_continuations);
  session_ = NewServerSession(*this, option);
  const std::array<nghttp2_settings_entry, 4> settings = {
      {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.max_concurrent_streams},
       {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, limits.max_frame_bytes},
       {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.stream_window},
       {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
        static_cast<std::uint32_t>(limits.max_header_bytes)}}};
  SubmitSettings(session_.get(), settings, limits.connection_window);
}

std::span<std::uint8_t> Http2ServerSession::Place() {
  if (broken_ || walk_.data_left() < kWorthPlacing) return {};
  const Stream* const stream = Find(walk_.stream());
  if (stream == nullptr || !stream->exchange) return {};
  return stream->exchange->BodyPlace(walk_.data_left());
}

void Http2ServerSession::Receive(ByteView bytes) {
  if (broken_) return;
  walk_.Advance(bytes);
  const ssize_t used = nghttp2_session_mem_recv(session_.get(), bytes.data(), bytes.size());
  if (used == static_cast<ssize_t>(bytes.size())) return;
  // Not HTTP/2 at all, or a callback gave up; a GOAWAY, if one is due, is queued.
  if (used < 0 && nghttp2_session_want_write(session_.get()) == 0) broken_ = true;
  if (used < 0)
    static_cast<void>(nghttp2_session_terminate_session(session_.get(), NGHTTP2_PROTOCOL_ERROR));
}

bool Http2ServerSession::Done() const {
  if (broken_) return true;
  if (draining_ && streams_.empty() && nghttp2_session_want_write(session_.get()) == 0) return true;
  return nghttp2_session_want_read(session_.get()) == 0 &&
         nghttp2_session_want_write(session_.get()) == 0;
}

Stream* Http2ServerSession::Find(std::int32_t id) {
  const auto it = streams_.find(id);
  return it == streams_.end() ? nullptr : &it->second;
}

int Http2ServerSession::Flooded(std::string_view what) {
  if (!fault_) fault_ = Error(Code::kExhausted, fmt::format("flooded with {}", what));
  static_cast<void>(nghttp2_session_terminate_session(session_.get(), NGHTTP2_ENHANCE_YOUR_CALM));
  return 0;
}

int Http2ServerSession::OnBeginFrame(const nghttp2_frame_hd& header) {
  const bool carries = header.type == NGHTTP2_HEADERS || header.type == NGHTTP2_CONTINUATION ||
                       (header.type == NGHTTP2_DATA &&
                        (header.length > 0 || (header.flags & NGHTTP2_FLAG_END_STREAM) != 0));
  if (!carries && !idle_frames_.Take(host_->Now())) return Flooded("frames that move nothing");
  return 0;
}

int Http2ServerSession::OnBeginHeaders(const nghttp2_frame& frame) {
  block_since_ = host_->Now();
  if (frame.headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
  Stream& stream = streams_[frame.hd.stream_id];
  stream.id = frame.hd.stream_id;
  stream.head.http_major = 2;
  stream.head.connection = connection_;
  return 0;
}

int Http2ServerSession::OnHeader(const nghttp2_frame& frame, std::string_view name,
                                 std::string_view value) {
  Stream* const stream = Find(frame.hd.stream_id);
  if (stream == nullptr) return 0;
  constexpr std::size_t kFieldOverhead = 32;  // RFC 9113, 6.5.2
  stream->header_bytes += name.size() + value.size() + kFieldOverhead;
  ++stream->header_count;
  if (stream->header_bytes > context_.limits.max_header_bytes ||
      stream->header_count > context_.limits.max_header_count) {
    return 0;  // answered 431 when the block ends; nothing of it is kept
  }
  if (stream->header_done) return 0;  // trailers: counted and dropped
  if (name == ":method") {
    stream->head.method = value;
  } else if (name == ":path") {
    stream->head.target = value;
  } else if (name == ":authority") {
    stream->head.headers.Add("host", std::string(value));
  } else if (!name.starts_with(':')) {
    if (name == "content-length") stream->content_length = ParseDecimal<std::uint64_t>(value);
    stream->head.headers.Add(std::string(name), std::string(value));
  }
  return 0;
}

int Http2ServerSession::OnFrame(const nghttp2_frame& frame) {
  if (frame.hd.type == NGHTTP2_SETTINGS && streams_.empty()) block_since_.reset();
  if (frame.hd.type == NGHTTP2_HEADERS) block_since_.reset();
  if (frame.hd.type == NGHTTP2_RST_STREAM) {
    const Stream* const stream = Find(frame.hd.stream_id);
    const bool early = stream != nullptr && stream->exchange && !stream->exchange->answered();
    if (early && !resets_.Take(host_->Now())) return Flooded("streams opened and reset");
    return 0;
  }
  if (frame.hd.type != NGHTTP2_HEADERS && frame.hd.type != NGHTTP2_DATA) return 0;
  Stream* const stream = Find(frame.hd.stream_id);
  if (stream == nullptr) return 0;
  if (!stream->header_done) HeaderComplete(*stream);
  if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 && !stream->request_done) {
    stream->request_done = true;
    if (!stream->exchange->answered()) RequestComplete(*stream);
  }
  return 0;
}

void Http2ServerSession::HeaderComplete(Stream& stream) {
  stream.header_done = true;
  stream.exchange = std::make_shared<Exchange>(context_, host_, bodies_, std::move(stream.head));
  auto refusal = stream.exchange->Begin(stream.content_length);
  if (stream.header_bytes > context_.limits.max_header_bytes ||
      stream.header_count > context_.limits.max_header_count) {
    refusal = Response::Text(
        431, fmt::format("header of {} fields and {} bytes, wanted at most {} and {}\n",
                         stream.header_count, stream.header_bytes, context_.limits.max_header_count,
                         context_.limits.max_header_bytes));
  }
  if (refusal) Answer(stream.id, *std::move(refusal));
}

int Http2ServerSession::OnData(std::int32_t id, ByteView bytes) {
  Stream* const stream = Find(id);
  if (stream == nullptr || !stream->exchange || stream->exchange->answered()) return 0;
  if (auto refusal = stream->exchange->OnBody(bytes)) Answer(id, *std::move(refusal));
  return 0;
}

void Http2ServerSession::RequestComplete(Stream& stream) {
  const std::int32_t id = stream.id;
  const std::shared_ptr<Exchange> alive_while_answered = stream.exchange;
  auto now = stream.exchange->OnEnd([self = weak_from_this(), id](Response response) {
    const auto alive = self.lock();
    if (!alive) return;
    auto& session = static_cast<Http2ServerSession&>(*alive);
    session.Answer(id, std::move(response));
    session.host_->Wake();
  });
  if (now) Answer(id, *std::move(now));
}

void Http2ServerSession::Answer(std::int32_t id, Response response) {
  Stream* const stream = Find(id);
  if (stream == nullptr || stream->exchange->answered())
    return;  // reset meanwhile, or the deadline answered
  CleanHeaders(response.headers);
  CleanHeaders(response.trailers);
  stream->exchange->Answered(response);
  stream->last_progress = host_->Now();
  const bool head_only = stream->exchange->head_only() || response.status < 200 ||
                         response.status == 204 || response.status == 304;
  const std::string status = std::to_string(response.status);
  const std::string length = std::to_string(BodySize(response));
  std::vector<nghttp2_nv> fields;
  fields.push_back(NameValue(":status", status));
  AddNameValues(fields, response.headers);
  if (!stream->exchange->grpc() && response.status != 204)
    fields.push_back(NameValue("content-length", length));
  const bool has_data = !head_only && (BodySize(response) != 0 || response.trailers.size() != 0);
  stream->response = std::move(response);
  const nghttp2_data_provider provider = BodyProvider(stream);
  if (nghttp2_submit_response(session_.get(), id, fields.data(), fields.size(),
                              has_data ? &provider : nullptr) != 0) {
    static_cast<void>(
        nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, id, NGHTTP2_INTERNAL_ERROR));
  }
}

ssize_t Http2ServerSession::ReadBody(void* body, std::size_t room, std::uint32_t& flags) {
  const Stream& stream = *static_cast<const Stream*>(body);
  const std::size_t left = BodySize(stream.response) - stream.body_sent;
  const std::size_t n = std::min(left, room);
  flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (n < left) return static_cast<ssize_t>(n);
  flags |= NGHTTP2_DATA_FLAG_EOF;
  if (stream.response.trailers.size() == 0) return static_cast<ssize_t>(n);
  std::vector<nghttp2_nv> fields;
  AddNameValues(fields, stream.response.trailers);
  flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
  if (nghttp2_submit_trailer(session_.get(), stream.id, fields.data(), fields.size()) != 0) {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }
  return static_cast<ssize_t>(n);
}

int Http2ServerSession::SendBody(void* body, ByteView frame_header, std::size_t size) {
  Stream& stream = *static_cast<Stream*>(body);
  out_->Append(frame_header);
  const std::string_view prefix = stream.response.body_prefix;
  const std::string_view front =
      prefix.substr(std::min(stream.body_sent, prefix.size())).substr(0, size);
  out_->Append(front);
  stream.body_sent += front.size();
  const std::size_t rest = size - front.size();
  if (rest != 0)
    out_->Append(ByteView(stream.response.body).subspan(stream.body_sent - prefix.size(), rest));
  stream.body_sent += rest;
  stream.last_progress = host_->Now();
  idle_frames_.Earn(static_cast<double>(size) / 1024.0);
  return 0;
}

int Http2ServerSession::OnFrameSent(const nghttp2_frame& frame) {
  const bool ends = (frame.hd.type == NGHTTP2_DATA || frame.hd.type == NGHTTP2_HEADERS) &&
                    (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  const Stream* const stream = Find(frame.hd.stream_id);
  if (!ends || stream == nullptr || stream->request_done) return 0;
  // Answered before the body came: the rest is not wanted (RFC 9113, 8.1).
  return nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, frame.hd.stream_id,
                                   NGHTTP2_NO_ERROR);
}

int Http2ServerSession::OnStreamClose(std::int32_t id, std::uint32_t) {
  const auto it = streams_.find(id);
  if (it == streams_.end()) return 0;
  if (it->second.exchange) {
    it->second.exchange->Finish();
    if (it->second.exchange->answered()) idle_frames_.Earn(4);
  }
  streams_.erase(it);
  quiet_since_ = host_->Now();
  return 0;
}

void Http2ServerSession::Produce(Buffer& out, std::size_t enough) {
  out_ = &out;
  if (!ProduceFrames(session_.get(), out, enough)) broken_ = true;
  out_ = nullptr;
}

std::optional<SteadyTime> Http2ServerSession::Deadline() const {
  if (broken_) return std::nullopt;
  SteadyTime first = SteadyTime::max();
  if (block_since_) first = *block_since_ + context_.limits.header_timeout;
  if (streams_.empty()) return std::min(first, quiet_since_ + context_.limits.idle_timeout);
  for (const auto& [id, stream] : streams_) {
    if (!stream.exchange) continue;
    first = std::min(first, stream.exchange->answered()
                                ? stream.last_progress + context_.limits.write_timeout
                                : stream.exchange->Deadline());
  }
  return first;
}

void Http2ServerSession::OnTime() {
  const SteadyTime now = host_->Now();
  const bool idle = streams_.empty() && now >= quiet_since_ + context_.limits.idle_timeout;
  if (idle || (block_since_ && now >= *block_since_ + context_.limits.header_timeout)) {
    static_cast<void>(nghttp2_session_terminate_session(
        session_.get(), idle ? NGHTTP2_NO_ERROR : NGHTTP2_ENHANCE_YOUR_CALM));
    draining_ = true;
    block_since_.reset();
    return;
  }
  std::vector<std::int32_t> ids;
  for (const auto& [id, stream] : streams_) ids.push_back(id);
  for (const std::int32_t id : ids) {
    Stream* const stream = Find(id);
    if (stream == nullptr || !stream->exchange) continue;
    if (auto late = stream->exchange->OnTime()) {
      Answer(id, *std::move(late));
    } else if (stream->exchange->answered() &&
               now >= stream->last_progress + context_.limits.write_timeout) {
      static_cast<void>(
          nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL));
      stream->last_progress = now;
    }
  }
}

void Http2ServerSession::Drain() {
  if (draining_) return;
  draining_ = true;
  static_cast<void>(nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE,
                                          nghttp2_session_get_last_proc_stream_id(session_.get()),
                                          NGHTTP2_NO_ERROR, nullptr, 0));
}

void Http2ServerSession::Abandon(const Error&) {
  broken_ = true;
  for (auto& [id, stream] : streams_) {
    if (stream.exchange) stream.exchange->Finish();
  }
  streams_.clear();
}

}  // namespace

std::shared_ptr<Session> MakeHttp2ServerSession(const ServerContext& context,
                                                std::shared_ptr<SessionHost> host,
                                                std::shared_ptr<const ConnectionInfo> connection) {
  return std::make_shared<Http2ServerSession>(context, std::move(host), std::move(connection));
}

}  // namespace strongroom::net
