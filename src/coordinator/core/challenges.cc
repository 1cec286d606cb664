#include "coordinator/core/challenges.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

namespace strongroom::coordinator {

namespace {

// A clock that went back does not make nonces younger.
bool Expired(UnixSeconds given, UnixSeconds now) {
  return now - given > kChallengeSeconds || now < given;
}

}  // namespace

void ChallengeTable::Forget(std::map<ChallengeNonce, Open>::iterator open) {
  const auto own = by_connection_.find(open->second.connection);
  own->second.erase(open->first);
  if (own->second.empty()) by_connection_.erase(own);
  order_.erase(open->second.place);
  open_.erase(open);
}

void ChallengeTable::ForgetExpired(UnixSeconds now) {
  while (!order_.empty()) {
    const auto oldest = open_.find(order_.front());
    if (!Expired(oldest->second.given, now)) return;
    Forget(oldest);
  }
}

void ChallengeTable::ForgetConnection(std::uint64_t connection) {
  const auto own = by_connection_.find(connection);
  if (own == by_connection_.end()) return;
  const std::set<ChallengeNonce> nonces = own->second;
  for (const ChallengeNonce& nonce : nonces) Forget(open_.find(nonce));
}

Status ChallengeTable::Add(const ChallengeNonce& nonce, std::uint64_t connection, UnixSeconds now) {
  ForgetExpired(now);
  const auto own = by_connection_.find(connection);
  const std::size_t held = own == by_connection_.end() ? 0 : own->second.size();
  if (held >= kMaxChallengesPerConnection)
    return Exhausted(fmt::format("this connection holds {} unused nonces, the most it may", held));
  if (open_.size() >= kMaxChallenges) {
    return Exhausted(fmt::format(
        "{} nonces wait to be used, the most there may be; try again in a minute", open_.size()));
  }
  if (open_.contains(nonce)) return Internal("the entropy source gave a nonce twice");
  order_.push_back(nonce);
  open_.emplace(nonce, Open{connection, now, std::prev(order_.end())});
  by_connection_[connection].insert(nonce);
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
  if (found.connection != connection || Expired(found.given, now)) return Untrusted(refusal);
  return {};
}

}  // namespace strongroom::coordinator
