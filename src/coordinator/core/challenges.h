#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"

namespace strongroom::coordinator {

inline constexpr std::size_t kChallengeBytes = 32;
inline constexpr std::int64_t kChallengeSeconds = 60;
inline constexpr std::size_t kMaxChallenges = 65'536;
inline constexpr std::size_t kMaxChallengesPerConnection = 16;

using ChallengeNonce = std::array<std::uint8_t, kChallengeBytes>;

// Nonces that were given out: each good once, on its connection, for a minute. Bounded: when all
// places are taken the oldest nonce goes, so that nobody can keep others from getting one. Not
// thread-safe; the owner guards it.
class ChallengeTable {
 public:
  // kExhausted when the connection holds its share of unused nonces.
  Status Add(const ChallengeNonce& nonce, std::uint64_t connection, UnixSeconds now);

  // Takes the nonce out, whatever comes of it. kUntrusted unless it was given on this connection
  // within the last minute and was not taken before.
  Status Take(ByteView nonce, std::uint64_t connection, UnixSeconds now);

  std::size_t size() const { return open_.size(); }

 private:
  struct Open {
    std::uint64_t connection;
    UnixSeconds given;
    std::uint64_t serial;
  };
  struct Given {
    ChallengeNonce nonce;
    std::uint64_t serial;
  };

  void Forget(std::map<ChallengeNonce, Open>::iterator open);
  void ForgetOldest();
  void ForgetExpired(UnixSeconds now);

  std::map<ChallengeNonce, Open> open_;
  std::map<std::uint64_t, std::size_t> by_connection_;
  std::deque<Given> order_;  // oldest first; may name nonces that are gone
  std::uint64_t next_serial_ = 0;
};

}  // namespace strongroom::coordinator
