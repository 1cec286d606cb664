#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "net/event_loop.h"
#include "net/session.h"
#include "net/transport.h"

namespace strongroom::net {

struct ConnectionOptions {
  std::unique_ptr<Transport> transport;
  // Kept alive for the transport's sake; null for plain ones.
  std::shared_ptr<const TlsContext> tls;
  bool is_server = false;
  std::string remote_address = {};
  std::string local_address = {};
  SessionFactory make_session;
  Milliseconds handshake_timeout{10'000};
  Milliseconds write_timeout{30'000};
  Milliseconds max_age{0};  // of HTTP/2, until it is drained; 0: none
  // Called once, on the loop: how it ended; none: in order.
  std::function<void(const std::optional<Error>&, const ConnectionInfo&)> on_closed = nullptr;
};

// A socket on a loop, its transport, and the session that speaks on it, once the handshake (or, on
// plain sockets of a server, the first bytes) has told which protocol it is. Lives as long as the
// loop holds callbacks for it.
class Connection final : public SessionHost, public std::enable_shared_from_this<Connection> {
 public:
  // On the loop's thread.
  static std::shared_ptr<Connection> Open(std::shared_ptr<EventLoop> loop, UniqueFd fd,
                                          ConnectionOptions options);

  // SessionHost
  SteadyTime Now() const override { return std::chrono::steady_clock::now(); }
  bool OnThisThread() const override { return loop_->OnThisThread(); }
  void Post(Task task) override { loop_->Post(std::move(task)); }
  void Wake() override;

  // On the loop's thread.
  void Drain();
  void Close(const std::optional<Error>& why);
  // Null until the handshake is done.
  const std::shared_ptr<Session>& session() const { return session_; }

 private:
  enum class State : std::uint8_t { kHandshake, kSniffing, kOpen, kLingering, kClosed };

  Connection(std::shared_ptr<EventLoop> loop, UniqueFd fd, ConnectionOptions options);
  void Handshake();
  void Sniff(ByteView bytes);
  void Open(bool http2);
  std::span<std::uint8_t> ReadPlace();
  void ReadSome();
  void ReadLater();
  void Deliver(ByteView bytes);
  void Pump();
  bool FlushOut();
  void StartLinger(const std::optional<Error>& why);
  void Linger();
  void ArmRead();
  void ArmWrite();
  void ArmTimer();
  void OnTimer();
  std::optional<SteadyTime> NextDeadline() const;
  bool ReadAllowed() const;
  bool Ages() const;  // whether its age will end it

  const std::shared_ptr<EventLoop> loop_;  // shared: the last answer may come after the server
  std::unique_ptr<LoopSocket> socket_;
  ConnectionOptions options_;
  std::shared_ptr<ConnectionInfo> info_;
  std::shared_ptr<Session> session_;
  State state_ = State::kHandshake;
  Bytes sniffed_;
  SteadyTime since_;      // of the state's beginning
  SteadyTime last_sent_;  // when the socket last took a byte, or nothing was waiting
  std::optional<SteadyTime> timer_at_;
  bool busy_ = false;  // inside the session
  bool read_armed_ = false;
  bool read_posted_ = false;
  bool write_armed_ = false;
  bool draining_ = false;
  bool peer_ended_ = false;
  std::optional<Error> refused_for_;  // why the handshake failed or the session ended
  std::size_t thrown_away_ = 0;       // since then
};

}  // namespace strongroom::net
