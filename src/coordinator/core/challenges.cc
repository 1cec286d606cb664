#include "coordinator/core/challenges.h"

#include <algorithm>

#include <fmt/format.h>

namespace strongroom::coordinator {

void ChallengeTable::Forget(std::map<ChallengeNonce, Open>::iterator open) {
  const auto count = by_connection_.find(open->second.connection);
  if (--count->second == 0) by_connection_.erase(count);
  open_.erase(open);
}

void ChallengeTable::ForgetOldest() {
  const Given oldest = order_.front();
  order_.pop_front();
  const auto open = open_.find(oldest.nonce);
  if (open != open_.end() && open->second.serial == oldest.serial) Forget(open);
}

void ChallengeTable::ForgetExpired(UnixSeconds now) {
  while (!order_.empty()) {
    const auto open = open_.find(order_.front().nonce);
    const bool gone = open == open_.end() || open->second.serial != order_.front().serial;
    if (!gone && now - open->second.given <= kChallengeSeconds) return;
    ForgetOldest();
  }
}

Status ChallengeTable::Add(const ChallengeNonce& nonce, std::uint64_t connection, UnixSeconds now) {
  ForgetExpired(now);
  std::size_t& held = by_connection_[connection];
  if (held >= kMaxChallengesPerConnection)
    return Exhausted(fmt::format("this connection holds {} unused nonces, the most it may", held));
  ++held;
  const std::uint64_t serial = next_serial_++;
  open_.emplace(nonce, Open{connection, now, serial});
  order_.push_back({nonce, serial});
  while (order_.size() > kMaxChallenges) ForgetOldest();
  return {};
}

Status ChallengeTable::Take(ByteView nonce, std::uint64_t connection, UnixSeconds now) {
  constexpr const char* refusal =
      "the nonce was not given on this connection within the last minute, or was used before; "
      "wanted a fresh one from Challenge";
  ChallengeNonce key{};
  if (nonce.size() != key.size())
    return Malformed(fmt::format("nonce of {} bytes, wanted {}", nonce.size(), key.size()));
  std::ranges::copy(nonce, key.begin());
  const auto open = open_.find(key);
  if (open == open_.end()) return Untrusted(refusal);
  const Open found = open->second;
  Forget(open);
  if (found.connection != connection || now - found.given > kChallengeSeconds ||
      now < found.given) {
    return Untrusted(refusal);
  }
  return {};
}

}  // namespace strongroom::coordinator
