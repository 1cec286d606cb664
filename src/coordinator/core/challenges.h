#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <set>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"

namespace strongroom::coordinator {

inline constexpr std::size_t kChallengeBytes = 32;
inline constexpr std::int64_t kChallengeSeconds = 60;
// As many as all connections that a listener holds at once (net::Limits) may have together, so that
// a full table means nonces whose connections are gone and not yet forgotten.
inline constexpr std::size_t kMaxChallenges = 65'536;
inline constexpr std::size_t kMaxChallengesPerConnection = 16;

using ChallengeNonce = std::array<std::uint8_t, kChallengeBytes>;

// Nonces that were given out: each good once, on its connection, for a minute, and gone with its
// connection. Bounded for each connection and in all; a full table refuses newcomers and takes
// nothing from those who hold a nonce. Not thread-safe; the owner guards it.
class ChallengeTable {
 public:
  // kExhausted when the connection holds its share of unused nonces, or the table is full.
  Status Add(const ChallengeNonce& nonce, std::uint64_t connection, UnixSeconds now);

  // Takes the nonce out, whatever comes of it. kUntrusted unless it was given on this connection
  // within the last minute and was not taken before.
  Status Take(ByteView nonce, std::uint64_t connection, UnixSeconds now);

  // The connection is gone: nobody can use its nonces any more.
  void ForgetConnection(std::uint64_t connection);

  std::size_t size() const { return open_.size(); }

 private:
  struct Open {
    std::uint64_t connection;
    UnixSeconds given;
    std::list<ChallengeNonce>::iterator place;  // in order_
  };

  void Forget(std::map<ChallengeNonce, Open>::iterator open);
  void ForgetExpired(UnixSeconds now);

  std::map<ChallengeNonce, Open> open_;
  std::map<std::uint64_t, std::set<ChallengeNonce>> by_connection_;
  std::list<ChallengeNonce> order_;  // oldest first
};

}  // namespace strongroom::coordinator
