#include "base/secret_message.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include <fmt/format.h>

#include "base/reader.h"

namespace strongroom {
namespace {

constexpr std::size_t kPrefixBytes = 4;

Status CheckSize(std::size_t size) {
  if (size <= kMaxSecretMessageBytes) return {};
  return Exhausted(
      fmt::format("a message of {} bytes, wanted at most {}", size, kMaxSecretMessageBytes));
}

Status ReadExactly(int fd, std::span<std::uint8_t> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t n = read(fd, out.data() + done, out.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FromErrno(errno, "reading a secret");
    if (n == 0) {
      return Malformed(fmt::format("the stream ended after {} bytes, wanted {}", done, out.size()));
    }
    done += static_cast<std::size_t>(n);
  }
  return {};
}

}  // namespace

Result<SecretBytes> FrameSecret(ByteView message) {
  RETURN_IF_ERROR(CheckSize(message.size()));
  Writer prefix;
  prefix.U32Le(static_cast<std::uint32_t>(message.size()));
  SecretBytes out(kPrefixBytes + message.size());
  std::ranges::copy(message, std::ranges::copy(prefix.bytes(), out.RevealWritable().begin()).out);
  return out;
}

Result<SecretBytes> ReadFramedSecret(int fd) {
  std::array<std::uint8_t, kPrefixBytes> prefix{};
  RETURN_IF_ERROR(In("length", ReadExactly(fd, prefix)));
  ASSIGN_OR_RETURN(const std::uint32_t size, Reader(prefix).U32Le());
  RETURN_IF_ERROR(CheckSize(size));
  SecretBytes message(size);
  RETURN_IF_ERROR(In("message", ReadExactly(fd, message.RevealWritable())));
  return message;
}

}  // namespace strongroom
