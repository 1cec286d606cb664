#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "net/buffer.h"
#include "net/tls.h"

namespace strongroom::net {

// How far a non-blocking operation came.
enum class Progress : std::uint8_t { kDone, kWantRead, kWantWrite, kEnd };

// A byte stream over a connected, non-blocking socket that it does not own: plain or TLS. Written
// bytes are gathered, so that a flush is one system call.
class Transport {
 public:
  static constexpr std::size_t kFlushAt = 128 * 1024;

  explicit Transport(int fd) : fd_(fd) {}
  virtual ~Transport() = default;

  virtual Result<Progress> Handshake() = 0;
  // Fills the front of `out`; `n` is how much. kEnd: the peer has closed its side.
  virtual Result<Progress> Read(std::span<std::uint8_t> out, std::size_t& n) = 0;
  // Takes all of `bytes`.
  virtual Status Write(ByteView bytes) = 0;
  // Tells the peer that nothing follows; the socket is shut down by the owner after the flush.
  virtual void WriteEnd() = 0;
  // Whether Read can give bytes without the socket becoming readable.
  virtual bool HasBuffered() const = 0;
  // The owner waits for the socket now: gives back memory that a quiet connection has no use for.
  virtual void Rest() {}
  virtual TlsPeer Peer() const = 0;

  // Whether the last read left nothing behind: the socket gave less than it was asked for. What
  // comes later makes it readable again.
  bool Drained() const { return drained_ && !HasBuffered(); }

  Result<Progress> Flush();
  std::size_t unsent() const { return wire_.size() - sent_; }
  // Grows with every byte that the socket takes.
  std::uint64_t total_sent() const { return total_sent_; }

 protected:
  Result<Progress> Receive(std::span<std::uint8_t> out, std::size_t& n);
  Buffer wire_;

 private:
  int fd_;
  bool drained_ = false;
  std::size_t sent_ = 0;
  std::uint64_t total_sent_ = 0;
};

std::unique_ptr<Transport> MakePlainTransport(int fd);

// A listener's or client's TLS settings, ready for connections; immutable.
class TlsContext {
 public:
  virtual ~TlsContext() = default;
  static Result<std::shared_ptr<const TlsContext>> ForServer(const TlsServerOptions& options);
  static Result<std::shared_ptr<const TlsContext>> ForClient(const TlsClientOptions& options,
                                                             bool offer_http2, bool offer_http1);

  // `host` is the name or address a client dialled; servers give none.
  virtual Result<std::unique_ptr<Transport>> NewTransport(int fd, std::string_view host) const = 0;
};

}  // namespace strongroom::net
