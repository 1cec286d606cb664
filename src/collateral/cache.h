#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "attest/quote.h"
#include "attest/verifier.h"
#include "base/clock.h"
#include "collateral/floors.h"
#include "collateral/source.h"

namespace strongroom::collateral {

struct CacheOptions {
  // How long fetched collateral is used before it is asked for again; an attacker can hide a
  // revocation so long.
  std::int64_t max_age_seconds = 24 * 3600;
  // After a failed fetch the source is left alone for this long.
  std::int64_t retry_after_seconds = 10;
  // Families of platforms kept; the least recently fetched goes first.
  std::size_t max_entries = 64;
  // What the source may be asked at most, whoever is behind it: so many fetches at once, and in all
  // so many in a row, then one for each so many seconds.
  std::size_t max_fetches_at_once = 4;
  std::size_t fetch_burst = 64;
  std::int64_t seconds_per_fetch = 5;
};

// Endorsements as received, to be sent on, and as checked, to verify quotes with.
struct CachedEndorsements {
  std::shared_ptr<const attest::Endorsements>
      raw;  // shared: sent by threads while the cache replaces it
  attest::PreparedEndorsements prepared;
};

// Verified endorsements by family of platforms, fetched when there are none, or they are old or
// over. When the source does not answer, or answers with something worse, what is still valid is
// used on. Any thread; one fetch a family at a time, and no lock is held meanwhile. Strangers
// cannot make it ask: a quote is worth a fetch, or waiting for one, when its own signatures hold up
// to an anchor.
class EndorsementCache {
 public:
  // `source` and `clock` are borrowed for life.
  EndorsementCache(EndorsementSource& source, const Clock& clock, CacheOptions options = {},
                   Floors floors = {});
  ~EndorsementCache();

  // For the platform that `quote` names, checked up to one of `anchors`; the quote itself still has
  // to be verified with them. Errors of the source; kUntrusted when what it gives is not valid now
  // or older than what was seen before, when the clock is, or when nothing is there and the quote
  // is not signed up to an anchor; kUnavailable also when the source is asked enough already.
  Result<CachedEndorsements> For(const attest::Quote& quote, const attest::TrustAnchors& anchors);
  // For a platform that the caller vouches for.
  Result<CachedEndorsements> For(const attest::EndorsementSubject& subject,
                                 const attest::TrustAnchors& anchors);

  // What to keep over restarts; it is the same as long as this number is.
  Floors floors() const;
  std::uint64_t times_raised() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace strongroom::collateral
