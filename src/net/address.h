#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "net/http.h"

namespace strongroom::net {

// An IPv4 or IPv6 address with a port.
class SocketAddress {
 public:
  SocketAddress() = default;
  // "127.0.0.1:80", "[::1]:80". kMalformed otherwise; names are not resolved.
  static Result<SocketAddress> Parse(std::string_view text);
  static SocketAddress FromNative(const sockaddr* address, socklen_t size);

  std::string host() const;  // "127.0.0.1", "::1"
  std::uint16_t port() const;
  std::string ToString() const;

  const sockaddr* native() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t native_size() const { return size_; }
  int family() const { return storage_.ss_family; }

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
};

// "host:port" in its parts; "[::1]:80" gives "::1". kMalformed without a port.
struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};
Result<HostPort> ParseHostPort(std::string_view text);

// What to listen on: ":80" is every address, of IPv6 and IPv4; anything else stays as it is.
std::string ListenAddress(std::string_view text);

// All sockets are non-blocking, close-on-exec and send without delay.
Result<UniqueFd> ListenOn(const SocketAddress& address, int backlog);
// kUnavailable: nobody waits; kExhausted: no descriptors are left.
Result<UniqueFd> AcceptOn(int fd, SocketAddress& remote);
Result<SocketAddress> LocalAddress(int fd);
Result<SocketAddress> RemoteAddress(int fd);

// Resolves a name (as the system does; that part heeds no deadline) and tries its addresses in
// turn. kUnavailable or kDeadline.
Result<UniqueFd> ConnectTo(const HostPort& target, SteadyTime deadline);

}  // namespace strongroom::net
