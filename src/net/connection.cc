#include "net/connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <utility>

namespace strongroom::net {
namespace {

constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
// How much is read before others on the loop get their turn.
constexpr std::size_t kReadTurn = 1 << 20;
// While this much waits to be sent, nothing is read: a peer that asks and does not listen is not
// served further.
constexpr std::size_t kMaxUnsent = 1 << 20;
// How long a peer may go on sending after its last answer, so that it gets to read it.
constexpr Milliseconds kLingerTime{1000};
// And how much may still come from a peer whose handshake failed: what may be under way.
constexpr std::size_t kMaxAfterRefusal = 8 << 20;

std::uint64_t NextConnectionId() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

}  // namespace

std::shared_ptr<Connection> Connection::Open(std::shared_ptr<EventLoop> loop, UniqueFd fd,
                                             ConnectionOptions options) {
  auto connection = std::shared_ptr<Connection>(
      new Connection(std::move(loop), std::move(fd), std::move(options)));
  connection->Handshake();
  return connection;
}

Connection::Connection(std::shared_ptr<EventLoop> loop, UniqueFd fd, ConnectionOptions options)
    : loop_(std::move(loop)),
      socket_(loop_->Adopt(std::move(fd))),
      options_(std::move(options)),
      info_(std::make_shared<ConnectionInfo>()),
      since_(Now()),
      last_sent_(since_) {
  info_->id = NextConnectionId();
  info_->remote_address = options_.remote_address;
  info_->local_address = options_.local_address;
}

void Connection::Handshake() {
  const auto progress = options_.transport->Handshake();
  if (!FlushOut()) return;
  if (!progress) return StartLinger(progress.error());
  if (*progress == Progress::kDone) {
    info_->tls = options_.transport->Peer();
    const bool plain = info_->tls.version == TlsVersion::kNone;
    if (!plain || !options_.is_server)
      return Open(info_->tls.alpn == "h2" || (plain && !options_.is_server));
    state_ = State::kSniffing;
  } else if (*progress == Progress::kEnd) {
    return Close(Error(Code::kUnavailable, "the peer closed the connection in the TLS handshake"));
  }
  ArmRead();
  ArmTimer();
}

void Connection::Sniff(ByteView bytes) {
  sniffed_.insert(sniffed_.end(), bytes.begin(), bytes.end());
  const std::size_t n = std::min(sniffed_.size(), kHttp2Preface.size());
  const bool may_be_http2 = AsText(ByteView(sniffed_).first(n)) == kHttp2Preface.substr(0, n);
  if (may_be_http2 && n < kHttp2Preface.size()) return;
  Open(may_be_http2);
}

void Connection::Open(bool http2) {
  state_ = State::kOpen;
  since_ = Now();
  // In HTTP/1.1 a request may cross the end of an idle connection unanswered; GOAWAY says what to
  // ask again.
  if (!http2) options_.max_age = Milliseconds(0);
  session_ = options_.make_session(shared_from_this(), info_, http2);
  if (draining_) session_->Drain();
  if (!sniffed_.empty()) Deliver(std::exchange(sniffed_, {}));
  // What came with the handshake's last flight is in the transport's buffer already.
  ReadSome();
}

bool Connection::ReadAllowed() const {
  if (peer_ended_ || options_.transport->unsent() > kMaxUnsent) return false;
  return state_ == State::kSniffing ||
         (state_ == State::kOpen && session_->WantsRead() && !session_->Done());
}

std::span<std::uint8_t> Connection::ReadPlace() {
  if (state_ == State::kOpen) {
    if (const auto place = session_->Place(); !place.empty()) return place;
  }
  return loop_->scratch();
}

void Connection::ReadSome() {
  const auto self = shared_from_this();  // callbacks below may let go of the last reference
  std::size_t total = 0;
  while (ReadAllowed()) {
    if (total >= kReadTurn) {
      ReadLater();
      break;
    }
    std::size_t n = 0;
    const std::span<std::uint8_t> place = ReadPlace();
    const auto progress = options_.transport->Read(place, n);
    if (!progress) {
      FlushOut();  // an alert may say why
      return Close(progress.error());
    }
    if (*progress == Progress::kDone) {
      total += n;
      Deliver(place.first(n));
      if (options_.transport->Drained()) break;  // asking again would cost a system call
      continue;
    }
    if (*progress == Progress::kEnd) {
      peer_ended_ = true;
      if (state_ != State::kOpen) return Close(std::nullopt);
      busy_ = true;
      session_->ReceiveEnd();
      busy_ = false;
    }
    break;
  }
  Pump();
}

void Connection::Deliver(ByteView bytes) {
  if (state_ == State::kSniffing) return Sniff(bytes);
  busy_ = true;
  session_->Receive(bytes);
  busy_ = false;
}

void Connection::Wake() {
  if (busy_ || state_ != State::kOpen) return;
  const auto self = shared_from_this();
  Pump();
}

// Sends what the session has, as far as the socket takes it.
void Connection::Pump() {
  if (state_ == State::kClosed || state_ == State::kLingering) return;
  Buffer plain;
  for (;;) {
    if (!FlushOut()) return;
    // While the socket takes no more, its becoming writable leads back here.
    if (state_ != State::kOpen || options_.transport->unsent() != 0) break;
    plain.Clear();
    busy_ = true;
    session_->Produce(plain, Transport::kFlushAt);
    busy_ = false;
    if (plain.empty()) break;
    if (const Status written = options_.transport->Write(plain.view()); !written)
      return Close(written.error());
  }
  if (state_ == State::kOpen && options_.transport->unsent() == 0 && session_->Done())
    return StartLinger(session_->Fault());
  if (ReadAllowed()) {
    if (options_.transport->HasBuffered()) {
      ReadLater();
    } else {
      ArmRead();
    }
  }
  ArmTimer();
}

// After the others on the loop had their turn; once, however often it is asked for.
void Connection::ReadLater() {
  if (std::exchange(read_posted_, true)) return;
  loop_->Post([self = shared_from_this()] {
    self->read_posted_ = false;
    if (self->state_ != State::kClosed) self->ReadSome();
  });
}

// False when the connection was closed.
bool Connection::FlushOut() {
  const std::uint64_t before = options_.transport->total_sent();
  const auto progress = options_.transport->Flush();
  if (!progress) {
    Close(progress.error());
    return false;
  }
  if (options_.transport->total_sent() != before || options_.transport->unsent() == 0)
    last_sent_ = Now();
  if (*progress == Progress::kWantWrite) ArmWrite();
  return true;
}

void Connection::ArmRead() {
  if (std::exchange(read_armed_, true)) return;
  options_.transport->Rest();
  socket_->WaitReadable([self = shared_from_this()] {
    self->read_armed_ = false;
    if (self->state_ == State::kHandshake) return self->Handshake();
    if (self->state_ == State::kLingering) return self->Linger();
    if (self->state_ != State::kClosed) self->ReadSome();
  });
}

void Connection::ArmWrite() {
  if (std::exchange(write_armed_, true)) return;
  socket_->WaitWritable([self = shared_from_this()] {
    self->write_armed_ = false;
    if (self->state_ == State::kHandshake || self->state_ == State::kSniffing) {
      self->FlushOut();
    } else {
      self->Pump();
    }
  });
}

// Says that nothing more comes, and waits for the peer to have read it: closed with bytes unread,
// the connection would be reset, and the last answer or alert lost. `why` the handshake failed.
void Connection::StartLinger(const std::optional<Error>& why) {
  options_.transport->WriteEnd();
  const auto progress = options_.transport->Flush();
  ::shutdown(socket_->fd(), SHUT_WR);
  if (peer_ended_ || !options_.is_server || !progress) return Close(why);
  refused_for_ = why;
  state_ = State::kLingering;
  since_ = Now();
  timer_at_.reset();
  ArmRead();
  ArmTimer();
}

// Throws away what still comes, until the peer has closed or the time is up.
void Connection::Linger() {
  for (std::size_t total = 0; total < kReadTurn;) {
    const auto scratch = loop_->scratch();
    const ssize_t n = ::recv(socket_->fd(), scratch.data(), scratch.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (n <= 0 || (refused_for_ && thrown_away_ > kMaxAfterRefusal)) return Close(refused_for_);
    total += static_cast<std::size_t>(n);
    thrown_away_ += static_cast<std::size_t>(n);
  }
  ArmRead();
}

std::optional<SteadyTime> Connection::NextDeadline() const {
  std::optional<SteadyTime> next;
  const auto no_later_than = [&next](SteadyTime time) {
    next = next ? std::min(*next, time) : time;
  };
  if (state_ == State::kHandshake || state_ == State::kSniffing)
    no_later_than(since_ + options_.handshake_timeout);
  if (state_ == State::kLingering) no_later_than(since_ + kLingerTime);
  if (state_ == State::kOpen) {
    if (const auto session = session_->Deadline()) no_later_than(*session);
    if (Ages()) no_later_than(since_ + options_.max_age);
  }
  if (options_.transport->unsent() != 0) no_later_than(last_sent_ + options_.write_timeout);
  return next;
}

bool Connection::Ages() const { return options_.max_age.count() > 0 && !draining_; }

// The timer runs for the earliest deadline it ever had; where that moved on meanwhile, it is set
// again when it fires.
void Connection::ArmTimer() {
  if (state_ == State::kClosed) return;
  const auto next = NextDeadline();
  if (!next || *next == SteadyTime::max() || (timer_at_ && *timer_at_ <= *next)) return;
  timer_at_ = next;
  socket_->WaitUntil(*next, [self = shared_from_this()] { self->OnTimer(); });
}

void Connection::OnTimer() {
  timer_at_.reset();
  if (state_ == State::kClosed) return;
  const SteadyTime now = Now();
  if (state_ == State::kLingering && now >= since_ + kLingerTime) return Close(refused_for_);
  if ((state_ == State::kHandshake || state_ == State::kSniffing) &&
      now >= since_ + options_.handshake_timeout) {
    return Close(Error(Code::kDeadline, "the handshake took too long"));
  }
  if (options_.transport->unsent() != 0 && now >= last_sent_ + options_.write_timeout) {
    return Close(Error(Code::kDeadline, "the peer takes nothing off the connection"));
  }
  if (state_ == State::kOpen) {
    if (Ages() && now >= since_ + options_.max_age) return Drain();
    const auto deadline = session_->Deadline();
    if (deadline && now >= *deadline) {
      busy_ = true;
      session_->OnTime();
      busy_ = false;
      return Pump();
    }
  }
  ArmTimer();
}

void Connection::Drain() {
  draining_ = true;
  if (state_ == State::kHandshake || state_ == State::kSniffing) return Close(std::nullopt);
  if (state_ != State::kOpen) return;
  busy_ = true;
  session_->Drain();
  busy_ = false;
  Pump();
}

void Connection::Close(const std::optional<Error>& why) {
  if (state_ == State::kClosed) return;
  const auto self = shared_from_this();
  state_ = State::kClosed;
  if (session_)
    session_->Abandon(why.value_or(Error(Code::kUnavailable, "the connection was closed")));
  socket_.reset();
  // The session may be further up this call, and it holds this connection: let both go from the
  // outside.
  loop_->Post([session = std::exchange(session_, nullptr)] {});
  info_->closed.Cancel();
  if (const auto on_closed = std::exchange(options_.on_closed, nullptr)) on_closed(why, *info_);
}

}  // namespace strongroom::net
