#pragma once

#include <cstddef>

#include "base/secret.h"

// How one process of a TEE gives another a secret over a pipe or socket: four bytes of length,
// little-endian, then the message. The length says that all of it came, because the end of a stream
// does not: a writer may die, and where processes are enclaves, the host carries the bytes and can
// end a stream early.
namespace strongroom {

// The environment variable by which the agent tells a program of ours the number of the descriptor
// to read its Handover from.
inline constexpr const char* kHandoverVariable = "STRONGROOM_HANDOVER_FD";

inline constexpr std::size_t kMaxSecretMessageBytes = 16 * 1024 * 1024;

// `message` behind its length. kExhausted when it is longer than kMaxSecretMessageBytes.
Result<SecretBytes> FrameSecret(ByteView message);

// Reads one message from `fd`, waiting for it, and nothing behind it. kMalformed: the stream ended
// too early; kExhausted: longer than kMaxSecretMessageBytes, and nothing of it was read.
Result<SecretBytes> ReadFramedSecret(int fd);

}  // namespace strongroom
