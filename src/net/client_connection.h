#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "net/address.h"
#include "net/client_session.h"
#include "net/connection.h"

namespace strongroom::net {

// A client's loop in a thread of its own.
class ClientLoop {
 public:
  ClientLoop();
  ~ClientLoop();
  const std::shared_ptr<EventLoop>& loop() const { return loop_; }

 private:
  std::shared_ptr<EventLoop> loop_;
  std::jthread thread_;
};

// A connection to a server, with calls that block their caller. Any thread but the loop's.
class ClientConnection {
 public:
  struct Options {
    HostPort target = {};
    std::shared_ptr<const TlsContext> tls = nullptr;  // null: plaintext
    std::string server_name = {};                     // empty: the target's host
    bool http2_without_tls = false;
    ClientLimits limits = {};
  };
  // kUnavailable, kDeadline, or what the peer check said.
  static Result<std::shared_ptr<ClientConnection>> Open(const std::shared_ptr<EventLoop>& loop,
                                                        Options options, SteadyTime deadline);
  ~ClientConnection();

  // kDeadline and kCancelled end the call at the server too.
  ClientSession::Outcome Call(OutgoingRequest request, SteadyTime deadline);

  // Whether another call may succeed.
  bool alive() const;
  void Close();
  const std::shared_ptr<const ConnectionInfo>& info() const { return info_; }

 private:
  struct Shared;
  explicit ClientConnection(std::shared_ptr<EventLoop> loop, std::shared_ptr<Shared> shared)
      : loop_(std::move(loop)), shared_(std::move(shared)) {}

  std::shared_ptr<EventLoop> loop_;
  std::shared_ptr<Shared> shared_;  // with the loop's callbacks
  std::shared_ptr<const ConnectionInfo> info_;
};

}  // namespace strongroom::net
