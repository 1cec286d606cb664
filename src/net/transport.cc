#include "net/transport.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace strongroom::net {
namespace {

constexpr std::size_t kKeptWhenQuiet = 8 * 1024;

class PlainTransport final : public Transport {
 public:
  using Transport::Transport;

  Result<Progress> Handshake() override { return Progress::kDone; }
  Result<Progress> Read(std::span<std::uint8_t> out, std::size_t& n) override {
    return Receive(out, n);
  }
  Status Write(ByteView bytes) override {
    wire_.Append(bytes);
    return {};
  }
  void WriteEnd() override {}
  bool HasBuffered() const override { return false; }
  TlsPeer Peer() const override { return {}; }
};

}  // namespace

Result<Progress> Transport::Receive(std::span<std::uint8_t> out, std::size_t& n) {
  for (;;) {
    const ssize_t got = ::recv(fd_, out.data(), out.size(), 0);
    n = got > 0 ? static_cast<std::size_t>(got) : 0;
    drained_ = n < out.size();
    if (got > 0) return Progress::kDone;
    if (got == 0) return Progress::kEnd;
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return Progress::kWantRead;
    return Unavailable(fmt::format("connection lost: {}", std::strerror(errno)));
  }
}

Result<Progress> Transport::Flush() {
  while (sent_ < wire_.size()) {
    const ssize_t put = ::send(fd_, wire_.data() + sent_, wire_.size() - sent_, MSG_NOSIGNAL);
    if (put > 0) {
      sent_ += static_cast<std::size_t>(put);
      total_sent_ += static_cast<std::uint64_t>(put);
      continue;
    }
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return Progress::kWantWrite;
    return Unavailable(fmt::format("connection lost: {}", std::strerror(errno)));
  }
  // Large blocks go back to the pool: a quiet connection holds none.
  if (wire_.capacity() > kKeptWhenQuiet) {
    wire_ = Buffer();
  } else {
    wire_.Clear();
  }
  sent_ = 0;
  return Progress::kDone;
}

std::unique_ptr<Transport> MakePlainTransport(int fd) {
  return std::make_unique<PlainTransport>(fd);
}

}  // namespace strongroom::net
