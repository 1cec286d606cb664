#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "net/event_loop.h"
#include "net/http.h"

namespace strongroom::net {

// What a session may ask of the connection it speaks on. Shared, because answers come from other
// threads after the connection may be gone.
class SessionHost {
 public:
  virtual ~SessionHost() = default;
  virtual SteadyTime Now() const = 0;
  virtual bool OnThisThread() const = 0;
  // Runs a task on the session's thread; any thread.
  virtual void Post(Task task) = 0;
  // The session has something to send or its deadline moved. On the session's thread, never inside
  // Receive and the like, after which the connection looks by itself.
  virtual void Wake() = 0;
};

// One connection's protocol, without a socket: bytes in, bytes out, time by its host. Servers and
// clients alike. All methods on one thread.
class Session : public std::enable_shared_from_this<Session> {
 public:
  virtual ~Session() = default;

  // Where the next bytes belong, if that is known: read there, they need not be copied. Until the
  // session is called again; empty: anywhere.
  virtual std::span<std::uint8_t> Place() { return {}; }
  virtual void Receive(ByteView bytes) = 0;
  // The peer will send no more.
  virtual void ReceiveEnd() = 0;
  // Appends what is to be sent, until `out` holds at least `enough` bytes or nothing is left.
  virtual void Produce(Buffer& out, std::size_t enough) = 0;

  // False while nothing more should be read from the peer.
  virtual bool WantsRead() const = 0;
  // True when the connection is to be closed, once what was produced is sent.
  virtual bool Done() const = 0;
  // Why, where the peer is to blame; none: in order, or the connection knows itself.
  virtual std::optional<Error> Fault() const { return std::nullopt; }

  // When OnTime wants to be called; none: not at all.
  virtual std::optional<SteadyTime> Deadline() const = 0;
  virtual void OnTime() = 0;

  // Finish what is in flight, begin nothing new.
  virtual void Drain() = 0;
  // The connection is gone; `why` is for those who wait for answers. Nothing is called afterwards.
  virtual void Abandon(const Error& why) = 0;
};

using SessionFactory = std::function<std::shared_ptr<Session>(
    const std::shared_ptr<SessionHost>& host,
    const std::shared_ptr<const ConnectionInfo>& connection, bool http2)>;

}  // namespace strongroom::net
