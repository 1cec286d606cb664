#pragma once

#include <cstddef>
#include <vector>

#include "base/bytes.h"
#include "base/files.h"

// Packets of Unix sockets (SOCK_SEQPACKET) with descriptors beside them (SCM_RIGHTS).
namespace strongroom {

// More than any of our protocols lets pass at once, so that those too many are seen, and closed.
inline constexpr std::size_t kMaxPassedDescriptors = 8;

struct Packet {
  Bytes bytes = {};  // none: an empty packet, or the other side is gone; they look alike
  std::vector<UniqueFd> descriptors = {};
  bool truncated = false;  // there were more bytes or descriptors, which are lost
};

// Sends one packet, and a copy of `passed` with it unless that is negative. Errors as FromErrno.
Status SendPacket(int socket, ByteView bytes, int passed = -1);

// Waits for one packet of at most `max_bytes`. Errors as FromErrno.
Result<Packet> ReceivePacket(int socket, std::size_t max_bytes);

}  // namespace strongroom
