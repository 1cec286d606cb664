#include "collateral/cache.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "attest/quote.h"
#include "base/encoding.h"

namespace strongroom::collateral {
namespace {

using Key = std::tuple<attest::Fmspc, bool, attest::TrustAnchors>;

struct Entry {
  std::optional<CachedEndorsements> endorsements;
  UnixSeconds fetched{};
  std::optional<Error> failure;
  UnixSeconds failed{};
  bool fetching = false;
};

}  // namespace

struct EndorsementCache::Impl {
  Impl(EndorsementSource& source_in, const Clock& clock_in, CacheOptions options_in,
       Floors floors_in)
      : source(source_in), clock(clock_in), options(options_in), floors(std::move(floors_in)) {}

  Result<CachedEndorsements> For(const Key& key, const attest::EndorsementSubject& subject);
  // Under the lock.
  std::optional<Result<CachedEndorsements>> Ready(const Entry& entry, UnixSeconds now) const;
  Result<CachedEndorsements> Outcome(const Entry& entry, UnixSeconds now) const;
  void Record(const Key& key, const Result<CachedEndorsements>& fetched, UnixSeconds now);
  void Evict();
  // Outside of it.
  Result<CachedEndorsements> Fetch(const attest::EndorsementSubject& subject,
                                   const attest::TrustAnchors& anchors, UnixSeconds now);

  EndorsementSource& source;
  const Clock& clock;
  const CacheOptions options;

  mutable std::mutex mutex;  // entries, floors
  std::condition_variable fetched;
  std::map<Key, Entry> entries;
  Floors floors;
};

std::optional<Result<CachedEndorsements>> EndorsementCache::Impl::Ready(const Entry& entry,
                                                                        UnixSeconds now) const {
  const bool valid = entry.endorsements && entry.endorsements->prepared.validity().Holds(now);
  // A clock that went back makes the age negative: then it is fetched again, too.
  const std::int64_t age = now - entry.fetched;
  if (valid && age >= 0 && age < options.max_age_seconds) return *entry.endorsements;
  const std::int64_t since = now - entry.failed;
  if (entry.failure && since >= 0 && since < options.retry_after_seconds) {
    if (valid) return *entry.endorsements;
    return std::unexpected(*entry.failure);
  }
  return std::nullopt;
}

// After a fetch: what it brought, else what is still valid, else why it failed.
Result<CachedEndorsements> EndorsementCache::Impl::Outcome(const Entry& entry,
                                                           UnixSeconds now) const {
  if (!entry.failure) return *entry.endorsements;
  if (entry.endorsements && entry.endorsements->prepared.validity().Holds(now)) {
    return *entry.endorsements;
  }
  return std::unexpected(*entry.failure);
}

Result<CachedEndorsements> EndorsementCache::Impl::Fetch(const attest::EndorsementSubject& subject,
                                                         const attest::TrustAnchors& anchors,
                                                         UnixSeconds now) {
  ASSIGN_OR_RETURN(attest::Endorsements raw, source.Fetch(subject));
  ASSIGN_OR_RETURN(attest::PreparedEndorsements prepared,
                   In("collateral", attest::PrepareEndorsements(raw, anchors, now).ToResult()));
  if (prepared.fmspc() != subject.fmspc) {
    return Untrusted(fmt::format("asked for collateral of FMSPC {}, got {}",
                                 HexEncode(subject.fmspc.view()),
                                 HexEncode(prepared.fmspc().view())));
  }
  return CachedEndorsements{std::make_shared<const attest::Endorsements>(std::move(raw)),
                            std::move(prepared)};
}

void EndorsementCache::Impl::Evict() {
  while (entries.size() > options.max_entries) {
    auto oldest = entries.end();
    for (auto it = entries.begin(); it != entries.end(); ++it) {
      if (it->second.fetching) continue;
      if (oldest == entries.end() || it->second.fetched < oldest->second.fetched) oldest = it;
    }
    if (oldest == entries.end()) return;
    entries.erase(oldest);
  }
}

void EndorsementCache::Impl::Record(const Key& key, const Result<CachedEndorsements>& fetch,
                                    UnixSeconds now) {
  Entry& entry = entries[key];
  entry.fetching = false;
  Status floor = {};
  if (fetch) floor = In("collateral", floors.Check(fetch->prepared));
  if (fetch && floor) {
    floors.Raise(fetch->prepared);
    entry.endorsements = *fetch;
    entry.fetched = now;
    entry.failure.reset();
  } else {
    entry.failure = fetch ? floor.error() : fetch.error();
    entry.failed = now;
  }
  fetched.notify_all();
}

Result<CachedEndorsements> EndorsementCache::Impl::For(const Key& key,
                                                       const attest::EndorsementSubject& subject) {
  const UnixSeconds now = clock.Now();
  {
    std::unique_lock lock(mutex);
    fetched.wait(lock, [&] { return !entries[key].fetching; });
    if (auto ready = Ready(entries[key], now)) return std::move(*ready);
    entries[key].fetching = true;
  }
  const Result<CachedEndorsements> fetch = Fetch(subject, std::get<attest::TrustAnchors>(key), now);
  const std::lock_guard lock(mutex);
  Record(key, fetch, now);
  Result<CachedEndorsements> outcome = Outcome(entries[key], now);
  Evict();
  return outcome;
}

EndorsementCache::EndorsementCache(EndorsementSource& source, const Clock& clock,
                                   CacheOptions options, Floors floors)
    : impl_(std::make_unique<Impl>(source, clock, options, std::move(floors))) {}

EndorsementCache::~EndorsementCache() = default;

Result<CachedEndorsements> EndorsementCache::For(ByteView quote,
                                                 const attest::TrustAnchors& anchors) {
  ASSIGN_OR_RETURN(const attest::Quote parsed, attest::ParseQuote(quote));
  ASSIGN_OR_RETURN(const attest::EndorsementSubject subject,
                   attest::UnverifiedEndorsementSubject(parsed));
  return For(subject, anchors);
}

Result<CachedEndorsements> EndorsementCache::For(const attest::EndorsementSubject& subject,
                                                 const attest::TrustAnchors& anchors) {
  return impl_->For(Key(subject.fmspc, subject.platform_ca, anchors), subject);
}

Floors EndorsementCache::floors() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->floors;
}

}  // namespace strongroom::collateral
