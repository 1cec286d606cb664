#include "collateral/cache.h"

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>

#include <fmt/format.h>

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

// Whether someone's wish is worth asking the source for.
using Precheck = std::function<Status(UnixSeconds now)>;

// So many at once, then one for each so many seconds. A clock that goes back gives nothing.
class FetchBudget {
 public:
  FetchBudget(std::size_t burst, std::int64_t seconds_per_fetch)
      : burst_(static_cast<std::int64_t>(burst)), seconds_(seconds_per_fetch), left_(burst_) {}

  bool Take(UnixSeconds now) {
    if (!counted_ || now < *counted_) counted_ = now;
    const std::int64_t earned = (now - *counted_) / seconds_;
    left_ = std::min(burst_, left_ + earned);
    counted_ = *counted_ + earned * seconds_;
    if (left_ == 0) return false;
    --left_;
    return true;
  }

 private:
  const std::int64_t burst_;
  const std::int64_t seconds_;
  std::int64_t left_;
  std::optional<UnixSeconds> counted_;
};

}  // namespace

struct EndorsementCache::Impl {
  Impl(EndorsementSource& source_in, const Clock& clock_in, CacheOptions options_in,
       Floors floors_in)
      : source(source_in),
        clock(clock_in),
        options(options_in),
        floors(std::move(floors_in)),
        budget(options_in.fetch_burst, options_in.seconds_per_fetch) {}

  Result<CachedEndorsements> For(const Key& key, const attest::EndorsementSubject& subject,
                                 const Precheck& precheck);
  // Under the lock.
  bool Fetching(const Key& key) const;
  bool Usable(const Entry& entry, UnixSeconds now) const;
  std::optional<Result<CachedEndorsements>> Ready(const Key& key, UnixSeconds now) const;
  Result<CachedEndorsements> Outcome(const Entry& entry, UnixSeconds now) const;
  std::optional<Result<CachedEndorsements>> BeginFetch(const Key& key, UnixSeconds now);
  void Record(const Key& key, const Result<CachedEndorsements>& fetched, UnixSeconds now);
  void Evict();
  // Outside of it.
  Result<CachedEndorsements> Fetch(const attest::EndorsementSubject& subject,
                                   const attest::TrustAnchors& anchors, UnixSeconds now);

  EndorsementSource& source;
  const Clock& clock;
  const CacheOptions options;

  mutable std::mutex mutex;  // all that follows
  std::condition_variable fetched;
  std::map<Key, Entry> entries;
  Floors floors;
  FetchBudget budget;
  std::size_t fetches = 0;  // under way
  std::uint64_t times_raised = 0;
};

bool EndorsementCache::Impl::Fetching(const Key& key) const {
  const auto entry = entries.find(key);
  return entry != entries.end() && entry->second.fetching;
}

bool EndorsementCache::Impl::Usable(const Entry& entry, UnixSeconds now) const {
  return entry.endorsements && entry.endorsements->prepared.validity().Holds(now) &&
         floors.CheckClock(entry.endorsements->prepared.anchor(), now).has_value();
}

std::optional<Result<CachedEndorsements>> EndorsementCache::Impl::Ready(const Key& key,
                                                                        UnixSeconds now) const {
  const auto found = entries.find(key);
  if (found == entries.end()) return std::nullopt;
  const Entry& entry = found->second;
  const bool usable = Usable(entry, now);
  // A clock that went back makes the age negative: then it is fetched again, too.
  const std::int64_t age = now - entry.fetched;
  if (usable && age >= 0 && age < options.max_age_seconds) return *entry.endorsements;
  const std::int64_t since = now - entry.failed;
  if (entry.failure && since >= 0 && since < options.retry_after_seconds) {
    if (usable) return *entry.endorsements;
    return std::unexpected(*entry.failure);
  }
  return std::nullopt;
}

// After a fetch: what it brought, else what is still valid, else why it failed.
Result<CachedEndorsements> EndorsementCache::Impl::Outcome(const Entry& entry,
                                                           UnixSeconds now) const {
  if (!entry.failure || Usable(entry, now)) return *entry.endorsements;
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
  --fetches;
  Status floor = {};
  if (fetch) floor = In("collateral", floors.Check(fetch->prepared, now));
  if (fetch && floor) {
    floors.Raise(fetch->prepared);
    ++times_raised;
    entry.endorsements = *fetch;
    entry.fetched = now;
    entry.failure.reset();
  } else {
    entry.failure = fetch ? floor.error() : fetch.error();
    entry.failed = now;
  }
  fetched.notify_all();
}

// Nothing when the caller is to fetch; otherwise what there is to say without.
std::optional<Result<CachedEndorsements>> EndorsementCache::Impl::BeginFetch(const Key& key,
                                                                             UnixSeconds now) {
  if (fetches >= options.max_fetches_at_once || !budget.Take(now)) {
    if (const auto entry = entries.find(key); entry != entries.end() && Usable(entry->second, now))
      return *entry->second.endorsements;
    return Unavailable("collateral is asked for too often, try again in a few seconds");
  }
  ++fetches;
  entries[key].fetching = true;
  return std::nullopt;
}

Result<CachedEndorsements> EndorsementCache::Impl::For(const Key& key,
                                                       const attest::EndorsementSubject& subject,
                                                       const Precheck& precheck) {
  const UnixSeconds now = clock.Now();
  {
    const std::lock_guard lock(mutex);
    if (!Fetching(key)) {
      if (auto ready = Ready(key, now)) return std::move(*ready);
    }
  }
  if (precheck) RETURN_IF_ERROR(precheck(now));
  {
    std::unique_lock lock(mutex);
    fetched.wait(lock, [&] { return !Fetching(key); });
    if (auto ready = Ready(key, now)) return std::move(*ready);
    if (auto instead = BeginFetch(key, now)) return std::move(*instead);
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

Result<CachedEndorsements> EndorsementCache::For(const attest::Quote& quote,
                                                 const attest::TrustAnchors& anchors) {
  ASSIGN_OR_RETURN(const attest::EndorsementSubject subject,
                   attest::UnverifiedEndorsementSubject(quote));
  return impl_->For(Key(subject.fmspc, subject.platform_ca, anchors), subject,
                    [&](UnixSeconds now) -> Status {
                      const auto checked = attest::SignedEndorsementSubject(quote, anchors, now);
                      if (!checked.has_value())
                        return std::unexpected(checked.error().In("evidence"));
                      return {};
                    });
}

Result<CachedEndorsements> EndorsementCache::For(const attest::EndorsementSubject& subject,
                                                 const attest::TrustAnchors& anchors) {
  return impl_->For(Key(subject.fmspc, subject.platform_ca, anchors), subject, nullptr);
}

Floors EndorsementCache::floors() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->floors;
}

std::uint64_t EndorsementCache::times_raised() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->times_raised;
}

}  // namespace strongroom::collateral
