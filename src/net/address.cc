#include "net/address.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include <fmt/format.h>

#include "base/text.h"

namespace strongroom::net {
namespace {

void SendWithoutDelay(int fd) {
  const int on = 1;
  // Only speed is lost where this fails.
  static_cast<void>(::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
}

std::unexpected<Error> ListenError(int number, const SocketAddress& address) {
  const std::string what =
      fmt::format("cannot listen on {}: {}", address.ToString(), std::strerror(number));
  if (number == EADDRINUSE) return Conflict(what);
  if (number == EACCES) return Denied(what);
  return Unavailable(what);
}

Result<UniqueFd> ConnectAddress(const SocketAddress& address, SteadyTime deadline) {
  UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return FromErrno(errno, "socket");
  SendWithoutDelay(fd.get());
  if (::connect(fd.get(), address.native(), address.native_size()) == 0) return fd;
  if (errno != EINPROGRESS)
    return Unavailable(
        fmt::format("cannot connect to {}: {}", address.ToString(), std::strerror(errno)));
  for (;;) {
    const auto left =
        std::chrono::ceil<Milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd wait{.fd = fd.get(), .events = POLLOUT, .revents = 0};
    const int ready =
        left <= 0 ? 0 : ::poll(&wait, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0 && left <= 0)
      return DeadlineExceeded(fmt::format("no connection to {} in time", address.ToString()));
    if (ready > 0) break;
  }
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
    return Unavailable(
        fmt::format("cannot connect to {}: {}", address.ToString(), std::strerror(error)));
  }
  return fd;
}

}  // namespace

Result<HostPort> ParseHostPort(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon != std::string_view::npos) {
    std::string_view host = text.substr(0, colon);
    const std::string_view port = text.substr(colon + 1);
    const bool bracketed = host.starts_with('[') && host.ends_with(']');
    if (bracketed) host = host.substr(1, host.size() - 2);
    const auto number = ParseDecimal<std::uint16_t>(port);
    const bool colons_ok = bracketed || !host.contains(':');
    if (number && !host.empty() && colons_ok) return HostPort{std::string(host), *number};
  }
  return Malformed(fmt::format("\"{}\", wanted host:port", text));
}

std::string ListenAddress(std::string_view text) {
  return fmt::format("{}{}", text.starts_with(':') ? "[::]" : "", text);
}

Result<SocketAddress> SocketAddress::Parse(std::string_view text) {
  ASSIGN_OR_RETURN(const HostPort parts, ParseHostPort(text));
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(parts.port);
  if (::inet_pton(AF_INET, parts.host.c_str(), &v4.sin_addr) == 1) {
    return FromNative(reinterpret_cast<const sockaddr*>(&v4), sizeof v4);
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(parts.port);
  if (::inet_pton(AF_INET6, parts.host.c_str(), &v6.sin6_addr) == 1) {
    return FromNative(reinterpret_cast<const sockaddr*>(&v6), sizeof v6);
  }
  return Malformed(fmt::format("\"{}\", wanted an IP address and a port", text));
}

SocketAddress SocketAddress::FromNative(const sockaddr* address, socklen_t size) {
  SocketAddress out;
  out.size_ = std::min<socklen_t>(size, sizeof out.storage_);
  std::memcpy(&out.storage_, address, out.size_);
  return out;
}

std::string SocketAddress::host() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* const bytes =
      family() == AF_INET6
          ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6*>(&storage_)->sin6_addr)
          : static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(&storage_)->sin_addr);
  if (::inet_ntop(family(), bytes, text.data(), text.size()) == nullptr) return "unknown";
  return text.data();
}

std::uint16_t SocketAddress::port() const {
  return ntohs(family() == AF_INET6 ? reinterpret_cast<const sockaddr_in6*>(&storage_)->sin6_port
                                    : reinterpret_cast<const sockaddr_in*>(&storage_)->sin_port);
}

std::string SocketAddress::ToString() const {
  return family() == AF_INET6 ? fmt::format("[{}]:{}", host(), port())
                              : fmt::format("{}:{}", host(), port());
}

Result<UniqueFd> ListenOn(const SocketAddress& address, int backlog) {
  UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return FromErrno(errno, "socket");
  const int on = 1;
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(fd.get(), address.native(), address.native_size()) != 0 ||
      ::listen(fd.get(), backlog) != 0) {
    return ListenError(errno, address);
  }
  return fd;
}

Result<UniqueFd> AcceptOn(int fd, SocketAddress& remote) {
  sockaddr_storage storage{};
  for (;;) {
    socklen_t size = sizeof storage;
    UniqueFd accepted(
        ::accept4(fd, reinterpret_cast<sockaddr*>(&storage), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (accepted.valid()) {
      SendWithoutDelay(accepted.get());
      remote = SocketAddress::FromNative(reinterpret_cast<const sockaddr*>(&storage), size);
      return accepted;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
      return Exhausted(fmt::format("accept: {}", std::strerror(errno)));
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return Unavailable("nobody waits");
    // Anything else concerns one connection that is gone already: take the next.
    if (errno != EINTR && errno != ECONNABORTED && errno != EPROTO)
      return Unavailable(fmt::format("accept: {}", std::strerror(errno)));
  }
}

Result<SocketAddress> LocalAddress(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0)
    return FromErrno(errno, "getsockname");
  return SocketAddress::FromNative(reinterpret_cast<const sockaddr*>(&storage), size);
}

Result<SocketAddress> RemoteAddress(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0)
    return FromErrno(errno, "getpeername");
  return SocketAddress::FromNative(reinterpret_cast<const sockaddr*>(&storage), size);
}

Result<UniqueFd> ConnectTo(const HostPort& target, SteadyTime deadline) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* raw = nullptr;
  const int failed =
      ::getaddrinfo(target.host.c_str(), std::to_string(target.port).c_str(), &hints, &raw);
  if (failed != 0)
    return Unavailable(fmt::format("cannot resolve {}: {}", target.host, ::gai_strerror(failed)));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(raw, ::freeaddrinfo);
  Result<UniqueFd> last = Unavailable(fmt::format("{} has no address", target.host));
  for (const addrinfo* info = raw; info != nullptr; info = info->ai_next) {
    // What is left is shared among the addresses that are left.
    const SteadyTime now = std::chrono::steady_clock::now();
    const SteadyTime until = info->ai_next == nullptr ? deadline : now + (deadline - now) / 2;
    last = ConnectAddress(SocketAddress::FromNative(info->ai_addr, info->ai_addrlen), until);
    if (last) break;
  }
  return last;
}

}  // namespace strongroom::net
